"""What lists are made of: page sizes, cursors, and Aircall's cap on what one query gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from ..errors import ArgumentError
from ..ground.operation import PAGE_SIZE, Bound
from ..ground.reply import Reply

ITEM_CAP = 10_000
"""Items that Aircall serves of one query over calls or contacts."""

LONGEST_TOKEN = 2 * 1024
"""Bytes of a token that is handed on to the model; Aircall's have some twenty."""

_ANCHORS = {"calls": "started_at", "contacts": "created_at"}
"""What `from` and `to` go by, in lists that end at the cap."""


def behind_the_cap(bound: Bound, items: list[Any], size: int) -> dict[str, Any] | None:
    """The arguments that go on behind the cap, by moving the end of the period that is nearer.

    None where the order is not that of time, or where nothing would move.
    """
    field = _ANCHORS.get(bound.operation.answer.key, "")
    moment = count_of(fields(items[-1]).get(field)) if items else None
    edge = "from" if bound.arguments.get("order", "desc") == "asc" else "to"
    by_time = bound.arguments.get("order_by", "created_at") == "created_at"
    if not by_time or moment is None or bound.arguments.get(edge) == moment:
        return None
    kept = {name: value for name, value in bound.arguments.items() if name != "page"}
    return {**kept, edge: moment, "per_page": size}


def plan(bound: Bound, first: int) -> tuple[int, int]:
    """Page size and number of pages that give at most `max_items`, and end on a page's end."""
    asked = bound.arguments.get("per_page") or (PAGE_SIZE if first > 1 else None)
    wanted = bound.max_items
    if wanted is None:
        return asked or PAGE_SIZE, 1
    if asked and asked > wanted:
        if first > 1:
            raise ArgumentError(
                "`max_items` is smaller than `per_page`, so page numbers lose their meaning.",
                hint="Give a `per_page` of at most `max_items`.",
            )
        return wanted, 1
    size = asked or wanted // -(-wanted // PAGE_SIZE)
    return size, max(1, wanted // size)


def with_query(bound: Bound, **values: Any) -> Bound:
    kept = [pair for pair in bound.query if pair[0] not in values]
    return replace(bound, query=(*kept, *((name, str(value)) for name, value in values.items())))


def unwrapped(reply: Reply, key: str) -> tuple[list[Any] | None, Mapping[str, Any]]:
    body = fields(reply.body)
    items = body.get(key)
    listed = cast("list[Any]", items) if isinstance(items, list) else None
    return listed, fields(body.get("meta"))


def fields(value: Any) -> Mapping[str, Any]:
    """`value` if it is a JSON object, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def count_of(value: Any) -> int | None:
    """`value` if it counts something, or is a moment."""
    fine = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if fine else None


def token_of(value: Any) -> str | int | None:
    """`value` if it is what a token can be: a text or a number of few bytes."""
    if isinstance(value, str):
        return value if len(value.encode("utf-8", "replace")) <= LONGEST_TOKEN else None
    fine = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**64
    return value if fine else None


def is_new(item: Any, seen: set[Any]) -> bool:
    key: Any = cast("Mapping[str, Any]", item).get("id") if isinstance(item, Mapping) else None
    if not isinstance(key, int | str):
        return True
    if key in seen:
        return False
    seen.add(key)
    return True
