"""Pulumi's provider protocol over `Kind`s: check, diff, create, read, update, delete, and so refresh and import.

Nothing is pickled into the state; a resource's state is its inputs and a few outputs, in plain words.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pydantic import ValidationError

from infra.local.provider.kinds import Kind


class HighwayProvider(protocol.Provider):
    """Dispatches by resource type. Work runs in threads, so independent resources start side by side."""

    def __init__(self, kinds: Mapping[str, Kind[Any]]) -> None:
        super().__init__()
        self._kinds = kinds

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        if _has_unknowns(request.new_inputs):
            return protocol.CheckResponse(inputs=request.new_inputs)
        try:
            self._parse(request.urn, request.new_inputs)
        except ValidationError as error:
            failures = [
                protocol.CheckFailure(".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors()
            ]
            return protocol.CheckResponse(inputs=request.new_inputs, failures=failures)
        return protocol.CheckResponse(inputs=request.new_inputs)

    async def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        if _has_unknowns(request.new_inputs):
            return protocol.DiffResponse(changes=True)
        kind = self._kind(request.urn)
        new = self._parse(request.urn, request.new_inputs)
        try:
            old = self._parse(request.urn, request.old_state)
        except ValidationError:  # written by another version of the provider
            return protocol.DiffResponse(changes=True)
        changed = [field for field in type(new).model_fields if getattr(old, field) != getattr(new, field)]
        is_renamed = kind.identity(old) != kind.identity(new)
        return protocol.DiffResponse(changes=bool(changed), diffs=changed, replaces=changed if is_renamed else [])

    async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        if request.preview:
            return protocol.CreateResponse(properties=request.properties)
        kind = self._kind(request.urn)
        inputs = self._parse(request.urn, request.properties)
        identity = kind.identity(inputs)
        try:
            outputs = await asyncio.to_thread(kind.put, inputs)
        except Exception:
            # A create that failed is not in the state, so nobody would ever remove what it half made.
            await asyncio.to_thread(kind.remove, identity)
            raise
        return protocol.CreateResponse(identity, request.properties | _marshal(outputs))

    async def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        if request.preview:
            return protocol.UpdateResponse(request.news)
        outputs = await asyncio.to_thread(self._kind(request.urn).put, self._parse(request.urn, request.news))
        return protocol.UpdateResponse(request.news | _marshal(outputs))

    async def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        kind = self._kind(request.urn)
        live = await asyncio.to_thread(kind.read, request.resource_id)
        if live is None:
            return protocol.ReadResponse(resource_id="")
        if request.inputs:
            declared = self._parse(request.urn, request.inputs)
            # What cannot be seen from outside (a signal to send, a port asked for) stays as declared.
            seen = live.model_dump(exclude_unset=True)
            if declared.model_copy(update={field: getattr(live, field) for field in seen}) == declared:
                return protocol.ReadResponse(request.resource_id, request.properties, request.inputs)
            unseen = {name: value for name, value in request.inputs.items() if name not in seen}
        else:
            unseen = {}
        inputs = unseen | _marshal(live.model_dump(mode="json", exclude_unset=True))
        return protocol.ReadResponse(request.resource_id, request.properties | inputs, inputs)

    async def delete(self, request: protocol.DeleteRequest) -> None:
        await asyncio.to_thread(self._kind(request.urn).remove, request.resource_id)

    def _kind(self, urn: str) -> Kind[Any]:
        # urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>
        token = urn.split("::")[2].rpartition("$")[2]
        if token not in self._kinds:
            raise ValueError(f"the provider has no resource type {token}; it has {', '.join(sorted(self._kinds))}")
        return self._kinds[token]

    def _parse(self, urn: str, properties: Mapping[str, PropertyValue]) -> Any:
        model = self._kind(urn).inputs
        return model.model_validate(
            {name: _plain(properties[name]) for name in model.model_fields if name in properties}
        )


def _plain(value: PropertyValue) -> Any:
    match value.value:
        case Mapping() as mapping:
            return {key: _plain(item) for key, item in mapping.items()}
        case str() | bool() | None as scalar:
            return scalar
        case float() as number:
            return int(number) if number.is_integer() else number
        case items:
            return [_plain(item) for item in items]  # type: ignore[union-attr]  # arrays are all that is left


def _marshal(values: Mapping[str, Any]) -> dict[str, PropertyValue]:
    return {name: _property(value) for name, value in values.items()}


def _property(value: Any) -> PropertyValue:
    match value:
        case Mapping():
            return PropertyValue(_marshal(value))
        case list() | tuple():
            return PropertyValue([_property(item) for item in value])
        case bool() | str() | None:
            return PropertyValue(value)
        case _:
            return PropertyValue(float(value))


def _has_unknowns(properties: Mapping[str, PropertyValue]) -> bool:
    return any(_is_unknown(value) for value in properties.values())


def _is_unknown(value: PropertyValue) -> bool:
    match value.value:
        case Computed():
            return True
        case Mapping() as mapping:
            return any(map(_is_unknown, mapping.values()))
        case str():
            return False
        case list() | tuple() as items:
            return any(map(_is_unknown, items))
        case _:
            return False
