"""Reading a lot: one page, or as many as are asked for, and what is still to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from .errors import ArgumentError
from .gateway import Caller, Gateway, Reply
from .operation import PAGE_SIZE, Bound

ITEM_CAP = 10_000
"""Items that Aircall serves of one query over calls or contacts."""


@dataclass(frozen=True, slots=True)
class Page:
    """How much of a list this is.

    `complete`: everything that matches is in this answer. `next`: the arguments of the call that
    goes on from here, None where nothing follows. `total` is None where Aircall does not say.
    `before` counts the items of the pages before this one, None where a cursor leads.
    """

    complete: bool
    returned: int
    total: int | None
    next: Mapping[str, Any] | None
    before: int | None = None

    def cut_to(self, kept: int, arguments: Mapping[str, Any]) -> Page:
        """This page when only its first `kept` items fit into an answer, or a few less: pages are
        whole, so the next one must begin exactly behind the last item that is given."""
        if self.before is None:
            return replace(self, complete=False, returned=kept)
        sizes = [n for n in range(1, min(kept, PAGE_SIZE) + 1) if self.before % n == 0]
        size = max(sizes, key=lambda n: (kept // n * n, n))
        returned = kept // size * size
        number = (self.before + returned) // size + 1
        following = {**arguments, "page": number, "per_page": size}
        return replace(self, complete=False, returned=returned, next=following)


@dataclass(frozen=True, slots=True)
class Read:
    """A reply, and for lists how much of them it is."""

    reply: Reply
    page: Page | None = None
    notes: tuple[str, ...] = ()


async def read(gateway: Gateway, bound: Bound, caller: Caller) -> Read:
    """Perform `bound`; a list that asks for `max_items` is read page by page up to that many."""
    answer = bound.operation.answer
    if not answer.is_list or answer.paging == "none":
        return Read(await gateway.send(bound, caller))
    if answer.paging == "cursor":
        return await _read_by_cursor(gateway, bound, caller)
    return await _read_by_page(gateway, bound, caller)


async def _read_by_page(gateway: Gateway, bound: Bound, caller: Caller) -> Read:
    first = int(bound.arguments.get("page", 1))
    size, count = _plan(bound, first)
    items: list[Any] = []
    seen: set[Any] = set()
    notes: list[str] = []
    number, more, total = first, True, None
    reply = None
    while more and number < first + count:
        if bound.operation.answer.capped and (number - 1) * size >= ITEM_CAP:
            break
        reply = await gateway.send(_with_query(bound, page=number, per_page=size), caller)
        batch, meta = _unwrapped(reply, bound.operation.answer.key)
        # The list may grow at its newest end between two pages: what comes twice is kept once.
        items += [item for item in batch if _is_new(item, seen)]
        total = meta.get("total") if isinstance(meta.get("total"), int) else None
        more = bool(meta.get("next_page_link")) and bool(batch)
        number += 1
        if count > 1 and more:
            await caller.progress(
                len(items), min(total or size * count, size * count), "items read"
            )
    if bound.operation.answer.capped and more and (number - 1) * size >= ITEM_CAP:
        notes.append(
            f"Aircall serves {ITEM_CAP} items of one query; narrow from/to to see the rest."
        )
        more = False
    page = Page(
        complete=first == 1 and not more and not notes,
        returned=len(items),
        total=total,
        next=_next(bound, page=number, per_page=size) if more else None,
        before=(first - 1) * size,
    )
    body = {bound.operation.answer.key: items}
    status, sandbox = (reply.status, reply.sandbox) if reply else (200, gateway.sandbox)
    return Read(Reply(status, body, sandbox), page, tuple(notes))


async def _read_by_cursor(gateway: Gateway, bound: Bound, caller: Caller) -> Read:
    wanted = bound.max_items
    items: list[Any] = []
    token: Any = bound.arguments.get("token")
    total: Any = None
    started = token
    while True:
        limit = min(wanted - len(items), PAGE_SIZE) if wanted else bound.arguments.get("limit")
        step: dict[str, Any] = {"limit": limit or PAGE_SIZE}
        if token is not None:
            step["token"] = token
        reply = await gateway.send(_with_query(bound, **step), caller)
        batch, _ = _unwrapped(reply, bound.operation.answer.key)
        position = _fields(_fields(reply.body).get("pageInfo"))
        items += batch
        token, total = position.get("nextToken"), position.get("totalCount")
        if token is None or not batch or not wanted or len(items) >= wanted:
            break
    more = token is not None and (total is None or len(items) < total)
    page = Page(
        complete=started is None and not more,
        returned=len(items),
        total=total,
        next=_next(bound, token=token) if more else None,
    )
    return Read(Reply(reply.status, {bound.operation.answer.key: items}, reply.sandbox), page)


def _plan(bound: Bound, first: int) -> tuple[int, int]:
    """Page size and number of pages that give at most `max_items`, and end on a page's end."""
    asked = bound.arguments.get("per_page")
    wanted = bound.max_items
    if wanted is None:
        return asked or PAGE_SIZE, 1
    if asked and asked > wanted:
        if first > 1:
            raise ArgumentError(
                "`max_items` is smaller than `per_page`, so page numbers lose their meaning.",
                hint="Drop `per_page`, or raise `max_items`.",
            )
        return wanted, 1
    size = asked or wanted // -(-wanted // PAGE_SIZE)
    return size, max(1, wanted // size)


def _with_query(bound: Bound, **values: Any) -> Bound:
    kept = [pair for pair in bound.query if pair[0] not in values]
    return replace(bound, query=(*kept, *((name, str(value)) for name, value in values.items())))


def _next(bound: Bound, **values: Any) -> dict[str, Any]:
    return {**bound.arguments, **values}


def _unwrapped(reply: Reply, key: str) -> tuple[list[Any], Mapping[str, Any]]:
    body = _fields(reply.body)
    items = body.get(key)
    listed = cast("list[Any]", items) if isinstance(items, list) else []
    return listed, _fields(body.get("meta"))


def _fields(value: Any) -> Mapping[str, Any]:
    """`value` if it is a JSON object, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _is_new(item: Any, seen: set[Any]) -> bool:
    key: Any = cast("Mapping[str, Any]", item).get("id") if isinstance(item, Mapping) else None
    if not isinstance(key, int | str):
        return True
    if key in seen:
        return False
    seen.add(key)
    return True
