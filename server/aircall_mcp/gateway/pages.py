"""Long lists: as much as is wanted and fits into an answer, and what is still to come."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..ground.clock import Clock
from ..ground.reply import Page, Reply
from ..ground.weight import LIGHT, Aside
from .continuations import Continuations, Course, key_of
from .given import End, Given
from .lists import ITEM_CAP, Bookmark, Leaf
from .paging import Paging, paging_of
from .request import Link, Request
from .route import Company
from .walk import Walk

MOST_EMPTY = 2
"""Empty pages in a row after which reading stops."""


class Pages:
    """The link: a list is read page by page, up to what is wanted and has room in the answer.

    What has none waits in `kept` for the call that goes on.
    """

    def __init__(
        self,
        then: Link,
        kept: Continuations,
        company: Company,
        aside: Aside,
        *,
        clock: Clock,
        sandbox: bool,
    ) -> None:
        self._then = then
        self._kept = kept
        self._company = company
        self._aside = aside
        self._clock = clock
        self._sandbox = sandbox

    async def send(self, request: Request) -> Reply:
        if not request.several:
            return await self._then.send(request)
        answer = request.operation.answer
        if not answer.is_list or answer.paging == "none":
            reply = await self._then.send(request)
            of_age = _of_age(reply.age)
            return replace(reply, notes=(*reply.notes, *of_age)) if of_age else reply
        return await self._read(request, paging_of(request.bound))

    async def _read(self, request: Request, paging: Paging) -> Reply:
        bound = request.bound
        account = bound.account or request.caller.account
        key = key_of(bound, (await self._company(account))[0], account)
        anew = paging.whole or bound.fresh
        course = Course() if anew else self._kept.get(key, paging.start)
        began, walk = self._clock.monotonic(), Walk(self._then, request, self._clock)
        given = Given(paging.wanted, request.room, course)
        end = await self._walked(walk, given, course, paging)
        if end is None:
            # Better another form than a list that wrongly says it is empty and complete.
            return replace(walk.reply, notes=(walk.note,))
        more = end.place is not None
        capped = end.place is not None and not paging.served(end.place.at)
        if capped:
            following = paging.beyond(given.leaves[-1] if given.leaves else None)
        else:
            following = paging.onward(end.place) if end.place else None
        why = "" if more else given.doubt(bound, end, self._clock.wall(), whole=paging.whole)
        if more or given.weight > LIGHT:  # of what is heavy, less may fit than was thought
            self._kept.keep(key, given.course())
        page = Page(
            complete=not more and not why,
            returned=len(given.items),
            total=given.leaves[-1].total if given.leaves and not paging.moved else None,
            next=following,
            why=why,
            onward=lambda count: paging.onward(given.behind(count)),
        )
        age = max((began - leaf.read for leaf in given.leaves), default=0.0)
        notes = (
            *_of_age(age),
            *given.notes(),
            *_of_cap(following, capped=capped),
            *filter(None, [walk.note]),
        )
        sandbox = self._sandbox or any(leaf.sandbox for leaf in given.leaves)
        body = {request.operation.answer.key: given.items}
        return Reply(200, body, sandbox, max(age, 0.0), notes, page, given.weight)

    async def _walked(self, walk: Walk, given: Given, course: Course, paging: Paging) -> End | None:
        """Fill `given`; where that ended, None where the first answer was no list."""
        place, empty = paging.start, 0
        while not given.full:
            leaf = course.leaf(place) or await self._leaf(walk, given, paging, place)
            if not isinstance(leaf, Leaf):
                return leaf
            if leaf.items and given.leaves and leaf.items == given.leaves[-1].items:
                return End(None, fault="Aircall gives the same page again; more may follow.")
            after = await self._aside(partial(given.take, leaf, place.index), weight=leaf.weight)
            empty = 0 if leaf.items else empty + 1
            if after is None or paging.over(leaf, len(given.items)):
                return End(None, fault=leaf.fault)
            if empty == MOST_EMPTY:
                return End(None, fault="Aircall gives empty pages and says that more follow.")
            place = after
        return End(place)

    async def _leaf(
        self, walk: Walk, given: Given, paging: Paging, place: Bookmark
    ) -> Leaf | End | None:
        """The leaf at `place`, read; or how that ended, as `_walked` says."""
        if not paging.served(place.at):
            return End(place)
        reply = await walk.page(paging, place.at, given)
        if reply is None:
            return End(place)
        leaf = paging.leaf(reply, place.at, self._clock.monotonic())
        if leaf is None:
            walk.note = f"The answer has no list `{paging.key}`."
            return End(place) if given.leaves else None
        return leaf


def _of_age(age: float) -> tuple[str, ...]:
    return () if age < 1 else (f"Read {age:.0f} s ago; fresh:true reads anew.",)


def _of_cap(following: object, *, capped: bool) -> tuple[str, ...]:
    if not capped:
        return ()
    on = "page.next goes on in another period" if following else "narrow from/to to see the rest"
    return (f"Aircall serves {ITEM_CAP} items of one query; {on}.",)
