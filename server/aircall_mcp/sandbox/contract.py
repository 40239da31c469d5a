"""What the API description requires of a request: its route, its types, its limits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import jsonschema_rs

from ..errors import SpecError
from .deed import Json, Refusal, bad, refused

_VERBS = ("get", "post", "put", "delete", "patch")
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_BROKEN = re.compile(r"-?[0-9]{1,19}\.[0-9]{1,19}")
_HERE = "urn:aircall:description"


@dataclass(frozen=True, slots=True)
class Parameter:
    """`name` is as it is written on the wire, without the brackets of an array."""

    name: str
    where: str
    required: bool
    types: frozenset[str]
    items: frozenset[str]
    schema: Json
    most: int | None = None  # what a larger number is taken for


@dataclass(frozen=True, slots=True)
class Route:
    operation: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    names: tuple[str, ...] = ()
    body: str | None = None  # a pointer to its schema
    body_required: bool = False
    choice: tuple[str, ...] = ()  # fields of the body of which exactly one is given
    add_on: str | None = None
    particular: bool = False  # wants a Content-Type even where there is no body


class Contract:
    """The API description, ready to be held against requests. Everything costly is lazy."""

    def __init__(self, description: Json) -> None:
        self._description = description
        self._registry: jsonschema_rs.Registry | None = None
        self._bodies: dict[str, Any] = {}
        self._parameters: dict[str, Any] = {}
        self._exact: dict[tuple[str, str], Route] = {}
        self._shaped: list[tuple[str, re.Pattern[str], Route]] = []
        self.operations: dict[str, Route] = {}
        for path, item in cast(dict[str, Json], description["paths"]).items():
            for verb in _VERBS:
                if verb in item:
                    self._add(self._route(path, verb, item))
        # what has a colon is posted to the callback of a number, not to webhooks
        self.events = tuple(one for one in cast(Json, description["webhooks"]) if ":" not in one)
        routes = self.operations.values()
        self.add_ons = frozenset(route.add_on for route in routes if route.add_on)

    def _add(self, route: Route) -> None:
        if route.operation in self.operations:
            raise SpecError(f"operationId {route.operation} stands twice in the API description")
        self.operations[route.operation] = route
        if not route.names:
            self._exact[route.method, route.path] = route
            return
        shape = re.sub(r"\\\{(\w+)\\\}", r"([^/]+)", re.escape(route.path))
        self._shaped.append((route.method, re.compile(shape), route))

    def _route(self, path: str, verb: str, item: Json) -> Route:
        operation: Json = item[verb]
        listed = [*item.get("parameters", ()), *operation.get("parameters", ())]
        parameters = tuple(self._parameter(node) for node in listed)
        pointer, required, choice = None, False, tuple[str, ...]()
        if "requestBody" in operation:
            body = self._resolve(operation["requestBody"])
            required = bool(body.get("required"))
            if "application/json" in body.get("content", {}):
                pointer = f"/paths/{_escape(path)}/{verb}/requestBody"
                if "$ref" in operation["requestBody"]:
                    pointer = cast(str, operation["requestBody"]["$ref"]).removeprefix("#")
                pointer += "/content/application~1json/schema"
                schema = self._resolve(body["content"]["application/json"]["schema"])
                choice = tuple(name for one in schema.get("oneOf", ()) for name in one["required"])
        return Route(
            operation=operation["operationId"],
            method=verb.upper(),
            path=path,
            parameters=parameters,
            names=tuple(re.findall(r"\{(\w+)\}", path)),
            body=pointer,
            body_required=required,
            choice=choice,
            add_on=operation.get("x-add-on"),
            particular=bool(operation.get("x-content-type-required")),
        )

    def _resolve(self, node: Json) -> Json:
        while "$ref" in node:
            found: Any = self._description
            for step in cast(str, node["$ref"]).removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def _parameter(self, node: Json) -> Parameter:
        node = self._resolve(node)
        schema = self._resolve(node.get("schema", {}))
        return Parameter(
            name=cast(str, node["name"]).removesuffix("[]"),
            where=node["in"],
            required=bool(node.get("required")),
            types=self._types(schema),
            items=self._types(self._resolve(schema.get("items", {}))),
            schema=node.get("schema", {}),
            most=schema.get("maximum") if schema.get("x-clamped") else None,
        )

    def _types(self, schema: Json) -> frozenset[str]:
        stated = schema.get("type")
        if isinstance(stated, str):
            return frozenset({stated})
        if isinstance(stated, list):
            return frozenset(cast(list[str], stated))
        several = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        return frozenset[str]().union(*(self._types(self._resolve(one)) for one in several))

    # requests

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of a request; a literal path wins over one with a variable.

        A slash at the end is overlooked: clients in use send one.
        """
        path = path.removesuffix("/") if len(path) > 1 else path
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact, {}
        for verb, shape, route in self._shaped:
            if verb == method and (match := shape.fullmatch(path)):
                return route, dict(zip(route.names, match.groups(), strict=True))
        return None

    def arguments(
        self, route: Route, path: Mapping[str, str], query: Iterable[tuple[str, str]]
    ) -> tuple[Json, Json]:
        """Typed path and query values. Raises a 400 `Refusal` that names the first bad one."""
        given: dict[str, list[str]] = {}
        for name, value in query:
            given.setdefault(name.removesuffix("[]"), []).append(value)
        typed: dict[str, Json] = {"path": {}, "query": {}}
        for parameter in route.parameters:
            name = parameter.name
            if parameter.where == "path":
                typed["path"][name] = _typed(parameter.types, path[name], name)
            elif parameter.where == "query" and name in given:
                typed["query"][name] = (
                    [_typed(parameter.items, one, name) for one in given[name]]
                    if "array" in parameter.types
                    else _eased(parameter, given[name][-1])
                )
            elif parameter.where == "query" and parameter.required:
                raise bad(f"{name} is missing")
        self._check(self._parameter_rules(route), typed)
        return typed["path"], typed["query"]

    def json(self, route: Route, content: bytes, *, free: bool = False) -> Json:
        """The body as an object that fits, or a 400 `Refusal`; `free` checks only that it is one.

        Fields the description does not know are let through, as Aircall ignores them.
        """
        if not content.strip():
            if route.body_required:
                raise bad("a JSON body is required")
            return {}
        body = _parsed(content)
        if not isinstance(body, dict):
            raise bad("the body must be a JSON object")
        fields = cast(Json, body)
        if route.body is None or free:
            return fields
        if route.choice and sum(name in fields for name in route.choice) != 1:
            raise bad(f"exactly one of {', '.join(route.choice)} is expected")
        self._check(self._body_rules(route.operation, route.body), fields)
        return fields

    def _check(self, rules: Any, value: object) -> None:
        for error in rules.iter_errors(value):
            if error.kind.name in ("additionalProperties", "unevaluatedProperties"):
                continue
            where = [str(step) for step in error.instance_path if step not in ("path", "query")]
            raise bad(f"{'.'.join(where)}: {error.message}" if where else str(error.message))

    def _parameter_rules(self, route: Route) -> Any:
        if route.operation not in self._parameters:
            places: dict[str, Json] = {"path": {}, "query": {}}
            for parameter in route.parameters:
                if parameter.where in places:
                    places[parameter.where][parameter.name] = _absolute(parameter.schema)
            properties = {place: {"properties": known} for place, known in places.items()}
            self._parameters[route.operation] = self._compiled({"properties": properties})
        return self._parameters[route.operation]

    def _body_rules(self, operation: str, pointer: str) -> Any:
        if operation not in self._bodies:
            self._bodies[operation] = self._compiled({"$ref": self.uri(pointer)})
        return self._bodies[operation]

    def _compiled(self, schema: Json) -> Any:
        if self._registry is None:
            self._registry = jsonschema_rs.Registry([(_HERE, self._description)])
        return jsonschema_rs.Draft202012Validator(
            schema, registry=self._registry, validate_formats=False
        )

    def uri(self, pointer: str) -> str:
        return f"{_HERE}#{quote(pointer, safe='/~')}"


