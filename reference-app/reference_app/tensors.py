"""The Open Inference Protocol's tensors (github.com/kserve/open-inference-protocol, inference_rest.md), in JSON.

The model has an input for each feature, of shape [n] or [n, 1]: BYTES for codes, INT64 and FP64 for numbers, though
any numeric type will do. Instead of them it takes one matrix `features` of shape [n, number of features] in the
order of the model's metadata, where a code is its index among the codes the model lists.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from reprlib import repr as shown
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from reference_app.feature_values import INTEGERS, is_optional
from reference_app.model_card import ModelCard, Value

MATRIX, OUTPUT = "features", "probability_late"
NUMERIC = frozenset(f"{kind}{bits}" for kind in ("INT", "UINT") for bits in (8, 16, 32, 64)) | {"FP16", "FP32", "FP64"}

Parameter = str | int | float | bool
Dimension = Annotated[int, Field(ge=0, le=2**63 - 1)]
Element = str | int | float | bool | None


class TensorError(Exception):
    """The tensors are not those of the model; one line with what to send."""


class Strict(BaseModel):
    # Unknown members are extensions of the protocol and, as it asks, no reason to refuse. strict: no text as number.
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class RequestInput(Strict):
    """`data` is row by row, flat or nested as its shape; null instead of an optional number means: not known."""

    name: str
    shape: tuple[Dimension, ...] = Field(min_length=1, max_length=2)
    datatype: str
    parameters: dict[str, Parameter] | None = None
    data: list[Element | list[Element]]


class RequestOutput(Strict):
    name: str
    parameters: dict[str, Parameter] | None = None


class InferenceRequest(Strict):
    id: str | None = Field(default=None, max_length=256)
    parameters: dict[str, Parameter] | None = None
    inputs: list[RequestInput] = Field(min_length=1)
    outputs: list[RequestOutput] | None = None


class ResponseOutput(Strict):
    name: str
    shape: tuple[int, ...]
    datatype: str
    data: list[float]


class InferenceResponse(Strict):
    # Names that start with model_ are the protocol's.
    model_config = ConfigDict(protected_namespaces=())

    model_name: str
    model_version: str
    id: str
    parameters: dict[str, Parameter]
    outputs: list[ResponseOutput]


class TensorMetadata(Strict):
    name: str
    datatype: str
    shape: tuple[int, ...]


def datatype_of(feature: str, card: ModelCard) -> str:
    if feature in card.categorical and any(isinstance(value, str) for value in card.categorical[feature]):
        return "BYTES"
    return "INT64" if feature in INTEGERS or feature in card.categorical else "FP64"


def inputs_of(card: ModelCard) -> list[TensorMetadata]:
    """-1 is as many rows as the client likes."""
    return [TensorMetadata(name=name, datatype=datatype_of(name, card), shape=(-1,)) for name in card.features]


def rows_of(request: InferenceRequest, card: ModelCard, most_rows: int) -> list[dict[str, Value]]:
    """Values by feature, a row each. Raises `TensorError`."""
    if unknown := [output.name for output in request.outputs or () if output.name != OUTPUT]:
        raise TensorError(f"the model has no output {shown(unknown[0])}; ask for {OUTPUT}, or leave outputs out")
    names = [tensor.name for tensor in request.inputs]
    if len(set(names)) != len(names):
        raise TensorError(f"the inputs {shown(names)} repeat a name; send each once")
    for tensor in request.inputs:
        if tensor.shape[0] > most_rows:
            raise TensorError(f"input {tensor.name} has {tensor.shape[0]} rows; send at most {most_rows} at once")
    if names == [MATRIX]:
        return _matrix_rows(request.inputs[0], card)
    columns = {tensor.name: _column(tensor, card) for tensor in request.inputs}
    if missing := [name for name in card.features if name not in columns and not is_optional(name)]:
        raise TensorError(f"the inputs lack {', '.join(missing)}; send each of them, or {MATRIX} alone")
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise TensorError(f"the inputs have {sorted(lengths)} rows; send as many of each")
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _column(tensor: RequestInput, card: ModelCard) -> Sequence[Value]:
    if tensor.name not in card.features:
        raise TensorError(
            f"the model has no input {shown(tensor.name)}; send {', '.join(card.features)}, or {MATRIX} alone"
        )
    if len(tensor.shape) == 2 and tensor.shape[1] != 1:
        raise TensorError(f"input {tensor.name} has shape {list(tensor.shape)}; use [n] or [n, 1]")
    wanted = datatype_of(tensor.name, card)
    if tensor.datatype != wanted and (wanted == "BYTES" or tensor.datatype not in NUMERIC):
        raise TensorError(f"input {tensor.name} is of type {shown(tensor.datatype)}; use {wanted}")
    return [_value(value, tensor.name, is_text=wanted == "BYTES") for value in _elements(tensor)]


def _matrix_rows(tensor: RequestInput, card: ModelCard) -> list[dict[str, Value]]:
    width = len(card.features)
    if tensor.datatype not in NUMERIC or len(tensor.shape) != 2 or tensor.shape[1] != width:
        raise TensorError(
            f"input {MATRIX} is {shown(tensor.datatype)} of shape {list(tensor.shape)}; use FP32 of shape [n, {width}]"
        )
    values = [_value(value, MATRIX, is_text=False) for value in _elements(tensor)]
    rows = (values[start : start + width] for start in range(0, len(values), width))
    return [
        {name: _decoded(name, value, card.categorical) for name, value in zip(card.features, row, strict=True)}
        for row in rows
    ]


def _decoded(feature: str, value: Value, categorical: Mapping[str, tuple[str | int, ...]]) -> Value:
    if feature not in categorical or value is None:
        return value
    known = categorical[feature]
    if isinstance(value, str) or value != int(value) or not 0 <= value < len(known):
        raise TensorError(f"{shown(value)} is no index of a {feature} in {MATRIX}; use 0 to {len(known) - 1}")
    return known[int(value)]


def _elements(tensor: RequestInput) -> list[Element]:
    """Flat, and as many as the shape says."""
    flat = list(chain.from_iterable(each if isinstance(each, list) else [each] for each in tensor.data))
    wanted = tensor.shape[0] * (tensor.shape[1] if len(tensor.shape) == 2 else 1)
    if len(flat) != wanted:
        raise TensorError(f"input {tensor.name} has {len(flat)} values; shape {list(tensor.shape)} means {wanted}")
    return flat


def _value(value: Element, name: str, *, is_text: bool) -> Value:
    if isinstance(value, bool) or (value is not None and isinstance(value, str) is not is_text):
        raise TensorError(f"{shown(value)} in input {name} is not of its type; send {'text' if is_text else 'numbers'}")
    return value
