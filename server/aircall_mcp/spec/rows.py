"""The rows of the registry: an operation of Aircall or a tool of ours, with our overlay."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import SpecError
from ..ground.effects import PERFORMED
from ..ground.operation import EFFECTS, STAKES
from . import operation_from
from .answers import answer as answer_of
from .parameters import body, input_schema, ours, path_and_query
from .references import Json, body_schema, media_of, resolve
from .schemas import Words, resource_id

REPEATABLE = ("safe", "idempotent", "never")
LONGEST_TOOL_NAME = 45
_AS_THEY_ARE = ("tells_of", "window", "afterwards", "wish", "tells_whose")


def row(document: Json, operation: Json, toolset: str, overlay: Json, shared: Json) -> Json:
    """The row of `operation`, by its toolset's `overlay` and the `shared` words for parameters.

    Raises `SpecError` for what does not fit, `ArgumentError` for an example that does not.
    """
    operation_id = operation["operationId"]
    where = f"toolsets/{toolset}.toml: {operation_id}"
    words = Words(where, overlay.get("parameters", {}), shared, overlay.get("as_text", ()))
    parameters = [
        *path_and_query(document, operation, words),
        *body(document, operation, words),
    ]
    _keep_empty(overlay.get("may_be_empty", ()), parameters)
    answer = answer_of(document, operation)
    parameters += ours(answer, overlay)
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
    made: Json = {
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
        "input_schema": input_schema(parameters),
        "answer": answer,
        **_rules(document, operation),
        "example": {
            **_example(document, operation, parameters),
            **overlay.get("example", {}),  # of things that are there in the sandbox
        },
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
        "read_back": overlay.get("read_back") or _read_back(document, operation, overlay),
        "keeps": overlay.get("keeps", 0),
        **{key: overlay[key] for key in _AS_THEY_ARE if key in overlay},
        **stakes,
    }
    bound = operation_from(made).bind(made["example"])
    made["example"] = bound.operation.told(bound.arguments)
    return made


def own_row(toolset: str, name: str, tool: Json, result: Json) -> Json:
    """A tool of our own: the same data as an operation, with nothing at Aircall behind it; `result`
    is the schema of what it answers."""
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
    made: Json = {
        "id": name,
        "tool": f"aircall_{name}",
        "method": "",
        "path": "",
        "toolset": toolset,
        **{key: tool[key] for key in ("title", "summary", "description", "effect", "repeatable")},
        "parameters": parameters,
        "input_schema": input_schema(parameters),
        "answer": {"status": 200},
        "result": result,
        "stands_for": tool.get("stands_for", []),
        "gathers": tool.get("gathers", []),
        "example": tool["example"],
        "utterances": tool["utterances"],
        "surfaces": tool["surfaces"],
        **{key: tool[key] for key in ("extra", "exactly_one") if key in tool},
        **({} if name in PERFORMED else _stakes(tool, parameters)),
    }
    operation_from(made).bind(made["example"])
    return made


def _keep_empty(names: Iterable[str], parameters: list[Json]) -> None:
    """Tell the parameters where `""` is a value: `templateParams.body[].value`, as words name it.

    Raises `SpecError` for a name that no parameter has.
    """
    by_name = {parameter["name"]: parameter for parameter in parameters}
    for name in names:
        first, *within = name.replace("[]", ".*").split(".")
        if first not in by_name:
            raise SpecError(f"may_be_empty: there is no parameter {first}.")
        by_name[first].setdefault("texts", {})["/".join(within)] = "empty"


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


def _rules(document: Json, operation: Json) -> Json:
    schema = body_schema(document, operation)

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
        parameter = resolve(document, reference)
        given = parameter.get("example", parameter["schema"].get("example"))
        if parameter.get("required"):
            example[by_wire[parameter["name"]]] = given
    media = media_of(document, operation.get("requestBody"))
    return {**example, **media.get("example", {})}


def _read_back(document: Json, operation: Json, overlay: Json) -> Json | None:
    """For what may be repeated: the read of the same path, which shows what came of it."""
    read = document["paths"][operation["path"]].get("get")
    if overlay["repeatable"] != "idempotent" or read is None or read.get("deprecated"):
        return None
    names = [
        resource_id(operation["path"], parameter["name"])
        for parameter in (resolve(document, one) for one in operation["parameters"])
        if parameter["in"] == "path"
    ]
    body = body_schema(document, operation).get("properties", {})
    return {
        "operation": read["operationId"],
        "ask": {name: name for name in names},
        **({"gone": True} if operation["method"] == "DELETE" else {"match": {n: n for n in body}}),
    }
