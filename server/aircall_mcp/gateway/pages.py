"""Reading a lot: one page, or as many as are asked for, and what is still to come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..errors import BudgetExhausted, ToolError
from ..ground.caller import Caller
from ..ground.operation import PAGE_SIZE, Bound
from ..ground.reply import Page, Reply
from ..ground.weight import Aside
from .lists import (
    ITEM_CAP,
    behind_the_cap,
    count_of,
    fields,
    is_new,
    plan,
    token_of,
    unwrapped,
    with_query,
)
from .request import Link, Request

WATCHED_PATIENCE = 300.0
"""Seconds that one page of a long read may wait for the request limit while somebody watches."""

HEAVIEST = 48 * 1024 * 1024
"""Weight in bytes of the pages that one read holds together; 10,000 phone calls weigh 32 MB."""


class Pages:
    """The link: a list that asks for `max_items` is read page by page up to that many.

    The caller's deadline is one for all pages, unless somebody watches: then each has its own.
    """

    def __init__(
        self, then: Link, aside: Aside, clock: Callable[[], float], *, sandbox: bool
    ) -> None:
        self._then = then
        self._aside = aside
        self._clock = clock
        self._sandbox = sandbox

    async def send(self, request: Request) -> Reply:
        if not request.several:
            return await self._then.send(request)
        answer = request.operation.answer
        if not answer.is_list or answer.paging == "none":
            return _with_age(await self._then.send(request))
        walk = _Walk(self._then, request, self._clock, sandbox=self._sandbox)
        if answer.paging == "cursor":
            return await _by_cursor(walk, request.bound, request.caller)
        return await _by_page(walk, request.bound, request.caller, self._aside)


async def _by_page(walk: _Walk, bound: Bound, caller: Caller, aside: Aside) -> Reply:
    first = int(bound.arguments.get("page", 1))
    size, count = plan(bound, first)
    seen: set[Any] = set()
    number, more, total = first, True, None
    capped = bound.operation.answer.capped
    while more and number < first + count and not (capped and (number - 1) * size >= ITEM_CAP):
        reply = await walk.step(page=number, per_page=size)
        if reply is None:
            break
        batch, meta = unwrapped(reply, bound.operation.answer.key)
        if batch is None:
            return _as_it_came(reply, bound)
        # The list may grow at its newest end between two pages: what comes twice is kept once.
        walk.items += await aside(
            lambda batch=batch: [item for item in batch if is_new(item, seen)],
            weight=reply.weight,
        )
        total = count_of(meta.get("total"))
        more = bool(meta.get("next_page_link")) and bool(batch)
        number += 1
        if count > 1 and more:
            whole = min(total or size * count, size * count)
            await caller.progress(len(walk.items), whole, "items read")
    following = {**bound.arguments, "page": number, "per_page": size} if more else None
    if capped and more and (number - 1) * size >= ITEM_CAP:
        following = behind_the_cap(bound, walk.items, size)
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
    return walk.reply(page)


async def _by_cursor(walk: _Walk, bound: Bound, caller: Caller) -> Reply:
    wanted = bound.max_items
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
        batch, _ = unwrapped(reply, bound.operation.answer.key)
        if batch is None:
            return _as_it_came(reply, bound)
        position = fields(fields(reply.body).get("pageInfo"))
        walk.items += batch
        told, token = position.get("nextToken"), token_of(position.get("nextToken"))
        lost = told is not None and token is None
        total = count_of(position.get("totalCount"))
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
        next={**bound.arguments, "token": token} if more else None,
        cursors=cursors,
    )
    return walk.reply(page)


class _Walk:
    """Page after page of one list: the first for somebody who waits, the rest in bulk.

    What has been read is never lost: where the next page cannot be had in time, the walk ends
    there and says why.
    """

    def __init__(
        self, then: Link, request: Request, clock: Callable[[], float], *, sandbox: bool
    ) -> None:
        self.items: list[Any] = []
        self.notes: list[str] = []
        self._then = then
        self._request = request
        self._clock = clock
        self._sandbox = sandbox
        self._until = clock() + request.caller.deadline
        self._last: Reply | None = None
        self._weight = 0

    async def step(self, **query: Any) -> Reply | None:
        """The next page, or None where the walk ends before its goal."""
        request, caller = self._request, self._request.caller
        if self._last is not None:
            if self._weight > HEAVIEST:
                self.notes.append("More is not read at once; page.next goes on from here.")
                return None
            if not caller.watched and self._clock() >= self._until:
                self.notes.append("Time was up; page.next goes on from here.")
                return None
            if caller.watched:
                caller = replace(caller, lane="bulk", patience=WATCHED_PATIENCE)
            else:
                caller = replace(caller, lane="bulk", patience=None)
                request = replace(request, until=self._until)
        try:
            self._last = await self._then.send(
                replace(request, bound=with_query(request.bound, **query), caller=caller)
            )
        except ToolError as error:
            if not self.items:
                raise
            wait = f" in {error.retry_after:.0f} s" if isinstance(error, BudgetExhausted) else ""
            self.notes.append(f"Stopped early: {error.message} page.next goes on from here{wait}.")
            return None
        self._weight += self._last.weight
        return self._last

    def reply(self, page: Page) -> Reply:
        """All that was read, as one."""
        last = self._last or Reply(200, None, self._sandbox)
        body = {self._request.operation.answer.key: self.items}
        notes = (*_with_age(last).notes, *self.notes)
        return replace(last, body=body, weight=self._weight, page=page, notes=notes)


def _with_age(reply: Reply) -> Reply:
    if reply.age < 1:
        return reply
    return replace(
        reply, notes=(*reply.notes, f"Read {reply.age:.0f} s ago; fresh:true reads anew.")
    )


def _as_it_came(reply: Reply, bound: Bound) -> Reply:
    """Better an answer of another form than a list that wrongly says it is empty and complete."""
    return replace(reply, notes=(f"The answer has no list `{bound.operation.answer.key}`.",))
