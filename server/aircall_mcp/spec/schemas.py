"""Request schemas in the plain dialect that all MCP clients accept, in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from ..errors import SpecError
from .references import Json, resolve

KEPT = (
    "type", "enum", "const", "minimum", "maximum", "minLength", "maxLength", "minItems",
    "maxItems", "pattern", "required",
)  # fmt: skip


class Words:
    """What we tell a model about each parameter: the operation's own table, then the shared one."""

    def __init__(self, where: str, own: Json, shared: Json) -> None:
        self._where, self._own, self._shared = where, own, shared
        self._used: set[str] = set()

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
        unknown = set(self._own) - self._used
        if unknown:
            raise SpecError(f"{self._where}: words for unknown parameters {sorted(unknown)}.")


def slimmed(document: Json, schema: Json, words: Words, name: str) -> Json:
    """A request schema in the plain dialect: no references, combinators, formats or examples."""
    resolved = resolve(document, schema)
    slim = {key: resolved[key] for key in KEPT if key in resolved}
    if "items" in resolved:
        slim["items"] = slimmed(document, resolved["items"], words, f"{name}[]")
    elif "array" in (resolved.get("type"), *_listed(resolved.get("type"))):
        slim["items"] = {}
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


def _listed(kind: Any) -> list[Any]:
    return cast("list[Any]", kind) if isinstance(kind, list) else []


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
    kinds = (resolved.get("type"), *_listed(resolved.get("type")))
    if "object" in kinds and resolved.get("additionalProperties", "properties" not in resolved):
        yield "**"  # anything may stand there
    parts = {"*": resolved["items"]} if "items" in resolved else {}
    for key, part in {**parts, **resolved.get("properties", {})}.items():
        yield from (f"{key}/{place}".rstrip("/") for place in urls(document, part))


def resource_id(path: str, name: str) -> str:
    """`/v1/users/{id}` asks for a `user_id`: a bare `id` tells a model too little."""
    if name != "id":
        return name
    before = path.split("/{id}")[0].rsplit("/", 1)[-1]
    return re.sub(r"s$", "", before) + "_id"
