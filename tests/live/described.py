"""What the document says of a place in a body."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import jsonschema_rs

from aircall_mcp import spec

_HERE = "urn:facts:description"


@cache
def document() -> dict[str, Any]:
    return spec.document()


@cache
def _registry() -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry([(_HERE, document())])


def at(pointer: str) -> Any:
    found: Any = document()
    for step in pointer.removeprefix("/").split("/"):
        step = step.replace("~1", "/").replace("~0", "~")
        found = found[int(step) if isinstance(found, list) else step]
    return found


def settled(pointer: str) -> str:
    """Where a reference leads, or the same."""
    while "$ref" in (node := at(pointer)):
        pointer = node["$ref"].removeprefix("#")
    return pointer


def operation(name: str) -> tuple[str, Any]:
    """The pointer to an operation and the operation."""
    for path, item in document()["paths"].items():
        for verb in ("get", "post", "put", "delete"):
            if verb in item and item[verb]["operationId"] == name:
                return f"/paths/{path.replace('/', '~1')}/{verb}", item[verb]
    raise LookupError(name)


def body(of: str, status: int | None = None) -> str:
    """The schema of an answer (of the first success, or `status`), or of an event: its pointer."""
    if of.startswith("event "):
        event = of.removeprefix("event ")
        return settled(f"/webhooks/{event}/post/requestBody") + "/content/application~1json/schema"
    pointer, found = operation(of)
    stated = found["responses"]
    wanted = str(status) if status else next(code for code in stated if code.startswith("2"))
    return settled(f"{pointer}/responses/{wanted}") + "/content/application~1json/schema"


def places(pointer: str, path: list[str]) -> Iterator[str]:
    """Every schema at `path` below, through references, alternatives and parts."""
    pointer = settled(pointer)
    schema = at(pointer)
    for word in ("anyOf", "oneOf", "allOf"):
        for index in range(len(schema.get(word, ()))):
            yield from places(f"{pointer}/{word}/{index}", path)
    if not path:
        yield pointer
    elif path[0] == "[]":
        if "items" in schema:
            yield from places(f"{pointer}/items", path[1:])
    elif path[0] in schema.get("properties", {}):
        yield from places(f"{pointer}/properties/{path[0]}", path[1:])


def faults(pointer: str, value: Any) -> list[str]:
    """What is wrong with a value by the schema there."""
    reference = {"$ref": f"{_HERE}#{quote(pointer, safe='/~')}"}
    rules = jsonschema_rs.Draft202012Validator(reference, registry=_registry())
    return [error.message for error in rules.iter_errors(value)]
