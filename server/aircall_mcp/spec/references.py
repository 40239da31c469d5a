"""The OpenAPI document: its operations, and its references resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from ..errors import SpecError

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")


def operations_of(document: Json) -> Iterator[tuple[str, Json]]:
    """Each operation by its id, with its path, method and all its parameters."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
                yield (
                    operation["operationId"],
                    {**operation, "path": path, "method": method.upper(), "parameters": parameters},
                )


def resolve(document: Json, schema: Json) -> Json:
    """What a `$ref` leads to, or the schema itself. Raises `SpecError` where it leads nowhere."""
    while "$ref" in schema:
        reference: str = schema["$ref"]
        if not reference.startswith("#/"):
            raise SpecError(f"{reference} leads out of the document.")
        target: Any = document
        for part in reference[2:].split("/"):
            if part not in target:
                raise SpecError(f"{reference} leads nowhere.")
            target = target[part]
        schema = target
    return schema


def media_of(document: Json, holder: Json | None) -> Json:
    """The JSON of a request body or a response: schema and example, or nothing."""
    content: Json = resolve(document, holder).get("content", {}) if holder else {}
    return content.get("application/json", {})


def body_schema(document: Json, operation: Json) -> Json:
    """The schema of an operation's JSON body, or nothing."""
    media = media_of(document, operation.get("requestBody"))
    return resolve(document, media["schema"]) if media else {}


def properties(document: Json, schema: Json) -> Iterator[tuple[str, list[Json]]]:
    """Every property name anywhere below `schema`, with the schemas that bear it."""
    found: dict[str, list[Json]] = {}
    seen: set[int] = set()

    def walk(part: Any) -> None:
        if not isinstance(part, Mapping):
            return
        resolved = resolve(document, cast("Json", part))
        if id(resolved) in seen:
            return
        seen.add(id(resolved))
        for name, child in resolved.get("properties", {}).items():
            found.setdefault(name, []).append({**resolve(document, child), **child})
            walk(child)
        for key in ("items", "additionalProperties"):
            walk(resolved.get(key))
        for key in ("oneOf", "anyOf", "allOf"):
            for child in resolved.get(key, ()):
                walk(child)

    walk(schema)
    yield from found.items()
