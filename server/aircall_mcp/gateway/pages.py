"""Reading a lot: one page, or as many as are asked for, and what is still to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from ..errors import ArgumentError, BudgetExhausted, ToolError
from ..ground.caller import Caller
from ..ground.operation import PAGE_SIZE, Bound
from ..ground.reply import Page, Read, Reply
from .gateway import Gateway

ITEM_CAP = 10_000
"""Items that Aircall serves of one query over calls or contacts."""

WATCHED_PATIENCE = 300.0
"""Seconds that one page of a long read may wait for the request limit while somebody watches."""

HEAVIEST = 48 * 1024 * 1024
"""Weight in bytes of the pages that one read holds together; 10,000 phone calls weigh 32 MB."""

LONGEST_TOKEN = 2 * 1024
"""Bytes of a token that is handed on to the model; Aircall's have some twenty."""

_ANCHORS = {"calls": "started_at", "contacts": "created_at"}
"""What `from` and `to` go by, in lists that end at the cap."""


async def read(gateway: Gateway, bound: Bound, caller: Caller) -> Read:
    """Perform `bound`; a list that asks for `max_items` is read page by page up to that many.

    The caller's deadline is one for all pages, unless somebody watches: then each has its own.
    """
    answer = bound.operation.answer
    if not answer.is_list or answer.paging == "none":
        reply = await gateway.send(bound, caller)
        return Read(reply, notes=_notes_of(reply))
    if answer.paging == "cursor":
        return await _read_by_cursor(gateway, bound, caller)
    return await _read_by_page(gateway, bound, caller)


async def _read_by_page(gateway: Gateway, bound: Bound, caller: Caller) -> Read:
    first = int(bound.arguments.get("page", 1))
    size, count = _plan(bound, first)
    walk = _Walk(gateway, bound, caller)
    seen: set[Any] = set()
    number, more, total = first, True, None
    capped = bound.operation.answer.capped
    while more and number < first + count and not (capped and (number - 1) * size >= ITEM_CAP):
        reply = await walk.step(page=number, per_page=size)
        if reply is None:
            break
        batch, meta = _unwrapped(reply, bound.operation.answer.key)
        if batch is None:
            return _as_it_came(reply, bound)
        # The list may grow at its newest end between two pages: what comes twice is kept once.
        walk.items += await gateway.aside(
            lambda batch=batch: [item for item in batch if _is_new(item, seen)],
            weight=reply.weight,
        )
        total = _count(meta.get("total"))
        more = bool(meta.get("next_page_link")) and bool(batch)
        number += 1
        if count > 1 and more:
            whole = min(total or size * count, size * count)
            await caller.progress(len(walk.items), whole, "items read")
    following = _next(bound, page=number, per_page=size) if more else None
    if capped and more and (number - 1) * size >= ITEM_CAP:
        following = _behind_the_cap(bound, walk.items, size)
        walk.notes.append(
            f"Aircall serves {ITEM_CAP} items of one query; "
            + (
                "page.next goes on in another period, where those of one second may come twice."
                if following
                else "narrow from/to to see the rest."
            )
        )
    page = Page(
        complete=first == 1 and not more,
        returned=len(walk.items),
        total=total,
        next=following,
        before=(first - 1) * size,
    )
    return walk.read(page)


async def _read_by_cursor(gateway: Gateway, bound: Bound, caller: Caller) -> Read:
    wanted = bound.max_items
    walk = _Walk(gateway, bound, caller)
    token: Any = bound.arguments.get("token")
    total: int | None = None
    started, lost = token, False
    cursors: dict[int, Any] = {}
    while True:
        left = wanted - len(walk.items) if wanted else bound.arguments.get("limit", PAGE_SIZE)
        reply = await walk.step(
            limit=min(left, PAGE_SIZE), **({} if token is None else {"token": token})
        )
        if reply is None:
            break
        batch, _ = _unwrapped(reply, bound.operation.answer.key)
        if batch is None:
            return _as_it_came(reply, bound)
        position = _fields(_fields(reply.body).get("pageInfo"))
        walk.items += batch
        told, token = position.get("nextToken"), _token(position.get("nextToken"))
        lost = told is not None and token is None
        total = _count(position.get("totalCount"))
        if lost:
            walk.notes.append("What follows cannot be read: Aircall's token for it is none.")
        if token is not None:
            cursors[len(walk.items)] = token
        if token is None or not batch or not wanted or len(walk.items) >= wanted:
            break
        await caller.progress(len(walk.items), min(total or wanted, wanted), "items read")
    more = token is not None and (total is None or len(walk.items) < total)
    page = Page(
        complete=started is None and not more and not lost,
        returned=len(walk.items),
        total=total,
        next=_next(bound, token=token) if more else None,
        cursors=cursors,
    )
    return walk.read(page)


