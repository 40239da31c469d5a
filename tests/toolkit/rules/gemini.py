"""Gemini's `Schema` of a function declaration: the fields that the API's reference lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

WORDS = {
    "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems",
    "properties", "required", "minProperties", "maxProperties", "minLength", "maxLength",
    "pattern", "example", "anyOf", "propertyOrdering", "default", "items", "minimum", "maximum",
}  # fmt: skip
KINDS = {"string", "number", "integer", "boolean", "array", "object"}


def faults(declaration: dict[str, Any]) -> list[str]:
    found = [] if re.fullmatch(r"[a-zA-Z_][\w.-]{0,63}", declaration["name"]) else ["name"]
    if not declaration.get("description"):
        found.append("no description")
    if "parameters" in declaration:
        if declaration["parameters"].get("type") != "object":
            found.append("the root is no object")
        found += _faults(declaration["parameters"], "$")
    return found


def _faults(schema: dict[str, Any], where: str) -> Iterator[str]:
    for word in sorted(schema.keys() - WORDS):
        yield f"{where}: {word}"
    kind = schema.get("type")
    if kind not in KINDS:
        yield f"{where}: type {kind}"
    if kind == "object" and not schema.get("properties"):
        yield f"{where}: an object of nothing"
    if missing := set(schema.get("required", ())) - schema.get("properties", {}).keys():
        yield f"{where}: required and not there: {missing}"
    if kind == "array" and "items" not in schema:
        yield f"{where}: no items"
    if "enum" in schema and (kind != "string" or not all(schema["enum"])):
        yield f"{where}: values of an enum that are no texts"
    for name, part in schema.get("properties", {}).items():
        yield from _faults(part, f"{where}.{name}")
    if "items" in schema:
        yield from _faults(schema["items"], f"{where}[]")
