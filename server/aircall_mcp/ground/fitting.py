"""Fitting what a model sent to what a parameter takes: wrapping, times, phones, addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, cast

from ..errors import ArgumentError
from . import addresses
from .parameter import Parameter
from .phones import phone
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
    """The arguments by the names we gave them, each fitted; unknown ones as they came.

    `parameters` by our names, `wire_names` from Aircall's to ours. Raises `ArgumentError` for one
    that is given under both names, and for what is no time.
    """
    given: dict[str, Any] = {}
    for written, value in arguments.items():
        name = written
        if written not in parameters and written in wire_names:
            name = wire_names[written]
            if name in arguments:
                raise ArgumentError(f"`{written}` and `{name}` are the same argument.")
        parameter = parameters.get(name)
        given[name] = value if parameter is None else fitted(parameter, value, zone)
    return given


def fitted(parameter: Parameter, value: Any, zone: tzinfo | None) -> Any:
    """What is meant, where the form is right but for its wrapping; else the value as it came."""
    if isinstance(value, str) and ("array" in parameter.kinds or "object" in parameter.kinds):
        if values_in(value) > MOST_ASKED:
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    value = _whole(value)
    if isinstance(value, list):
        value = [_whole(item) for item in cast("list[Any]", value)]
    if parameter.form == "time" and isinstance(value, int | str) and not isinstance(value, bool):
        try:
            seconds = moment(value, zone)
            iso(seconds)
        except (ValueError, OverflowError, OSError):
            raise ArgumentError(
                f"`{parameter.name}` is no time.",
                hint="Give UNIX seconds (1763798400) or ISO 8601 (2026-11-22T08:00:00+01:00).",
            ) from None
        return seconds
    if parameter.form == "phone" and isinstance(value, str):
        return phone(value)
    if parameter.form == "phones" and isinstance(value, list):
        items = cast("list[Any]", value)
        return [phone(item) if isinstance(item, str) else item for item in items]
    return value


def _whole(value: Any) -> Any:
    """`7.0` as 7: JSON and its schemas hold them for one number, paths and queries do not."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


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
                refuse_private(f"{name}.{key[:40]}", place, part)
        case [key, *within], Mapping():
            part = cast("Mapping[str, Any]", value).get(key)
            refuse_private(f"{name}.{key}", within, part)
        case _:
            return  # not given
