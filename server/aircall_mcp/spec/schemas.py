"""Request schemas in the plain subset of JSON Schema that all MCP clients accept, with our
descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from ..errors import SpecError
from ..ground.parameter import Text
from .references import Json, resolve

KEPT = (
    "type", "enum", "const", "minimum", "maximum", "minLength", "maxLength", "minItems",
    "maxItems", "pattern", "required",
)  # fmt: skip


class Words:
    """What we tell a model about each parameter: the operation's own table, then the shared one.

    `as_text` names those of several kinds that are told to be texts.
    """

    def __init__(self, where: str, own: Json, shared: Json, as_text: Iterable[str] = ()) -> None:
        self._where, self._own, self._shared = where, own, shared
        self._as_text, self._used = frozenset(as_text), set[str]()

    def kind_of(self, kinds: list[str], name: str) -> str:
        """The one kind that is told to clients: some mangle what may have several."""
        if name in self._as_text:
            self._used.add(name)
            return "string"
        return next(kind for kind in kinds if kind != "null")

    def of(self, *names: str) -> str:
        """The words for the first name that has some. Raises `SpecError` where none has."""
        for name in names:
            if name in self._own:
                self._used.add(name)
                return self._own[name]
        for name in names:
            if name in self._shared:
                return self._shared[name]
        raise SpecError(f"{self._where}: no words for parameter {names[0]}.")

    def all_used(self) -> None:
        """Raises `SpecError` for words that belong to nothing."""
        unknown = {*self._own, *self._as_text} - self._used
        if unknown:
            raise SpecError(f"{self._where}: words for unknown parameters {sorted(unknown)}.")


def slimmed(document: Json, schema: Json, words: Words, name: str) -> Json:
    """A request schema in the plain dialect: no references, combinators, formats or examples, and
    one kind for each value."""
    resolved = _or_null(document, resolve(document, schema))
    slim = {key: resolved[key] for key in KEPT if key in resolved}
    slim["type"] = words.kind_of(_kinds(resolved) or ["string"], name)
    if None in slim.get("enum", ()):
        slim["enum"] = [option for option in slim["enum"] if option is not None]
    if slim["type"] == "array":
        slim["items"] = slimmed(document, resolved.get("items", {}), words, f"{name}[]")
    if "properties" in resolved:
        slim["properties"] = {
            key: {
                **slimmed(document, part, words, f"{name}.{key}"),
                "description": words.of(f"{name}.{key}"),
            }
            for key, part in resolved["properties"].items()
        }
        if not resolved.get("additionalProperties"):
            slim["additionalProperties"] = False
    return slim


def _or_null(document: Json, schema: Json) -> Json:
    """ "One of this and null" as what it is: this, with null among its kinds."""
    nothing: Json = {"type": "null"}
    options = schema.get("oneOf", [])
    if len(options) != 2 or nothing not in options:
        return schema
    (other,) = (resolve(document, option) for option in options if option != nothing)
    return {**other, **schema, "type": [*_kinds(other), "null"]}


def _kinds(schema: Json) -> list[str]:
    kind: Any = schema.get("type", [])
    return cast("list[str]", kind) if isinstance(kind, list) else [kind]


def format_of(document: Json, schema: Json) -> str:
    """The form of a `Parameter` that takes this schema."""
    resolved = resolve(document, schema)
    if resolved.get("format") == "unix-seconds":
        return "time"
    if resolved.get("format") in ("e164", "email"):
        return "phone" if resolved["format"] == "e164" else "email"
    if "items" in resolved and resolve(document, resolved["items"]).get("format") == "e164":
        return "phones"
    return "plain"


def urls(document: Json, schema: Json) -> Iterator[str]:
    """The places of URLs in a value of this schema, as `Parameter.urls` has them."""
    resolved = resolve(document, schema)
    if resolved.get("format") == "uri":
        yield ""
    anything = resolved.get("additionalProperties", "properties" not in resolved)
    if "object" in _kinds(resolved) and anything:
        yield "**"
    for key, part in _parts(resolved):
        yield from (f"{key}/{place}".rstrip("/") for place in urls(document, part))


def texts(document: Json, schema: Json) -> Iterator[tuple[str, Text]]:
    """The places of texts that are more than that, as `Parameter.texts` has them."""
    resolved = resolve(document, schema)
    if {"string", "null"} <= set(_kinds(resolved)):
        yield "", "clears"
    if resolved.get("x-phone-number"):
        yield "", "phone"
    for key, part in _parts(resolved):
        for place, mark in texts(document, part):
            yield f"{key}/{place}".rstrip("/"), mark


def _parts(resolved: Json) -> Iterator[tuple[str, Json]]:
    if "items" in resolved:
        yield "*", resolved["items"]
    yield from resolved.get("properties", {}).items()


def resource_id(path: str, name: str) -> str:
    """`/v1/users/{id}` asks for a `user_id`: a bare `id` tells a model too little."""
    if name != "id":
        return name
    before = path.split("/{id}")[0].rsplit("/", 1)[-1]
    return re.sub(r"s$", "", before) + "_id"
