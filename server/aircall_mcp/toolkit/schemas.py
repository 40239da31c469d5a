"""The schema of a tool in the subsets of JSON Schema that vendors accept.

What a subset has no word for is said in the description instead; our own validator holds it either
way. An object of any fields becomes JSON in a text, which is read here as the object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

Json = dict[str, Any]

AS_TEXT: Final = "JSON object, as text"

_OPENAI: Final = frozenset({
    "type", "description", "properties", "required", "items", "enum", "additionalProperties",
    "pattern", "minimum", "maximum", "minItems", "maxItems",
})  # fmt: skip
_ANTHROPIC: Final = frozenset({
    "type", "description", "properties", "required", "items", "enum", "additionalProperties",
})  # fmt: skip
_GEMINI: Final = frozenset({
    "type", "description", "properties", "required", "items", "enum", "minimum", "maximum",
    "minItems", "maxItems", "minLength", "maxLength", "pattern",
})  # fmt: skip

_SAID: Final[Mapping[str, str]] = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters or fewer",
    "minItems": "{} items or more",
    "maxItems": "{} items or fewer",
    "pattern": "matches {}",
    "default": "default {}",
}


def strict_openai(schema: Mapping[str, Any]) -> Json:
    """All properties required, what is optional nullable, every object closed."""
    return _openai(schema)


def strict_anthropic(schema: Mapping[str, Any]) -> Json:
    """Every object closed, limits in words; what is optional stays so."""
    return _kept(schema, _ANTHROPIC, closed=True)


def for_gemini(schema: Mapping[str, Any]) -> Json | None:
    """The subset of OpenAPI that Gemini takes; None where there is nothing to give."""
    return _kept(schema, _GEMINI, closed=False) if schema["properties"] else None


def loose(schema: Mapping[str, Any]) -> Json:
    """Plain JSON Schema, as it is advertised over MCP."""
    return dict(schema)


def _openai(schema: Mapping[str, Any]) -> Json:
    kept = _kept(schema, _OPENAI, closed=True)
    _require_all(kept)
    return kept


def _require_all(schema: Json) -> None:
    if "properties" in schema:
        required = schema.get("required", ())
        for name, part in schema["properties"].items():
            _require_all(part)
            if name not in required:
                part["type"] = [part["type"], "null"]
                if "enum" in part:
                    part["enum"] = [*part["enum"], None]
        schema["required"] = list(schema["properties"])
    if "items" in schema:
        _require_all(schema["items"])


def _kept(schema: Mapping[str, Any], words: frozenset[str], *, closed: bool) -> Json:
    if schema["type"] == "object" and "properties" not in schema:
        said = schema.get("description", "")
        return {"type": "string", "description": f"{said}: {AS_TEXT}" if said else AS_TEXT}
    kept: Json = {word: value for word, value in schema.items() if word in words}
    said = [
        text.format(schema[word])
        for word, text in _SAID.items()
        if word in schema and word not in words
    ]
    if words is _GEMINI and not _texts(values := schema.get("enum", ())):
        said.append(f"one of {', '.join(map(str, values))}")
        del kept["enum"]
    if said:
        told = "; ".join(said)
        kept["description"] = f"{kept['description']} ({told})" if "description" in kept else told
    if "properties" in schema:
        kept["properties"] = {
            name: _kept(part, words, closed=closed) for name, part in schema["properties"].items()
        }
        if closed:
            kept["additionalProperties"] = False
    if "items" in schema:
        kept["items"] = _kept(schema["items"], words, closed=closed)
    if not kept.get("required", True):
        del kept["required"]
    if isinstance(kept.get("additionalProperties"), Mapping):
        del kept["additionalProperties"]
    return kept


def _texts(values: Iterable[Any]) -> bool:
    """Whether Gemini takes these values of an enum: texts alone, and none of them empty."""
    return all(isinstance(one, str) and one for one in values)
