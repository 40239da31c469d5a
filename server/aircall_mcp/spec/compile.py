"""From `tool_specs/` to the JSON inside the package: `python -m aircall_mcp.spec.compile`.

A development step. Every `$ref` is resolved, request schemas are flattened into the dialect that
all MCP clients accept, our words are laid over Aircall's, and whatever does not fit together stops
the build with the file, the operation and the key. With `--check` nothing is written: exit 1 says
that the committed files are stale.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from ..errors import ArgumentError, SpecError
from ..ground.operation import EFFECTS, PAGE_SIZE, STAKES, Settling
from ..ground.phones import E164_PATTERN
from . import operation_from

Json = dict[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")
REPEATABLE = ("safe", "idempotent", "never")
LONGEST_TOOL_NAME = 45
KEPT = (
    "type", "enum", "const", "minimum", "maximum", "minLength", "maxLength", "minItems",
    "maxItems", "pattern", "required",
)  # fmt: skip
OUR_DEFAULTS = {"order": "desc", "per_page": PAGE_SIZE}

DETAIL: Json = {
    "type": "string",
    "enum": ["concise", "full"],
    "description": "full = all fields, links with expiry",
}
FRESH: Json = {"type": "boolean", "description": "Read anew"}
MAX_ITEMS: Json = {
    "type": "integer",
    "minimum": 1,
    "maximum": 10000,
    "description": "Fetch pages up to this many",
}


def compile_sources(root: Path) -> tuple[Json, Json]:
    """The registry and the document built from `root`, ready to be written as JSON."""
    import yaml

    try:
        text = (root / "aircall.openapi.yaml").read_text("utf-8")
        # The same loader in C, where there is one: ten times as fast.
        document: Json = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (OSError, yaml.YAMLError) as error:
        raise SpecError(f"aircall.openapi.yaml: {error}.") from None
    shared: Json = _toml(root / "parameters.toml")["parameters"]
    aliases: Json = _toml(root / "aliases.toml").get("aliases", {})
    overlays: dict[str, tuple[str, Json]] = {}
    excluded: Json = {}
    toolsets: list[Json] = []
    own: list[Json] = []
    for file in sorted((root / "toolsets").glob("*.toml")):
        content = _toml(file)
        if file.stem == "excluded":
            excluded = content["excluded"]
            continue
        if content.get("name") != file.stem:
            raise SpecError(f"{file.name}: name must be {file.stem!r}.")
        with _at(file.name):
            toolsets.append({key: content[key] for key in ("name", "title", "description")})
        for name, tool in content.get("tools", {}).items():
            with _at(f"{file.name}: {name}"):
                own.append(_own_row(file.stem, name, tool))
        for operation_id, overlay in content.get("operations", {}).items():
            if operation_id in overlays:
                raise SpecError(f"{file.name}: {operation_id} stands in two toolsets.")
            overlays[operation_id] = (file.stem, overlay)
    described = dict(_operations_of(document))
    _same_ids(set(described), set(overlays), set(excluded))
    rows: list[Json] = []
    for operation_id, (toolset, overlay) in overlays.items():
        with _at(f"toolsets/{toolset}.toml: {operation_id}"):
            rows.append(_row(document, described[operation_id], toolset, overlay, shared))
    _performers_at_worst([*own, *rows])
    _check_references(rows, described, aliases)
    _check_settling(rows)
    return {"toolsets": toolsets, "aliases": aliases, "operations": [*own, *rows]}, document


@contextmanager
def _at(where: str) -> Generator[None]:
    """What goes wrong inside, told with its place."""
    try:
        yield
    except KeyError as error:
        raise SpecError(f"{where}: {error} is missing.") from None
    except SpecError as error:
        told = error.message if where in error.message else f"{where}: {error.message}"
        raise SpecError(told) from None
    except ArgumentError as error:
        raise SpecError(f"{where}: the example does not fit: {error.message}") from None


def _toml(file: Path) -> Json:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SpecError(f"{file.name}: {error}.") from None


def _operations_of(document: Json) -> Iterator[tuple[str, Json]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
                yield (
                    operation["operationId"],
                    {**operation, "path": path, "method": method.upper(), "parameters": parameters},
                )


def _same_ids(described: set[str], overlaid: set[str], excluded: set[str]) -> None:
    if described != overlaid | excluded or overlaid & excluded:
        raise SpecError(
            "Document and toolsets differ:"
            f" not in a toolset {sorted(described - overlaid - excluded)},"
            f" not in the document {sorted((overlaid | excluded) - described)},"
            f" in a toolset and excluded {sorted(overlaid & excluded)}."
        )


def _row(document: Json, operation: Json, toolset: str, overlay: Json, shared: Json) -> Json:
    operation_id = operation["operationId"]
    where = f"toolsets/{toolset}.toml: {operation_id}"
    words = _Words(where, overlay.get("parameters", {}), shared)
    parameters = [
        *_path_and_query(document, operation, words),
        *_body(document, operation, words),
    ]
    answer = _answer(document, operation)
    parameters += _ours(answer, overlay)
    words.all_used()
    names = [parameter["name"] for parameter in parameters]
    if len(set(names)) != len(names):
        raise SpecError(f"{where}: two arguments have one name in {names}.")
    tool = f"aircall_{operation_id}"
    if len(tool) > LONGEST_TOOL_NAME:
        raise SpecError(f"{where}: {tool} is longer than {LONGEST_TOOL_NAME} characters.")
    if overlay["effect"] not in EFFECTS or overlay["repeatable"] not in REPEATABLE:
        raise SpecError(f"{where}: effect or repeatable is no known word.")
    stakes = _stakes(overlay, parameters)
    sibling = overlay.get("not_to_confuse", {})
    row: Json = {
        "id": operation_id,
        "tool": tool,
        "method": operation["method"],
        "path": operation["path"],
        "toolset": toolset,
        "title": overlay["title"],
        "summary": overlay["summary"],
        "description": overlay["description"],
        "effect": overlay["effect"],
        "repeatable": overlay["repeatable"],
        "parameters": parameters,
        "input_schema": _input_schema(parameters),
        "answer": answer,
        **_rules(document, operation),
        "example": _example(document, operation, parameters),
        "utterances": overlay["utterances"],
        "needs_first": overlay.get("needs_first", []),
        "sibling": sibling.get("operation", ""),
        "sibling_because": sibling.get("because", ""),
        "add_on": operation.get("x-add-on", ""),
        "retired": {
            "sunset": str(operation.get("x-sunset") or ""),
            "replacement": operation.get("x-replacement") or "",
        }
        if operation.get("deprecated")
        else None,
        "settled_by": overlay.get("settled_by") or _read_back(document, operation, overlay),
        "keeps": overlay.get("keeps", 0),
        **stakes,
    }
    operation_from(row).bind(row["example"])
    return row


def _own_row(toolset: str, name: str, tool: Json) -> Json:
    """A tool of our own: the same data as an operation, with nothing at Aircall behind it."""
    parameters: list[Json] = [
        {
            "name": key,
            "wire": key,
            "place": "ours",
            "required": schema.get("required", False),
            "schema": {k: v for k, v in schema.items() if k not in ("required", "form")},
            "form": schema.get("form", "plain"),
        }
        for key, schema in tool["parameters"].items()
    ]
    row: Json = {
        "id": name,
        "tool": f"aircall_{name}",
        "method": "",
        "path": "",
        "toolset": toolset,
        **{key: tool[key] for key in ("title", "summary", "description", "effect", "repeatable")},
        "parameters": parameters,
        "input_schema": _input_schema(parameters),
        "answer": {"status": 200},
        "example": tool["example"],
        "utterances": tool["utterances"],
        "surfaces": tool["surfaces"],
        **({} if name in EFFECTS else _stakes(tool, parameters)),
    }
    operation_from(row).bind(row["example"])
    return row


def _stakes(overlay: Json, parameters: list[Json]) -> Json:
    """What is at stake, argued for; the parameters are told theirs. Only a read may say nothing."""
    if overlay["effect"] == "read" and "stakes" not in overlay:
        return {}
    stakes, because = _argued(overlay["stakes"])
    by_name = {parameter["name"]: parameter for parameter in parameters}
    for name, said in overlay.get("at_stake", {}).items():
        if name not in by_name:
            raise SpecError(f"at_stake: there is no parameter {name}.")
        by_name[name]["stakes"], by_name[name]["because"] = _argued(said)
    worst = {stakes, *(parameter.get("stakes", "none") for parameter in parameters)} - {"none"}
    additive = overlay.get("additive", False)
    if additive and overlay["effect"] != "write":
        raise SpecError("only a write can be additive.")
    return {"stakes": stakes, "because": because, "worst": sorted(worst), "additive": additive}


def _argued(said: str) -> tuple[str, str]:
    """`exposes: because it does` as its two halves."""
    word, _, because = said.partition(": ")
    if word not in STAKES or not because:
        raise SpecError(f"stakes = {said!r} must be one of {', '.join(STAKES)}, and why.")
    return word, because


def _performers_at_worst(rows: list[Json]) -> None:
    """What performs operations of one effect is marked by the worst of them."""
    for performer in rows:
        if performer["id"] in EFFECTS:
            worst = {
                stakes
                for row in rows
                if row["effect"] == performer["id"]
                for stakes in row.get("worst", ())
            }
            performer["worst"] = sorted(worst)


class _Words:
    """What we tell a model about each parameter: the operation's own table, then the shared one."""

    def __init__(self, where: str, own: Json, shared: Json) -> None:
        self._where, self._own, self._shared = where, own, shared
        self._used: set[str] = set()

    def of(self, *names: str) -> str:
        for name in names:
            if name in self._own:
                self._used.add(name)
                return self._own[name]
        for name in names:
            if name in self._shared:
                return self._shared[name]
        raise SpecError(f"{self._where}: no words for parameter {names[0]}.")

    def all_used(self) -> None:
        unknown = set(self._own) - self._used
        if unknown:
            raise SpecError(f"{self._where}: words for unknown parameters {sorted(unknown)}.")


