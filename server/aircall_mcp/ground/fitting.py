"""Convert what a model sent into what a parameter takes: types, times, phone numbers, addresses."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, cast

from ..errors import ArgumentError, quoted
from . import addresses, ids
from .parameter import Parameter
from .phones import E164_PATTERN, phone
from .times import iso, moment
from .weight import MOST_ASKED, deeper_than, values_in

DEEPEST = 64
"""Levels of objects and arrays that arguments may have."""


def all_fitted(
    arguments: Mapping[str, Any],
    parameters: Mapping[str, Parameter],
    wire_names: Mapping[str, str],
    zone: tzinfo | None,
) -> dict[str, Any]:
    """The arguments by the names we gave them, each mended; unknown ones as they came.

    `parameters` by our names, `wire_names` from Aircall's to ours. What says nothing is left out:
    null, and `""` where that is no value. Raises `ArgumentError` for one that is given under both
    names, for what is no time, and for a number beyond 64 bits.
    """
    given: dict[str, Any] = {}
    for written, value in arguments.items():
        name = written
        if written not in parameters and written in wire_names:
            name = wire_names[written]
            if name in arguments:
                raise ArgumentError(f"`{written}` and `{name}` are the same argument.")
        parameter = parameters.get(name)
        if parameter is None:
            given[name] = value
            continue
        mended = _Mending(parameter).field(value, parameter.schema, (), required=parameter.required)
        if mended is not None:
            given[name] = _timed(parameter, mended, zone)
    return given


class _Mending:
    """Brings values into the one kind that a schema takes, where nothing but the kind is wrong.

    Strict converters write null or `""` for what is left out, some clients write numbers as text or
    text as numbers, and models put JSON into a string. What cannot be meant stays as it came, for
    the validator to tell.
    """

    def __init__(self, parameter: Parameter) -> None:
        self._name = parameter.name
        self._texts = parameter.texts
        self._form = parameter.form

    def field(
        self, value: Any, schema: Mapping[str, Any], place: tuple[str, ...], *, required: bool
    ) -> Any:
        """The mended value, None for what is left out."""
        if self._form == "flag" and isinstance(value, bool):
            value = "true" if value else "false"
        mended = self._value(value, schema, place)
        if mended == "" and not (required and schema.get("type") == "string"):
            return mended if self._texts.get("/".join(place)) in ("clears", "empty") else None
        if mended == {} and value not in ({}, "{}") and isinstance(value, Mapping | str):
            return None  # all that stood in it said nothing
        return mended

    def _value(self, value: Any, schema: Mapping[str, Any], place: tuple[str, ...]) -> Any:
        kind = schema.get("type")
        if kind in ("object", "array"):
            inside = json_in(value)
            value = _alone(value, inside, schema) if kind == "array" else inside
        if kind == "object" and isinstance(value, Mapping):
            if "properties" not in schema:
                return _free(value)
            return self._fields(cast("Mapping[str, Any]", value), schema, place)
        if kind == "array" and isinstance(value, list):
            within = (*place, "*")
            items = cast("list[Any]", value)
            return [self._value(item, schema.get("items", {}), within) for item in items]
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # one number to JSON and its schemas, but not to paths and queries
        if kind == "boolean":
            return _BOOLEANS.get(value, value) if isinstance(value, str) else value
        if kind in ("integer", "number"):
            return self._bounded(_number_in(value) if isinstance(value, str) else value)
        if kind == "string" and _is_number(value):
            return self._written(self._bounded(value), schema, place)
        if kind == "string" and isinstance(value, str) and schema.get("pattern") == E164_PATTERN:
            return phone(value)
        return value

    def _fields(
        self, value: Mapping[str, Any], schema: Mapping[str, Any], place: tuple[str, ...]
    ) -> dict[str, Any]:
        known, required = schema.get("properties", {}), schema.get("required", ())
        mended: dict[str, Any] = {}
        for name, part in value.items():
            if name in known:
                needed = name in required
                part = self.field(part, known[name], (*place, name), required=needed)
                if part is None:
                    continue
            mended[name] = part
        return mended

    def _written(self, number: float, schema: Mapping[str, Any], place: tuple[str, ...]) -> str:
        """A number where a text is due: of a phone number that lost its plus it cannot be seen."""
        dialled = schema.get("pattern") == E164_PATTERN or (
            self._texts.get("/".join(place)) == "phone"
        )
        return f"+{number}" if dialled else str(number)

    def _bounded(self, value: Any) -> Any:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ArgumentError(
                f"`{self._name}` contains a number beyond 64 bits.",
                hint="No id, count or time of Aircall's is so large.",
            )
        return value


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


_BOOLEANS = {"true": True, "false": False}
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}(?:\.0{0,19})?")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,19}\.[0-9]{1,19}")


def _free(value: Any, levels: int = DEEPEST) -> Any:
    """What is free in form without its nulls, and without objects of which nothing remains."""
    if isinstance(value, Mapping) and levels:
        parts = cast("Mapping[str, Any]", value)
        said = {name: _free(part, levels - 1) for name, part in parts.items() if part is not None}
        return {name: part for name, part in said.items() if part != {} or parts[name] == {}}
    if isinstance(value, list) and levels:
        return [_free(item, levels - 1) for item in cast("list[Any]", value)]
    return cast("Any", value)


def json_in(text: Any) -> Any:
    """What a text holds that is JSON; all else as it came."""
    if not isinstance(text, str) or values_in(text) > MOST_ASKED:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _alone(given: Any, inside: Any, schema: Mapping[str, Any]) -> Any:
    """What was given for an array: a text alone is the one of its texts, as it was written."""
    said = isinstance(given, str) and given.strip() and not isinstance(inside, Mapping | None)
    texts = schema.get("items", {}).get("type") == "string"
    alone = texts and said and not isinstance(cast("object", inside), list)
    return [given] if alone else cast("Any", inside)


def _number_in(text: str) -> Any:
    """The number that a text of digits says, else the text."""
    stripped = text.strip()
    if _WHOLE.fullmatch(stripped):
        return int(stripped.partition(".")[0])
    return float(stripped) if _DECIMAL.fullmatch(stripped) else text


def _timed(parameter: Parameter, value: Any, zone: tzinfo | None) -> Any:
    """A time as UNIX seconds, in the text that its schema takes."""
    if parameter.form != "time" or not isinstance(value, str):
        return value
    try:
        seconds = moment(value, zone)
        iso(seconds)
    except (ValueError, OverflowError, OSError):
        raise ArgumentError(
            f"`{parameter.name}` is not a time.",
            hint="Give UNIX seconds (1763798400) or ISO 8601 (2026-11-22T08:00:00+01:00).",
        ) from None
    return str(seconds)


def turned(parameter: Parameter, value: Any) -> Any:
    """A valid argument as Aircall reads it: a time as a number, an id in its one spelling, null for
    what `""` clears. Raises `ArgumentError` for what is no id."""
    if parameter.form == "time":
        return int(value)
    if parameter.form in ("id", "uuid", "id_or_email"):
        return ids.spelled(parameter.name, value, parameter.form)
    for place, mark in parameter.texts.items():
        if mark == "clears":
            value = _cleared(value, place.split("/") if place else [])
    return value


def _cleared(value: Any, place: Sequence[str]) -> Any:
    match place, value:
        case [], "":
            return None
        case ["*", *within], list():
            return [_cleared(item, within) for item in cast("list[Any]", value)]
        case [key, *within], Mapping() if key in value:
            fields = cast("Mapping[str, Any]", value)
            return {**fields, key: _cleared(fields[key], within)}
        case _:
            return value


def is_json(given: Mapping[str, Any]) -> bool:
    """Whether JSON can hold the arguments, and they are nested no deeper than `DEEPEST`."""
    if deeper_than(DEEPEST, given):
        return False
    try:
        json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError):  # among them NaN and half a surrogate pair
        return False
    return True


def refuse_private(name: str, place: Sequence[str], value: Any) -> None:
    """Raise `ArgumentError` for a URL at `place` in `value` that is none of the internet."""
    match place, value:
        case [], str():
            if fault := addresses.fault_of(value):
                raise ArgumentError(
                    f"`{name}` {fault}.",
                    hint="Give an https URL of the internet, such as https://hooks.example.com/in.",
                )
        case ["*", *within], list():
            for at, item in enumerate(cast("list[Any]", value)):
                refuse_private(f"{name}[{at}]", within, item)
        case ["**"], str():
            if addresses.is_url(value):
                refuse_private(name, (), value.strip())
        case ["**"], list():
            for at, item in enumerate(cast("list[Any]", value)):
                refuse_private(f"{name}[{at}]", place, item)
        case ["**"], Mapping():
            for key, part in cast("Mapping[str, Any]", value).items():
                refuse_private(f"{name}.{quoted(key, 40)}", place, part)
        case [key, *within], Mapping():
            part = cast("Mapping[str, Any]", value).get(key)
            refuse_private(f"{name}.{key}", within, part)
        case _:
            return  # not given