def _absolute(node: Any) -> Any:
    """The schema with references that also hold outside of the description."""
    if isinstance(node, dict):
        known = cast(Json, node)
        return {
            key: f"{_HERE}{value}" if key == "$ref" else _absolute(value)
            for key, value in known.items()
        }
    return node


def _escape(path: str) -> str:
    return path.replace("~", "~0").replace("/", "~1")


def _typed(types: frozenset[str], text: str, name: str) -> Any:
    if "integer" in types and _WHOLE.fullmatch(text):
        return int(text)
    if "number" in types and re.fullmatch(r"-?[0-9]{1,19}(\.[0-9]{1,19})?", text):
        return float(text)
    if "boolean" in types and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if "string" in types or not types:
        return text
    raise bad(f"{name} must be {_named(types)}")


def _eased(parameter: Parameter, text: str) -> Any:
    """As `_typed`, and as lenient as clients in use need it: page 0, a moment with a fraction.

    Aircall's own answer to these two is not known.
    """
    if "integer" in parameter.types and _BROKEN.fullmatch(text):
        text = text.partition(".")[0]
    value = _typed(parameter.types, text, parameter.name)
    if parameter.name == "page" and value == 0:
        return 1
    return value if parameter.most is None else min(value, parameter.most)


def _named(types: frozenset[str]) -> str:
    shown = sorted(types - {"null"})
    return " or ".join(f"an {one}" if one[0] in "aeio" else f"a {one}" for one in shown)


def _parsed(content: bytes) -> object:
    def constant(text: str) -> None:
        raise ValueError(text)

    try:
        body: object = json.loads(content.decode("utf-8"), parse_constant=constant)
        # a lone surrogate, which JSON can spell, is no text that anybody could send on
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise bad("the body is not valid JSON") from None
    return body


def check_content_type(method: str, content_type: str, content: bytes, *, always: bool) -> None:
    """Refuse what is not JSON: on writes with a body, and on the reads that insist (`always`)."""
    if not always and (method == "GET" or not content):
        return
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise content_type_refused()


def content_type_refused() -> Refusal:
    return refused(
        400, "The Content-Type header must be application/json", error="InvalidContentType"
    )