def _path_and_query(document: Json, operation: Json, words: _Words) -> Iterator[Json]:
    for reference in operation["parameters"]:
        parameter = _resolved(document, reference)
        wire: str = parameter["name"]
        plain = wire.removesuffix("[]")
        name = _resource_id(operation["path"], wire) if parameter["in"] == "path" else plain
        schema = _slim(document, parameter["schema"], words, plain)
        yield _parameter(
            name, wire, parameter["in"], parameter.get("required", False), schema,
            _format_of(document, parameter["schema"]), words.of(name, plain),
            _urls(document, parameter["schema"]),
        )  # fmt: skip


def _body(document: Json, operation: Json, words: _Words) -> Iterator[Json]:
    schema = _body_schema(document, operation)
    for name, part in schema.get("properties", {}).items():
        yield _parameter(
            name, name, "body", name in schema.get("required", ()),
            _slim(document, part, words, name), _format_of(document, part), words.of(name),
            _urls(document, part),
        )  # fmt: skip


def _parameter(
    name: str, wire: str, place: str, required: bool, schema: Json, form: str, words: str,
    urls: Iterable[str],
) -> Json:  # fmt: skip
    if form == "time":
        schema = {"type": ["integer", "string"]}
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
    }


def _ours(answer: Json, overlay: Json) -> Iterator[Json]:
    reserved = {"detail": DETAIL} if answer["status"] != 204 else {}
    if answer["is_list"] and answer["paging"] != "none":
        reserved["max_items"] = MAX_ITEMS
    if overlay.get("keeps"):
        reserved["fresh"] = FRESH
    for name, schema in reserved.items():
        yield {
            "name": name, "wire": name, "place": "ours", "required": False, "schema": schema,
            "form": "plain",
        }  # fmt: skip


