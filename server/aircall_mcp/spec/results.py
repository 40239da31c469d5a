"""What our own tools return, as JSON Schemas: one file for each tool, of the whole object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from ..errors import SpecError
from .references import Json


def results_in(folder: Path) -> Json:
    """The schemas by the tool's name. Raises `SpecError` for what clients would not take: they want
    an object at the top, `items` in every array, and nothing that leads elsewhere.
    """
    results: Json = {}
    for file in sorted(folder.glob("*.json")):
        try:
            schema = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise SpecError(f"results/{file.name}: {error}.") from None
        if not isinstance(schema, dict) or cast("Json", schema).get("type") != "object":
            raise SpecError(f"results/{file.name}: a result is an object.")
        _refuse(f"results/{file.name}", cast("Json", schema))
        results[file.stem] = schema
    return results


def _refuse(where: str, schema: Any) -> None:
    if isinstance(schema, list):
        for part in cast("list[Any]", schema):
            _refuse(where, part)
    if not isinstance(schema, dict):
        return
    parts = cast("Json", schema)
    kinds = parts.get("type")
    if "array" in (kinds if isinstance(kinds, list) else [kinds]) and "items" not in parts:
        raise SpecError(f"{where}: an array without items.")
    if "$ref" in parts:
        raise SpecError(f"{where}: a $ref, which not every client follows.")
    for name, part in cast("Json", parts.get("properties", {})).items():
        _refuse(f"{where}: {name}", part)
    for key in ("items", "additionalProperties", "anyOf", "oneOf", "allOf", "not"):
        _refuse(where, parts.get(key))