class _Walk:
    """Page after page of one list: the first for somebody who waits, the rest in bulk.

    What has been read is never lost: where the next page cannot be had in time, the walk ends
    there and says why.
    """

    def __init__(self, gateway: Gateway, bound: Bound, caller: Caller) -> None:
        self.items: list[Any] = []
        self.notes: list[str] = []
        self._gateway = gateway
        self._bound = bound
        self._caller = caller
        self._until = gateway.clock() + caller.deadline
        self._last: Reply | None = None
        self._weight = 0

    async def step(self, **query: Any) -> Reply | None:
        """The next page, or None where the walk ends before its goal."""
        caller = self._caller
        if self._last is not None:
            if self._weight > HEAVIEST:
                self.notes.append("More is not read at once; page.next goes on from here.")
                return None
            if not caller.watched and self._gateway.clock() >= self._until:
                self.notes.append("Time was up; page.next goes on from here.")
                return None
            if caller.watched:
                caller = replace(caller, lane="bulk", patience=WATCHED_PATIENCE)
            else:
                caller = replace(caller, lane="bulk", patience=None, until=self._until)
        try:
            self._last = await self._gateway.send(_with_query(self._bound, **query), caller)
        except ToolError as error:
            if not self.items:
                raise
            wait = f" in {error.retry_after:.0f} s" if isinstance(error, BudgetExhausted) else ""
            self.notes.append(f"Stopped early: {error.message} page.next goes on from here{wait}.")
            return None
        self._weight += self._last.weight
        return self._last

    def read(self, page: Page) -> Read:
        last = self._last or Reply(200, None, self._gateway.sandbox)
        body = {self._bound.operation.answer.key: self.items}
        reply = replace(last, body=body, weight=self._weight)
        return Read(reply, page, (*_notes_of(last), *self.notes))


def _behind_the_cap(bound: Bound, items: list[Any], size: int) -> dict[str, Any] | None:
    """The arguments that go on behind the cap, by moving the end of the period that is nearer.

    None where the order is not that of time, or where nothing would move.
    """
    field = _ANCHORS.get(bound.operation.answer.key, "")
    moment = _count(_fields(items[-1]).get(field)) if items else None
    edge = "from" if bound.arguments.get("order", "desc") == "asc" else "to"
    by_time = bound.arguments.get("order_by", "created_at") == "created_at"
    if not by_time or moment is None or bound.arguments.get(edge) == moment:
        return None
    kept = {name: value for name, value in bound.arguments.items() if name != "page"}
    return {**kept, edge: moment, "per_page": size}


def _notes_of(reply: Reply) -> tuple[str, ...]:
    if reply.age < 1:
        return reply.notes
    return (*reply.notes, f"Read {reply.age:.0f} s ago; fresh:true reads anew.")


def _plan(bound: Bound, first: int) -> tuple[int, int]:
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


def _with_query(bound: Bound, **values: Any) -> Bound:
    kept = [pair for pair in bound.query if pair[0] not in values]
    return replace(bound, query=(*kept, *((name, str(value)) for name, value in values.items())))


def _next(bound: Bound, **values: Any) -> dict[str, Any]:
    return {**bound.arguments, **values}


def _unwrapped(reply: Reply, key: str) -> tuple[list[Any] | None, Mapping[str, Any]]:
    body = _fields(reply.body)
    items = body.get(key)
    listed = cast("list[Any]", items) if isinstance(items, list) else None
    return listed, _fields(body.get("meta"))


def _as_it_came(reply: Reply, bound: Bound) -> Read:
    """Better an answer of another form than a list that wrongly says it is empty and complete."""
    return Read(reply, notes=(f"The answer has no list `{bound.operation.answer.key}`.",))


def _fields(value: Any) -> Mapping[str, Any]:
    """`value` if it is a JSON object, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _count(value: Any) -> int | None:
    """`value` if it counts something, or is a moment."""
    fine = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if fine else None


def _token(value: Any) -> str | int | None:
    """`value` if it is what a token can be: a text or a number of few bytes."""
    if isinstance(value, str):
        return value if len(value.encode("utf-8", "replace")) <= LONGEST_TOKEN else None
    fine = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**64
    return value if fine else None


def _is_new(item: Any, seen: set[Any]) -> bool:
    key: Any = cast("Mapping[str, Any]", item).get("id") if isinstance(item, Mapping) else None
    if not isinstance(key, int | str):
        return True
    if key in seen:
        return False
    seen.add(key)
    return True