def _input_schema(parameters: list[Json]) -> Json:
    required = [parameter["name"] for parameter in parameters if parameter["required"]]
    return {
        "type": "object",
        "properties": {parameter["name"]: parameter["schema"] for parameter in parameters},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _rules(document: Json, operation: Json) -> Json:
    schema = _body_schema(document, operation)

    def group(key: str) -> list[list[str]]:
        options = schema.get(key)
        if not options:
            return []
        if any(set(option) != {"required"} or len(option["required"]) != 1 for option in options):
            raise SpecError(f"{operation['operationId']}: {key} of the body is no list of names.")
        return [[option["required"][0] for option in options]]

    one, some = group("oneOf"), group("anyOf")
    if operation["operationId"].startswith("update_") and not (
        one or some or schema.get("required")
    ):
        some = [list(schema["properties"])] if "properties" in schema else []  # a change of nothing
    return {"exactly_one": one, "at_least_one": some}


def _example(document: Json, operation: Json, parameters: list[Json]) -> Json:
    example: Json = {}
    by_wire = {parameter["wire"]: parameter["name"] for parameter in parameters}
    for reference in operation["parameters"]:
        parameter = _resolved(document, reference)
        given = parameter.get("example", parameter["schema"].get("example"))
        if parameter.get("required"):
            example[by_wire[parameter["name"]]] = given
    media = _media(document, operation.get("requestBody"))
    return {**example, **media.get("example", {})}


def _answer(document: Json, operation: Json) -> Json:
    good = {
        int(status): _resolved(document, response)
        for status, response in operation["responses"].items()
        if str(status).startswith("2")
    }
    plain = [status for status, response in good.items() if not response.get("x-inferred")]
    status = min(plain or good)
    schema = _media(document, good[status]).get("schema", {})
    key = operation.get("x-items-key") or operation.get("x-envelope-key") or ""
    properties = dict(_properties(document, schema))
    if key and key not in _resolved(document, schema).get("properties", {}):
        raise SpecError(f"{operation['operationId']}: the answer has no top-level key {key!r}.")

    def marked(mark: str, value: object = True) -> list[str]:
        return sorted(
            n for n, parts in properties.items() if any(p.get(mark) == value for p in parts)
        )

    return {
        "status": status,
        "key": key,
        "is_list": "x-items-key" in operation,
        "paging": operation.get("x-paging", "none"),
        "capped": bool(operation.get("x-item-cap")),
        "secrets": marked("x-secret"),
        "expiring": {
            name: part["x-expires-in-seconds"]
            for name, parts in sorted(properties.items())
            for part in parts
            if "x-expires-in-seconds" in part
        },
        "strangers": marked("x-free-text"),
        "seconds": marked("format", "unix-seconds"),
        "milliseconds": marked("format", "unix-milliseconds"),
    }


def _properties(document: Json, schema: Json) -> Iterator[tuple[str, list[Json]]]:
    """Every property name anywhere below `schema`, with the schemas that bear it."""
    found: dict[str, list[Json]] = {}
    seen: set[int] = set()

    def walk(part: Any) -> None:
        if not isinstance(part, Mapping):
            return
        resolved = _resolved(document, cast("Json", part))
        if id(resolved) in seen:
            return
        seen.add(id(resolved))
        for name, child in resolved.get("properties", {}).items():
            found.setdefault(name, []).append({**_resolved(document, child), **child})
            walk(child)
        for key in ("items", "additionalProperties"):
            walk(resolved.get(key))
        for key in ("oneOf", "anyOf", "allOf"):
            for child in resolved.get(key, ()):
                walk(child)

    walk(schema)
    yield from found.items()


def _slim(document: Json, schema: Json, words: _Words, name: str) -> Json:
    """A request schema in the plain dialect: no references, combinators, formats or examples."""
    resolved = _resolved(document, schema)
    slim = {key: resolved[key] for key in KEPT if key in resolved}
    if "items" in resolved:
        slim["items"] = _slim(document, resolved["items"], words, f"{name}[]")
    elif "array" in (resolved.get("type"), *_listed(resolved.get("type"))):
        slim["items"] = {}
    if "properties" in resolved:
        slim["properties"] = {
            key: {
                **_slim(document, part, words, f"{name}.{key}"),
                "description": words.of(f"{name}.{key}"),
            }
            for key, part in resolved["properties"].items()
        }
        if not resolved.get("additionalProperties"):
            slim["additionalProperties"] = False
    return slim


def _listed(kind: Any) -> list[Any]:
    return cast("list[Any]", kind) if isinstance(kind, list) else []


def _format_of(document: Json, schema: Json) -> str:
    resolved = _resolved(document, schema)
    if resolved.get("format") == "unix-seconds":
        return "time"
    if resolved.get("format") in ("e164", "email"):
        return "phone" if resolved["format"] == "e164" else "email"
    if "items" in resolved and _resolved(document, resolved["items"]).get("format") == "e164":
        return "phones"
    return "plain"


def _urls(document: Json, schema: Json) -> Iterator[str]:
    """The places of URLs in a value of this schema, as `Parameter.urls` has them."""
    resolved = _resolved(document, schema)
    if resolved.get("format") == "uri":
        yield ""
    kinds = (resolved.get("type"), *_listed(resolved.get("type")))
    if "object" in kinds and resolved.get("additionalProperties", "properties" not in resolved):
        yield "**"  # anything may stand there
    parts = {"*": resolved["items"]} if "items" in resolved else {}
    for key, part in {**parts, **resolved.get("properties", {})}.items():
        yield from (f"{key}/{place}".rstrip("/") for place in _urls(document, part))


def _resource_id(path: str, name: str) -> str:
    """`/v1/users/{id}` asks for a `user_id`: a bare `id` tells a model too little."""
    if name != "id":
        return name
    before = path.split("/{id}")[0].rsplit("/", 1)[-1]
    return re.sub(r"s$", "", before) + "_id"


def _body_schema(document: Json, operation: Json) -> Json:
    media = _media(document, operation.get("requestBody"))
    return _resolved(document, media["schema"]) if media else {}


def _media(document: Json, holder: Json | None) -> Json:
    content: Json = _resolved(document, holder).get("content", {}) if holder else {}
    return content.get("application/json", {})


def _resolved(document: Json, schema: Json) -> Json:
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


def _read_back(document: Json, operation: Json, overlay: Json) -> Json | None:
    """For what may be repeated: the read of the same path, which shows what came of it."""
    read = document["paths"][operation["path"]].get("get")
    if overlay["repeatable"] != "idempotent" or read is None or read.get("deprecated"):
        return None
    names = [
        _resource_id(operation["path"], parameter["name"])
        for parameter in (_resolved(document, one) for one in operation["parameters"])
        if parameter["in"] == "path"
    ]
    body = _body_schema(document, operation).get("properties", {})
    return {
        "operation": read["operationId"],
        "ask": {name: name for name in names},
        **({"gone": True} if operation["method"] == "DELETE" else {"match": {n: n for n in body}}),
    }


def _check_settling(rows: list[Json]) -> None:
    """Every read that settles something is described, and so is every argument it names."""
    arguments = {row["id"]: {part["name"] for part in row["parameters"]} for row in rows}
    reads = {row["id"] for row in rows if row["effect"] == "read"}
    for row in rows:
        if row["settled_by"] is None:
            continue
        rule = operation_from(row).settled_by or Settling("")
        ours = {path.split(".")[0] for path in (*rule.ask.values(), *rule.match.values())}
        theirs = {*rule.ask, *rule.fixed}
        if (
            rule.operation not in reads
            or not ours <= arguments[row["id"]]
            or not theirs <= arguments[rule.operation]
        ):
            raise SpecError(f"{row['id']}: settled_by = {rule} does not fit.")


def _check_references(rows: list[Json], described: Json, aliases: Json) -> None:
    known = set(described)
    tools = {row["tool"] for row in rows}
    for row in rows:
        retired: Json = row["retired"] or {}
        replacement: str = retired.get("replacement", "")
        named: list[str] = [*row["needs_first"], *filter(None, (row["sibling"], replacement))]
        for name in named:
            if name not in known:
                raise SpecError(f"{row['id']} refers to {name}, which is no operation.")
    for old, new in aliases.items():
        if old in tools or new not in tools:
            raise SpecError(f"aliases.toml: {old} = {new} must lead from no tool to a tool.")


def main(argv: list[str] | None = None) -> int:
    """Compile, or with `--check` compare. 0 = fine, 1 = stale or wrong."""
    package = Path(__file__).parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, default=package.parent.parent / "tool_specs")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(argv)
    try:
        registry, document = compile_sources(options.sources)
    except SpecError as error:
        print(f"specs: {error.message}", file=sys.stderr)
        return 1
    stale = False
    for name, content in (("registry.json", registry), ("openapi.json", document)):
        file = package / "_compiled" / name
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
        if file.exists() and file.read_text("utf-8") == text:
            continue
        stale = True
        if not options.check:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, "utf-8")
            print(f"specs: wrote {file.name}, {len(text) // 1024} KB")
    if stale and options.check:
        print("specs: the compiled files are stale; run `make specs`.", file=sys.stderr)
        return 1
    if not stale:
        print(f"specs: {len(registry['operations'])} operations, nothing changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
