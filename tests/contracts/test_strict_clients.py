"""Arguments as real clients send them: the same call, whatever a converter made of it.

Strict converters make every property required and fill it with null or `""`; others turn numbers
into text, text into numbers, or a structure into JSON in a string.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from aircall_mcp import spec
from aircall_mcp.ground.operation import Operation, Parameter
from aircall_mcp.ground.phones import E164_PATTERN
from aircall_mcp.offer import Registry
from aircall_mcp.offer.tools import tool_for

from ..harness import Clock, Harness, desk_over, sandbox_with

Json = dict[str, Any]
Schema = Mapping[str, Any]
Place = tuple[str, ...]
Mangle = Callable[[Any, Schema, Parameter, Place], Any]
"""What becomes of a value of a schema, at a place of a parameter."""

ALL = spec.load().operations
every_tool = pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.id)

URL = "https://hooks.larkspur.example.com/in"
TEXTS = some.sampled_from(["Ana", "4217", "0012", "true", "null", "[1]", "a b", "7.0", "-3", "é"])
IDS = TEXTS.filter(lambda text: text.isascii() and " " not in text)
EARLIER = some.sampled_from(["1790000000", "2026-11-19T10:00:00Z", "2026-11-19T10:00+01:00", "-1"])
LATER = some.sampled_from(["1800000000", "2027-02-01T10:00:00Z", "2027-02-01"])
PHONES = some.integers(10**7, 10**12).map(lambda digits: f"+{digits}")
FREE = some.dictionaries(some.sampled_from(["a", "b"]), some.none() | some.integers() | TEXTS)


def values(schema: Schema, parameter: Parameter, place: Place) -> some.SearchStrategy[Any]:
    """What fits the schema, in the kind that it names."""
    kind = schema["type"]
    if "enum" in schema:
        return some.sampled_from(schema["enum"])
    if kind == "object":
        return objects(schema, parameter, place) if "properties" in schema else FREE
    if kind == "array":
        items = values(schema["items"], parameter, (*place, "*"))
        return some.lists(items, min_size=schema.get("minItems", 0), max_size=3)
    if kind == "integer":
        least = max(schema.get("minimum", 1), 0 if place else 1)
        return some.integers(least, schema.get("maximum", 2**63 - 1))
    if kind == "boolean":
        return some.booleans()
    assert kind == "string"
    if schema.get("pattern") == E164_PATTERN or parameter.texts.get("/".join(place)) == "phone":
        return PHONES
    if parameter.form == "time":
        return LATER if parameter.name == "to" else EARLIER
    if parameter.form in ("id", "uuid", "id_or_email"):
        return IDS
    if "/".join(place) in parameter.urls:
        return some.just(URL)
    if "pattern" in schema:
        return some.sampled_from(["#0033CC", "#fff"])
    return some.just("ana@larkspur.example") if "minLength" in schema else TEXTS


@some.composite
def objects(draw: Any, schema: Schema, parameter: Parameter, place: Place) -> Json:
    required = schema.get("required", ())
    chosen = [name for name in schema["properties"] if name in required or draw(some.booleans())]
    parts = schema["properties"]
    drawn = {n: draw(values(parts[n], parameter, (*place, n))) for n in chosen}
    return drawn or draw(objects(schema, parameter, place))


@some.composite
def calls(draw: Any, operation: Operation) -> Json:
    """Clean arguments: what is required, some of the rest, one of each group."""
    groups = (*operation.exactly_one, *operation.at_least_one)
    among = {name for group in operation.exactly_one for name in group}
    chosen = {draw(some.sampled_from(group)) for group in groups}
    arguments: Json = {}
    for one in operation.parameters:
        wanted = one.required or one.name in chosen
        if wanted or (one.name not in among and draw(some.booleans())):
            arguments[one.name] = draw(values(one.schema, one, ()))
    return arguments


def everywhere(mangle: Mangle, operation: Operation, arguments: Json) -> Json:
    """Each argument mangled; what is left out is offered as Ellipsis."""
    mangled: Json = {}
    for one in operation.parameters:
        value = arguments.get(one.name, ...)
        if value is not ... or not one.required:
            value = mangle(value, one.schema, one, ())
        if value is not ...:
            mangled[one.name] = value
    return mangled


def inside(mangle: Mangle, value: Any, schema: Schema, one: Parameter, place: Place) -> Any:
    """The parts of a value mangled, where the schema knows them."""
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [mangle(item, schema["items"], one, (*place, "*")) for item in items]
    if isinstance(value, dict) and "properties" in schema:
        fields, required = cast("Json", value), schema.get("required", ())
        parts = {
            name: mangle(fields.get(name, ...), part, one, (*place, name))
            for name, part in schema["properties"].items()
            if name in fields or name not in required
        }
        return {name: part for name, part in parts.items() if part is not ...}
    return cast("Any", value)


def null_for_nothing(value: Any, schema: Schema, one: Parameter, place: Place) -> Any:
    if value is ...:
        return None
    return inside(null_for_nothing, value, schema, one, place)


def empty_for_nothing(value: Any, schema: Schema, one: Parameter, place: Place) -> Any:
    if value is ...:
        means = one.texts.get("/".join(place)) in ("clears", "empty")
        return ... if means else ""
    return inside(empty_for_nothing, value, schema, one, place)


def nested_nulls(value: Any, schema: Schema, one: Parameter, place: Place) -> Any:
    """An object that is left out comes with each of its fields null."""
    if value is ...:
        fields = schema.get("properties", {})
        return {n: nested_nulls(..., part, one, (*place, n)) for n, part in fields.items()} or None
    return inside(nested_nulls, value, schema, one, place)


def numbers_as_text(value: Any, schema: Schema, one: Parameter, place: Place) -> Any:
    if schema["type"] == "integer" and isinstance(value, int):
        return str(value)
    return inside(numbers_as_text, value, schema, one, place)


def numbers_with_a_point(value: Any, schema: Schema, one: Parameter, place: Place) -> Any:
    if schema["type"] == "integer" and isinstance(value, int):
        return float(value) if value < 2**53 else f"{value}.0"
    return inside(numbers_with_a_point, value, schema, one, place)


def digits_as_numbers(value: Any, schema: Schema, one: Parameter, place: Place) -> Any:
    if schema["type"] == "string" and isinstance(value, str):
        is_phone = schema.get("pattern") == E164_PATTERN or (
            one.texts.get("/".join(place)) == "phone"
        )
        digits = value.removeprefix("+") if is_phone else value
        whole = digits.lstrip("-").isdecimal() and str(int(digits)) == digits
        return int(digits) if whole else value
    return inside(digits_as_numbers, value, schema, one, place)


def flags_as_text(value: Any, schema: Schema, one: Parameter, place: Place) -> Any:
    if isinstance(value, bool):
        return json.dumps(value)
    return inside(flags_as_text, value, schema, one, place)


def structures_as_text(value: Any, schema: Schema, one: Parameter, place: Place) -> Any:
    value = inside(structures_as_text, value, schema, one, place)
    return json.dumps(value) if isinstance(value, (list, dict)) else value


MANGLES: list[Mangle] = [
    null_for_nothing, empty_for_nothing, nested_nulls, numbers_as_text, numbers_with_a_point,
    digits_as_numbers, flags_as_text, structures_as_text,
]  # fmt: skip


@every_tool
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(draw=some.data())
def test_what_converters_make_of_arguments_is_the_same_call(
    operation: Operation, draw: Any
) -> None:
    """The very same: what is sent, what a person is asked about, and what the journal knows."""
    clean = draw.draw(calls(operation))
    meant = operation.bind(clean)
    order = draw.draw(some.permutations(MANGLES))
    for mangle in MANGLES:
        bound = operation.bind(everywhere(mangle, operation, clean))
        assert bound == meant, mangle
        assert bound.identity(None) == meant.identity(None)
    mangled = clean
    for mangle in order[:3]:
        if mangle is structures_as_text:
            continue  # what stands in a text is out of the others' sight
        mangled = everywhere(mangle, operation, mangled)
    assert operation.bind(everywhere(structures_as_text, operation, mangled)) == meant


@every_tool
def test_each_argument_has_one_kind_on_the_wire(operation: Operation) -> None:
    for where, part in kinds(tool_for(operation)["inputSchema"]):
        assert isinstance(part.get("type"), str), where
        assert not part.keys() & {"anyOf", "oneOf", "allOf"}, where
        assert None not in part.get("enum", ()), where


@pytest.mark.parametrize("accounts", [(), ("paris", "berlin")])
def test_no_surface_has_an_argument_of_several_kinds(
    registry: Registry, accounts: tuple[str, ...]
) -> None:
    from aircall_mcp.offer import Offer, Selection

    for surface in ("full", "search"):
        chosen = Selection(surface=surface, include_deprecated=True)
        tools = Offer(registry.with_accounts(accounts), chosen).tools
        assert tools
        for tool in tools:
            for where, part in kinds(tool["inputSchema"]):
                assert isinstance(part.get("type"), str), (tool["name"], where)


@every_tool
def test_its_example_fits_the_very_schema_that_is_shown_with_it(operation: Operation) -> None:
    shown = jsonschema_rs.Draft202012Validator(cast("Json", operation.input_schema))
    assert shown.is_valid(dict(operation.example))


LISTS = [one for one in ALL if one.answer.is_list and one.answer.paging != "none"]


@pytest.mark.anyio
@pytest.mark.parametrize("operation", LISTS, ids=lambda operation: operation.id)
async def test_the_arguments_that_go_on_fit_the_schema_too(
    operation: Operation, registry: Registry, clock: Clock
) -> None:
    sandbox = sandbox_with(clock=clock, requests_per_minute=None, users_v1=True)
    harness = Harness(desk_over(sandbox, registry), sandbox)
    size = "per_page" if operation.answer.paging == "page" else "limit"
    since = {"from": 1, "to": str(int(clock.now))}
    known = operation.input_schema["properties"]
    given_ = {name: value for name, value in {**since, size: "1"}.items() if name in known}
    page = (await harness.call(operation.id, **{**operation.example, **given_}))["page"]
    shown = jsonschema_rs.Draft202012Validator(cast("Json", operation.input_schema))
    assert page["returned"] <= 1
    if "next" in page:
        assert shown.is_valid(page["next"])
        assert (await harness.call(operation.id, **page["next"]))["page"]["returned"] <= 1
    await harness.desk.aclose()


def test_words_say_how_a_field_is_cleared() -> None:
    cleared = [
        (operation.id, one)
        for operation in ALL
        for one in operation.parameters
        if "clears" in one.texts.values()
    ]
    assert cleared
    assert [
        (tool, one.name) for tool, one in cleared if '""' not in one.schema["description"]
    ] == []


def kinds(schema: Any, where: str = "") -> list[tuple[str, Json]]:
    """Every schema that a value is held against, with its path."""
    if not isinstance(schema, dict):
        return []
    found = [(where, cast("Json", schema))]
    for name, part in cast("Json", schema).get("properties", {}).items():
        found += kinds(part, f"{where}.{name}")
    return found + kinds(cast("Json", schema).get("items"), f"{where}[]")
