"""Groq's tools: plain JSON Schema, but `required` without `properties` is refused, and so are
compositions at the root."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def faults(tool: dict[str, Any]) -> list[str]:
    schema = tool["function"]["parameters"]
    found = [word for word in ("anyOf", "oneOf", "allOf", "$ref", "not") if word in schema]
    if schema.get("type") != "object":
        found.append("the root is no object")
    return [*found, *_faults(schema, "$")]


def _faults(schema: dict[str, Any], where: str) -> Iterator[str]:
    if not isinstance(schema.get("type"), str | list):
        yield f"{where}: no type"
    if "required" in schema and not schema.get("properties"):
        yield f"{where}: required without properties"
    if missing := set(schema.get("required", ())) - schema.get("properties", {}).keys():
        yield f"{where}: required and not there: {missing}"
    for name, part in schema.get("properties", {}).items():
        yield from _faults(part, f"{where}.{name}")
    if "items" in schema:
        yield from _faults(schema["items"], f"{where}[]")
