"""One request budget for each company, shared by all processes of the machine.

A sliding log: a request holds its slot from before it is sent until a whole window after its
answer came, so that the limit holds at the other end, whatever the way there takes. The slot of a
holder that died is free after its lease. Bulk reading leaves a fifth of the slots to people who
wait. Times are of the monotonic clock, which all processes of a machine share, but for headers.
"""

from __future__ import annotations

import asyncio
import random as chance
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..errors import BudgetExhausted, StoreError
from ..ground.caller import CompanyId, Lane, Progress
from ..ground.clock import Clock
from .ledger import Full, Ledger, Said, Share
from .limits import LONGEST_PAUSE, WINDOW, count_of, pause_of, reset_of

if TYPE_CHECKING:
    from ..storage.state import State

LONGEST_WAIT = 20.0
_TICK = 1.0
"""Seconds between two checks of a full log, and between two progress messages."""


class Slot:
    """The right to send one request. Report its end once; this is cheap and never waits."""

    def __init__(self, settle: Callable[[float | None], None], clock: Clock) -> None:
        self._settle: Callable[[float | None], None] | None = settle
        self._clock = clock

    def release(self) -> None:
        """The answer came, or none will come any more: the window starts now."""
        self._end(self._clock.monotonic())

    def give_back(self) -> None:
        """No byte was sent."""
        self._end(None)

    def _end(self, at: float | None) -> None:
        settle, self._settle = self._settle, None
        if settle is not None:
            settle(at)


