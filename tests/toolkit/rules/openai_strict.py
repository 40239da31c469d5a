"""OpenAI's strict function tools: "Supported schemas" of the guide to structured outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

WORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"pattern", "format", "enum"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "enum"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "enum"},
    "boolean": {"enum"},
    "null": set[str](),
}
DEEPEST, MOST_PROPERTIES, MOST_VALUES, MOST_LETTERS = 10, 5_000, 1_000, 120_000
NAME = 64


def faults(tool: dict[str, Any]) -> list[str]:
    """What the API would refuse of a tool, in either of its two forms."""
    function = tool.get("function", tool)
    schema = function["parameters"]
    found = list(_faults(schema, "$", 1))
    if not function["strict"]:
        found.append("is not strict")
    if schema.get("type") != "object":
        found.append("the root is no object")
    if len(function["name"]) > NAME:
        found.append("the name is too long")
    parts = list(_parts(schema))
    if sum(len(one.get("properties", ())) for one in parts) > MOST_PROPERTIES:
        found.append("too many properties")
    if sum(len(one.get("enum", ())) for one in parts) > MOST_VALUES:
        found.append("too many values of enums")
    words = [w for one in parts for w in (*one.get("properties", ()), *one.get("enum", ()))]
    if sum(len(str(word)) for word in words) > MOST_LETTERS:
        found.append("too many letters")
    return found


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for part in schema.get("properties", {}).values():
        yield from _parts(part)
    if "items" in schema:
        yield from _parts(schema["items"])


def _faults(schema: dict[str, Any], where: str, depth: int) -> Iterator[str]:
    kind = schema.get("type")
    kinds = cast("list[str]", kind) if isinstance(kind, list) else [str(kind)]
    allowed = {"type", "description"}.union(*(WORDS.get(kind, set[str]()) for kind in kinds))
    if any(kind not in WORDS for kind in kinds):
        yield f"{where}: type {kinds}"
    for word in sorted(schema.keys() - allowed):
        yield f"{where}: {word}"
    if depth > DEEPEST:
        yield f"{where}: too deep"
    if "object" in kinds:
        if schema.get("additionalProperties") is not False:
            yield f"{where}: is open"
        if list(schema.get("required", ())) != list(schema.get("properties", {})):
            yield f"{where}: not all are required"
        for name, part in schema.get("properties", {}).items():
            yield from _faults(part, f"{where}.{name}", depth + 1)
    if "array" in kinds:
        if "items" not in schema:
            yield f"{where}: no items"
        else:
            yield from _faults(schema["items"], f"{where}[]", depth + 1)
    if "pattern" in schema and "(?" in schema["pattern"]:
        yield f"{where}: the pattern looks around"
    for value in schema.get("enum", ()):
        if value is None and "null" not in kinds:
            yield f"{where}: null among the values"
