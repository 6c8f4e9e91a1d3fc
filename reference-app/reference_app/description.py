"""What /openapi.json says beyond the types: the codes, names and inputs that the model of the moment knows.

A client that is generated from it then offers carriers instead of any text, and a fuzzer gets past the first check.
"""

import copy
from typing import Any

from pydantic import BaseModel

from reference_app.model import Model
from reference_app.model_card import CODES
from reference_app.tensors import MATRIX, NUMERIC

JSON, DEFINITIONS = "application/json", "$defs"
OF_THE_FRAMEWORK = ("HTTPValidationError", "ValidationError")


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """For routes that parse the body themselves, within bounds of their own."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def described(schema: dict[str, Any], model: Model) -> dict[str, Any]:
    """A completed copy of `schema`, which is the framework's for the app."""
    document = copy.deepcopy(schema)
    paths, definitions = document["paths"], document["components"]["schemas"]
    for operation in (operation for methods in paths.values() for operation in methods.values()):
        if "requestBody" in operation:
            definitions.update(_body(operation).pop(DEFINITIONS, {}))
        for parameter in operation.get("parameters", ()):
            known = {"name": model.card.name, "version": model.version}
            parameter["schema"]["enum"] = [known[parameter["name"]]]
        # The framework promises a 422 of its own wherever a path has a part that varies; text is never refused.
        if OF_THE_FRAMEWORK[0] in str(operation["responses"].get("422")):
            del operation["responses"]["422"]
    for name in OF_THE_FRAMEWORK:
        definitions.pop(name, None)
    for path in ("/predict", "/predict/explain"):
        _codes(_body(paths[path]["post"]), model)
    _codes(_body(paths["/predict/batch"]["post"])["properties"]["flights"]["items"], model)
    tensor = definitions["RequestInput"]["properties"]
    tensor["name"]["enum"] = [*model.card.features, MATRIX]
    tensor["datatype"]["enum"] = sorted({*NUMERIC, "BYTES"})
    return document


def _body(operation: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = operation["requestBody"]["content"][JSON]["schema"]
    return schema


def _codes(flight: dict[str, Any], model: Model) -> None:
    for code in CODES:
        flight["properties"][code]["enum"] = sorted(model.card.codes(code))