class Budget:
    """See the module docstring. `state` opens the shared state at the first use.

    `window` is in seconds. Close it with `aclose`.
    """

    def __init__(
        self,
        state: Callable[[], State],
        *,
        window: float = WINDOW,
        longest_wait: float = LONGEST_WAIT,
        clock: Clock | None = None,
        random: Callable[[], float] = chance.random,
    ) -> None:
        self._clock = clock or Clock()
        self._ledger = Ledger(state, window=window, clock=self._clock)
        self._window = window
        self._longest_wait = longest_wait
        self._random = random
        self._tick = min(_TICK, window / 60)
        self._ended: list[tuple[str, float | None]] = []
        self._flush: asyncio.Task[None] | None = None
        self._turns: dict[tuple[CompanyId, Lane], asyncio.Lock] = {}
        self._full_until: dict[tuple[CompanyId, Lane], float] = {}

    async def slot(
        self,
        share: Share,
        *,
        hold: float,
        patience: float | None = None,
        progress: Progress | None = None,
    ) -> Slot:
        """A slot for a request that takes at most `hold` seconds.

        Waits up to `patience` seconds for it (`longest_wait` if None), saying so to `progress` as
        time goes by. Raises `BudgetExhausted` as soon as it is sure that this will not do.
        """
        patience = self._longest_wait if patience is None else patience
        began = self._clock.monotonic()
        turn = self._turns.setdefault((share.company, share.lane), asyncio.Lock())
        if turn.locked():
            await self._in_line(turn, share, began, patience, progress)
        else:
            await turn.acquire()
        try:
            while True:
                behind = self._behind_people(share)
                got = behind or await self._reserve(share, hold)
                if isinstance(got, Slot):
                    return got
                if self._ended and behind is None:
                    continue  # a slot was given back while we looked
                now = self._clock.monotonic()
                self._full_until[share.company, share.lane] = now + got.seconds
                await _wait_or_raise(got, now - began, patience, progress)
                await self._clock.sleep(min(max(got.seconds, 0.001), self._tick))
        finally:
            turn.release()

    async def learn(
        self, share: Share, status: int, headers: Mapping[str, str]
    ) -> BudgetExhausted | None:
        """Take in what Aircall says about its limit. It can only slow us down.

        After a 429 the company pauses in every process; the error tells for how long.
        """
        limit, remaining = count_of(headers, "limit"), count_of(headers, "remaining")
        if status != 429 and limit is None and remaining is None:
            return None
        reset = reset_of(headers, self._clock.wall())
        reset = self._window if reset is None else reset
        if status != 429:
            await self._ledger.note(share, Said(limit, remaining, reset, None))
            return None
        pause = pause_of(headers, self._clock.wall())
        pause = min(pause + self._random() * min(1.0, pause / 10), LONGEST_PAUSE)
        await self._ledger.note(share, Said(limit, remaining, reset, pause))
        return _exhausted(Full(pause, paused=True))

    async def aclose(self) -> None:
        """Settle open slots, and close the state."""
        if self._flush is not None:
            self._flush.cancel()
            await asyncio.wait({self._flush})  # what it was at comes back
            self._flush = None
        if self._ledger.opened:
            await self._settle_all()
            self._ledger.close()

    async def _in_line(
        self,
        turn: asyncio.Lock,
        share: Share,
        began: float,
        patience: float,
        progress: Progress | None,
    ) -> None:
        """Wait behind others of the same lane, in the order of arrival."""
        place = asyncio.ensure_future(turn.acquire())
        try:
            while not (await asyncio.wait({place}, timeout=self._tick))[0]:
                now = self._clock.monotonic()
                ahead = self._full_until.get((share.company, share.lane), now) - now
                full = Full(max(ahead, 0.0), paused=False)
                await _wait_or_raise(full, now - began, patience, progress)
        except BaseException:
            if not place.cancel() and not place.cancelled() and place.exception() is None:
                turn.release()
            raise

    def _behind_people(self, share: Share) -> Full | None:
        """Bulk waits while a person waits here; for other processes its smaller share is enough."""
        person = self._turns.get((share.company, "waiting"))
        if share.lane == "bulk" and person is not None and person.locked():
            return Full(self._tick / 50, paused=False)
        return None

    async def _reserve(self, share: Share, hold: float) -> Slot | Full:
        ended, self._ended = self._ended, []
        name = self._ledger.name()
        try:
            full = await self._ledger.reserve(share, hold, ended, name)
        except BaseException as error:
            self._ended = ended + self._ended
            if isinstance(error, asyncio.CancelledError):
                self._slot(name).give_back()  # what was begun is written all the same
            raise
        return full or self._slot(name)

    def _slot(self, name: str) -> Slot:
        def settle(at: float | None) -> None:
            self._ended.append((name, at))
            if self._flush is None or self._flush.done():
                self._flush = asyncio.ensure_future(self._flush_soon())

        return Slot(settle, self._clock)

    async def _flush_soon(self) -> None:
        """A slot that ended is not missed before its window has passed; the next request settles
        it in passing, and without a next one this does."""
        await self._clock.sleep(self._window / 8)
        await self._settle_all()

    async def _settle_all(self) -> None:
        ended, self._ended = self._ended, []
        if not ended:
            return
        try:
            await self._ledger.settle(ended)
        except BaseException as error:
            # The next request settles it; without one, leases free the slots in the end.
            self._ended = ended + self._ended
            if not isinstance(error, StoreError):
                raise


def _exhausted(full: Full) -> BudgetExhausted:
    if full.paused:
        return BudgetExhausted(
            "Aircall's request limit for this company is used up.",
            retry_after=full.seconds,
            hint="Wait that long; all keys and integrations of a company share one limit.",
        )
    return BudgetExhausted(
        "The company's requests per minute are used up by this server, so nothing was sent.",
        retry_after=max(full.seconds, 0.1),
        hint="Wait that long; ask for less at once, such as fewer items or one search.",
    )


async def _wait_or_raise(
    full: Full, waited: float, patience: float, progress: Progress | None
) -> None:
    """Report the wait; raise if it would be too long."""
    if waited + full.seconds > patience:
        raise _exhausted(full)
    if progress is not None:
        why = "Aircall asked us to pause" if full.paused else "the request limit is used up"
        await progress(waited, waited + full.seconds, f"Waiting: {why}")
