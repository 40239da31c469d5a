"""Anthropic's strict tools: "JSON Schema limitations" of its guide to structured outputs, and what
one request takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

WORDS = {
    "type", "description", "title", "properties", "required", "items", "enum", "const", "anyOf",
    "allOf", "$ref", "$defs", "default", "format", "additionalProperties", "pattern",
}  # fmt: skip
MOST_STRICT, MOST_OPTIONAL, MOST_UNIONS = 20, 24, 16


def faults(tools: Sequence[dict[str, Any]]) -> list[str]:
    """What the API would refuse of a whole request."""
    schemas = [one["input_schema"] for one in tools if one.get("strict")]
    found = [f"{fault}" for schema in schemas for fault in _faults(schema, "$")]
    if len(schemas) > MOST_STRICT:
        found.append(f"{len(schemas)} strict tools")
    if (optional := sum(map(_optional, schemas))) > MOST_OPTIONAL:
        found.append(f"{optional} optional parameters")
    if (unions := sum(map(_unions, schemas))) > MOST_UNIONS:
        found.append(f"{unions} parameters of several types")
    return found


def _faults(schema: dict[str, Any], where: str) -> Iterator[str]:
    for word in sorted(schema.keys() - WORDS):
        yield f"{where}: {word}"
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            yield f"{where}: is open"
        for name, part in schema.get("properties", {}).items():
            yield from _faults(part, f"{where}.{name}")
    if "items" in schema:
        yield from _faults(schema["items"], f"{where}[]")


def _optional(schema: dict[str, Any]) -> int:
    parts = schema.get("properties", {})
    inside = sum(map(_optional, filter(None, [*parts.values(), schema.get("items")])))
    return inside + len(parts.keys() - set(schema.get("required", ())))


def _unions(schema: dict[str, Any]) -> int:
    parts = [*schema.get("properties", {}).values(), schema.get("items")]
    here = isinstance(schema.get("type"), list) or "anyOf" in schema
    return here + sum(map(_unions, filter(None, parts)))
