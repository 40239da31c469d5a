"""The arguments of an operation: path, query, body, and our own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..ground.operation import PAGE_SIZE
from ..ground.phones import E164_PATTERN
from .references import Json, body_schema, resolve
from .schemas import Words, format_of, resource_id, slimmed, texts, urls

OUR_DEFAULTS = {"order": "desc", "per_page": PAGE_SIZE}

DETAIL: Json = {
    "type": "string",
    "enum": ["concise", "full"],
    "description": "full = all fields and links",
}
FRESH: Json = {"type": "boolean", "description": "Read anew"}
MAX_ITEMS: Json = {
    "type": "integer",
    "minimum": 1,
    "maximum": 10000,
    "description": "Fetch pages up to this many",
}
SKIP: Json = {
    "type": "integer",
    "minimum": 0,
    "maximum": 10000,
    "description": "As page.next has it",
}


def path_and_query(document: Json, operation: Json, words: Words) -> Iterator[Json]:
    """A row for each parameter of path and query."""
    for reference in operation["parameters"]:
        parameter = resolve(document, reference)
        wire: str = parameter["name"]
        plain = wire.removesuffix("[]")
        name = resource_id(operation["path"], wire) if parameter["in"] == "path" else plain
        schema = slimmed(document, parameter["schema"], words, plain)
        yield _parameter(
            name, wire, parameter["in"], parameter.get("required", False), schema,
            _form(document, parameter, schema), words.of(name, plain),
            urls(document, parameter["schema"]), dict(texts(document, parameter["schema"])),
        )  # fmt: skip


def _form(document: Json, parameter: Json, schema: Json) -> str:
    """Its format; of a text in the path, which kind of id. Where the document knows two kinds, the
    text may be an e-mail address."""
    if parameter["in"] != "path" or schema["type"] != "string":
        return format_of(document, parameter["schema"])
    described = resolve(document, parameter["schema"])
    if described.get("format") == "uuid":
        return "uuid"
    return "id_or_email" if isinstance(described.get("type"), list) else "id"


def body(document: Json, operation: Json, words: Words) -> Iterator[Json]:
    """A row for each field of the JSON body."""
    schema = body_schema(document, operation)
    for name, part in schema.get("properties", {}).items():
        yield _parameter(
            name, name, "body", name in schema.get("required", ()),
            slimmed(document, part, words, name), format_of(document, part), words.of(name),
            urls(document, part), dict(texts(document, part)),
        )  # fmt: skip


def _parameter(
    name: str, wire: str, place: str, required: bool, schema: Json, form: str, words: str,
    urls: Iterable[str], texts: Json,
) -> Json:  # fmt: skip
    if form == "time":
        schema = {"type": "string"}
    elif form == "phone":
        schema = {"type": "string", "pattern": E164_PATTERN}
    elif form == "phones":
        schema = {**schema, "items": {"type": "string", "pattern": E164_PATTERN}}
    elif form == "email":
        form, schema = "plain", {"minLength": 3, **schema} if place == "body" else schema
    if place == "query" and name in OUR_DEFAULTS:
        schema["default"] = OUR_DEFAULTS[name]
    return {
        "name": name,
        "wire": wire,
        "place": place,
        "required": required,
        "schema": {**schema, "description": words},
        "form": form,
        **({"urls": found} if (found := sorted(urls)) else {}),
        **({"texts": texts} if texts else {}),
    }


def ours(answer: Json, overlay: Json) -> Iterator[Json]:
    """The arguments that are ours: how much of an answer, how many items, whether anew."""
    reserved = {"detail": DETAIL} if answer["status"] != 204 else {}
    if answer["is_list"] and answer["paging"] != "none":
        reserved |= {"max_items": MAX_ITEMS, "skip": SKIP}
    if overlay.get("keeps"):
        reserved["fresh"] = FRESH
    for name, schema in reserved.items():
        yield {
            "name": name, "wire": name, "place": "ours", "required": False, "schema": schema,
            "form": "plain",
        }  # fmt: skip


def input_schema(parameters: list[Json]) -> Json:
    """The schema that is advertised."""
    required = [parameter["name"] for parameter in parameters if parameter["required"]]
    return {
        "type": "object",
        "properties": {parameter["name"]: parameter["schema"] for parameter in parameters},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }
