"""What is wrong with arguments, worded for a model: the path and the rule, never the value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import quoted
from .nearest import nearest
from .phones import E164_PATTERN

_MOST_NAMED = 5


def explain(error: Any, schema: Mapping[str, Any]) -> tuple[str, str]:
    """A fault that the validator of `schema` found, and a hint or an empty string.

    The path and the rule, never the value: a value may be a secret or a stranger's text.
    """
    where = _where(error.instance_path)
    rule = error.kind.name
    value: Any = error.kind.value
    match rule:
        case "additionalProperties":
            names: list[str] = [quoted(str(name), 80) for name in value[:_MOST_NAMED]]
            known: list[str] = [*_at(schema, error.schema_path[:-1]).get("properties", {})]
            hints = [_meant(name, known) for name in names]
            at = f" in {where}" if error.instance_path else ""
            more = f" and {len(value) - len(names)} more" if len(value) > len(names) else ""
            hints.append(f"Known{at or ' arguments'}: {', '.join(known)}." if known else "")
            return f"unknown {listed(names)}{more}{at}", " ".join(filter(None, hints))
        case "required":
            return f"`{value}` is missing" + (f" in {where}" if error.instance_path else ""), ""
        case "type":
            return f"{where} must be {_named_types(_at(schema, error.schema_path))}", ""
        case "enum":
            options = ", ".join(json.dumps(option) for option in value[:40])
            return f"{where} must be one of {options}", ""
        case "pattern":
            if value == E164_PATTERN:
                return f"{where} must be a phone number in E.164, like +33184880000", ""
            return f"{where} must match {value}", ""
        case _ if rule in _BOUNDS:
            return f"{where} must {_BOUNDS[rule].format(value)}", ""
        case _:
            return f"{where} breaks {rule}", ""


_BOUNDS = {
    "minimum": "be at least {}",
    "maximum": "be at most {}",
    "exclusiveMinimum": "be more than {}",
    "exclusiveMaximum": "be less than {}",
    "minLength": "have at least {} characters",
    "maxLength": "have at most {} characters",
    "minItems": "have at least {} entries",
    "maxItems": "have at most {} entries",
    "minProperties": "name at least {} fields",
    "maxProperties": "name at most {} fields",
}


_ALIKE = (
    ("body", "content", "message", "text", "msg"),
    ("to", "recipients", "recipient", "phone_number", "phone", "phones", "phone_numbers"),
    ("query", "q", "search", "name"),
    ("period", "when", "date", "day"),
)
"""Arguments that are often called by each other's names, whatever they look like."""


def _meant(name: str, known: Sequence[str]) -> str:
    """Which of the known arguments is meant, as far as that can be told."""
    alike = (group for group in _ALIKE if name.casefold() in group)
    found = next((one for group in alike for one in group if one in known), "")
    return f"Did you mean `{found}`?" if found else nearest(name, known)


def listed(names: Sequence[str]) -> str:
    """The names, each in backticks."""
    return ", ".join(f"`{name}`" for name in names)


def _where(path: Sequence[str | int]) -> str:
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"`{quoted(shown.lstrip('.'), 200)}`" if shown else "the arguments"


def _at(schema: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        schema = schema[part]
    return schema


def _named_types(kinds: Any) -> str:
    words = {
        "integer": "a whole number",
        "number": "a number",
        "string": "a string",
        "boolean": "true or false",
        "array": "an array",
        "object": "an object",
        "null": "null",
    }
    listed: list[str] = [kinds] if isinstance(kinds, str) else list(kinds)
    return " or ".join(words[kind] for kind in listed)
