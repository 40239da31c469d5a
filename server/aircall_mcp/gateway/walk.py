"""Reading page after page of one list: the first for somebody who waits, the rest in bulk."""

from __future__ import annotations

from dataclasses import replace

from ..errors import BudgetExhausted, ToolError, TooMuch
from ..ground.clock import Clock
from ..ground.operation import Bound
from ..ground.reply import Reply
from .given import Given
from .lists import At, unwrapped
from .paging import Paging, joined
from .request import Link, Request

WATCHED_PATIENCE = 300.0
"""Seconds that one page of a long read may wait for the request limit while somebody watches."""

HEAVIEST = 48 * 1024 * 1024
"""Weight in bytes of the pages that one read holds together; 10,000 phone calls weigh 32 MB."""


class Walk:
    """The caller's deadline is one for all pages, unless somebody watches: then each has its own.

    What has been read is never lost: where the next page cannot be had in time, the walk ends
    there, and `note` says why.
    """

    def __init__(self, then: Link, request: Request, clock: Clock) -> None:
        self.note = ""
        self.reply = Reply(200, None)
        """The newest."""
        self._then = then
        self._request = request
        self._clock = clock
        self._until = clock.monotonic() + request.caller.deadline
        self._steps = 0

    async def page(self, paging: Paging, at: At, given: Given) -> Reply | None:
        """The page at `at`, or None where the walk ends before its goal. Raises what the page
        raises while nothing is `given` yet. What is too much for one answer is read in parts."""
        try:
            return await self._step(paging.asking(at), given)
        except TooMuch:
            pass
        parts: list[Reply] = []
        for bound in paging.parts(at):
            part = await self._step(bound, given, part=True)
            if part is None:
                return None
            parts.append(part)
            if not unwrapped(part, paging.key)[0]:
                break
        return joined(parts, paging.key)

    async def _step(self, bound: Bound, given: Given, *, part: bool = False) -> Reply | None:
        request, caller = self._request, self._request.caller
        if self._steps:
            if given.items and bound.max_items is None and not (part or given.leaves[-1].guessed):
                return None  # one page was asked for
            await caller.progress(len(given.items), given.goal, "items read")
            if given.weight > HEAVIEST:
                self.note = "More is not read at once; page.next goes on from here."
                return None
            if not caller.watched and self._clock.monotonic() >= self._until:
                self.note = "Time was up; page.next goes on from here."
                return None
            if caller.watched:
                caller = replace(caller, lane="bulk", patience=WATCHED_PATIENCE)
            else:
                caller = replace(caller, lane="bulk", patience=None)
                request = replace(request, until=self._until)
        self._steps += 1
        try:
            self.reply = await self._then.send(replace(request, bound=bound, caller=caller))
        except ToolError as error:
            if not given.items or (isinstance(error, TooMuch) and not part):
                raise
            wait = f" in {error.retry_after:.0f} s" if isinstance(error, BudgetExhausted) else ""
            self.note = f"Stopped early: {error.message} page.next goes on from here{wait}."
            return None
        return self.reply
