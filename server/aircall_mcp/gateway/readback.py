"""Decide from a read whether an effect took place, if no answer said so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from ..errors import ArgumentError
from ..ground.operation import Bound, Operation, ReadBack
from ..ground.times import moment as moment_of

SLACK = 2.0
"""Seconds by which Aircall's whole seconds and the clocks of two machines may differ."""


def look(bound: Bound, by: Operation) -> Bound | None:
    """The read that tells of `bound`, None where its arguments give too little to ask by."""
    rule = bound.operation.read_back
    if rule is None:
        return None
    arguments = dict(rule.fixed)
    for theirs, ours in rule.ask.items():
        value = at(bound.arguments, ours)
        if value is None:
            return None
        arguments[theirs] = value
    if bound.account is not None:
        arguments["account"] = bound.account
    try:
        return by.bind(arguments)
    except ArgumentError:
        return None


def found(bound: Bound, by: Operation, body: Any, since: float) -> Mapping[str, Any] | None:
    """What `bound` made or changed, as the read shows it; None where it shows nothing of it.

    `since` is when it was sent, in UNIX seconds of Aircall's clock.
    """
    rule = bound.operation.read_back
    if rule is None:
        return None
    wanted = {
        field: value
        for field, ours in rule.match.items()
        if (value := at(bound.arguments, ours)) is not None
    }
    if rule.match and not wanted:
        return None
    for item in _items(body, by, rule):
        if rule.since and not _made(item.get(rule.since)) >= since - SLACK:
            continue
        if all(_same(at(item, field), value) for field, value in wanted.items()):
            return item
    return None


def _same(told: Any, asked: Any) -> bool:
    """Whether this is what was asked for; Aircall tells lists in an order of its own."""
    if not isinstance(told, list) or not isinstance(asked, list):
        return bool(told == asked)
    left = list(cast("list[Any]", asked))
    for one in cast("list[Any]", told):
        if one not in left:
            return False
        left.remove(one)
    return not left


def over(bound: Bound, item: Mapping[str, Any]) -> bool:
    """Whether what was found is over, so that the same may be done again."""
    rule = bound.operation.read_back
    return rule is not None and bool(rule.over) and item.get(rule.over) is not None


def at(value: Any, path: str) -> Any:
    """What stands at a dotted path; a list is entered at its first item. None where nothing is."""
    for part in path.split("."):
        if isinstance(value, Sequence) and not isinstance(value, str) and value:
            value = cast("Sequence[Any]", value)[0]
        if not isinstance(value, Mapping):
            return None
        value = cast("Mapping[str, Any]", value).get(part)
    return value


def _made(moment: Any) -> float:
    """UNIX seconds of a time as Aircall writes it: a number or ISO 8601."""
    try:
        return float(moment_of(moment, None)) if isinstance(moment, int | str) else -math.inf
    except (ValueError, OverflowError):
        return -math.inf


def _items(body: Any, by: Operation, rule: ReadBack) -> Iterator[Mapping[str, Any]]:
    part = at(body, by.answer.key) if by.answer.key else body
    if rule.within:
        part = at(part, rule.within)
    listed = cast("list[Any]", part) if isinstance(part, list) else [part]
    for item in listed:
        if isinstance(item, Mapping):
            yield cast("Mapping[str, Any]", item)
