"""How fast we may go: one request budget for a company, shared by all processes of the machine.

A sliding log: a request holds its slot from before it is sent until a whole window after its
answer came, so that the limit holds at the other end, whatever the way there takes. The slot of a
holder that died is free after its lease. Bulk reading leaves a fifth of the slots to people who
wait. Times are of the monotonic clock, which all processes of a machine share, but for headers.
"""

from __future__ import annotations

import asyncio
import os
import random as chance
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import BudgetExhausted, StoreError
from ..ground.caller import Lane, Progress
from .limits import LONGEST_PAUSE, WINDOW, count_of, pause_of, reset_of

if TYPE_CHECKING:
    from ..storage.state import State
    from ..storage.store import Transaction

LONGEST_WAIT = 20.0
LONGEST_HOLD = 1000.0
BULK_SHARE = 0.8
BACK_OFF = 0.9
RECOVERY = 600.0
"""Seconds after which a lowered limit rises again, by a tenth of the full one each time."""
_TICK = 1.0
"""Seconds between two looks at a full log, and between two words to a person who waits."""

MIGRATIONS = (
    (
        "CREATE TABLE slot (id TEXT PRIMARY KEY, company TEXT NOT NULL,"
        " until DOUBLE PRECISION NOT NULL, settled INTEGER NOT NULL)",
        "CREATE INDEX slot_until ON slot (company, until)",
        "CREATE TABLE pace (company TEXT PRIMARY KEY, paused_until DOUBLE PRECISION NOT NULL,"
        " lowered INTEGER NOT NULL, lowered_at DOUBLE PRECISION NOT NULL)",
    ),
)


@dataclass(frozen=True, slots=True)
class Share:
    """What a request draws on: the company's budget of `limit` requests in a window, by a lane."""

    company: str
    limit: int
    lane: Lane = "waiting"


@dataclass(frozen=True, slots=True)
class _Pace:
    paused_until: float = 0.0
    lowered: int = 0
    lowered_at: float = 0.0

    def limit(self, full: int, now: float) -> int:
        if not self.lowered:
            return full
        steps = int(max(0.0, now - self.lowered_at) / RECOVERY)
        return min(full, self.lowered + steps * max(1, full // 10))


@dataclass(frozen=True, slots=True)
class _Full:
    """No slot before `seconds` have passed, at the earliest."""

    seconds: float
    paused: bool


class Slot:
    """The right to send one request. Say once what became of it; both are cheap and never wait."""

    def __init__(self, settle: Callable[[float | None], None], clock: Callable[[], float]) -> None:
        self._settle: Callable[[float | None], None] | None = settle
        self._clock = clock

    def release(self) -> None:
        """The answer came, or none will come any more: the window runs from now."""
        self._end(self._clock())

    def give_back(self) -> None:
        """Not a byte was sent."""
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
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = chance.random,
    ) -> None:
        self._open = state
        self._state: State | None = None
        self._window = window
        self._longest_wait = longest_wait
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._random = random
        self._tick = min(_TICK, window / 60)
        self._name = os.urandom(6).hex()
        self._count = 0
        self._ended: list[tuple[str, float | None]] = []
        self._flush: asyncio.Task[None] | None = None
        self._turns: dict[tuple[str, Lane], asyncio.Lock] = {}
        self._full_until: dict[tuple[str, Lane], float] = {}

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
        began = self._clock()
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
                now = self._clock()
                self._full_until[share.company, share.lane] = now + got.seconds
                await _wait_or_raise(got, now - began, patience, progress)
                await self._sleep(min(max(got.seconds, 0.001), self._tick))
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
        pause = pause_of(headers, self._wall()) if status == 429 else 0.0
        pause = min(pause + self._random() * min(1.0, pause / 10), LONGEST_PAUSE)
        reset = reset_of(headers, self._wall())
        reset = self._window if reset is None else reset

        def work(tx: Transaction) -> None:
            now = self._clock()
            pace = _pace(tx, share.company, now)
            allowed = pace.limit(share.limit, now)
            taken = _taken(tx, share.company)
            lowered = allowed
            if limit is not None and 0 < limit < allowed:
                lowered = limit
            elif status == 429 and taken < allowed and pace.paused_until <= now:
                lowered = max(1, int(allowed * BACK_OFF))
            if lowered < allowed or pause:
                _set_pace(
                    tx,
                    share.company,
                    _Pace(
                        max(pace.paused_until, now + pause) if pause else pace.paused_until,
                        lowered if lowered < allowed else pace.lowered,
                        now if lowered < allowed else pace.lowered_at,
                    ),
                )
            if status != 429 and remaining is not None:
                # Others spend from the same budget: their requests take slots in our log, too.
                until = now + min(max(reset, 0.0), LONGEST_PAUSE)
                for _ in range(lowered - taken - max(0, remaining)):
                    self._add(tx, share.company, until, settled=True)

        await self._opened().write(work)
        if status != 429:
            return None
        return _exhausted(_Full(pause, paused=True))

    async def aclose(self) -> None:
        """Settle what is still open, and let go of the state."""
        if self._flush is not None:
            self._flush.cancel()
            await asyncio.wait({self._flush})  # what it was at comes back
            self._flush = None
        if self._state is not None:
            await self._settle_all()
            self._state.close()
            self._state = None

    def _opened(self) -> State:
        if self._state is None:
            self._state = self._open()
        return self._state

    async def _in_line(
        self,
        turn: asyncio.Lock,
        share: Share,
        began: float,
        patience: float,
        progress: Progress | None,
    ) -> None:
        """Wait behind others of the same lane, in the order of coming."""
        place = asyncio.ensure_future(turn.acquire())
        try:
            while not (await asyncio.wait({place}, timeout=self._tick))[0]:
                now = self._clock()
                ahead = self._full_until.get((share.company, share.lane), now) - now
                full = _Full(max(ahead, 0.0), paused=False)
                await _wait_or_raise(full, now - began, patience, progress)
        except BaseException:
            if not place.cancel() and not place.cancelled() and place.exception() is None:
                turn.release()
            raise

    def _behind_people(self, share: Share) -> _Full | None:
        """Bulk steps back while somebody waits here; elsewhere its smaller share is enough."""
        person = self._turns.get((share.company, "waiting"))
        if share.lane == "bulk" and person is not None and person.locked():
            return _Full(self._tick / 50, paused=False)
        return None

    async def _reserve(self, share: Share, hold: float) -> Slot | _Full:
        ended, self._ended = self._ended, []

        def work(tx: Transaction) -> str | _Full:
            now = self._clock()
            self._settle(tx, ended)
            tx.run(
                "DELETE FROM slot WHERE until <= :now OR until > :impossible",
                now=now,
                impossible=now + LONGEST_HOLD + self._window,
            )
            pace = _pace(tx, share.company, now)
            if pace.paused_until > now:
                return _Full(pace.paused_until - now, paused=True)
            room = pace.limit(share.limit, now)
            if share.lane == "bulk":
                room = max(1, int(room * BULK_SHARE))
            over = _taken(tx, share.company) - room
            if over < 0:
                return self._add(tx, share.company, now + hold + self._window, settled=False)
            # A slot still in flight is free a window from now, at the very earliest.
            row = tx.one(
                "SELECT CASE WHEN settled = 1 THEN until ELSE :earliest END AS free FROM slot"
                " WHERE company = :company ORDER BY free LIMIT 1 OFFSET :over",
                earliest=now + self._window,
                company=share.company,
                over=over,
            )
            return _Full((row[0] if row else now) - now, paused=False)

        writing = asyncio.ensure_future(self._opened().write(work))
        try:
            await asyncio.wait({writing})
            got = writing.result()
        except asyncio.CancelledError:
            writing.add_done_callback(lambda done: self._abandoned(done, ended))
            raise
        except BaseException:
            self._ended = ended + self._ended
            raise
        if isinstance(got, _Full):
            return got
        return self._slot(got)

    def _slot(self, name: str) -> Slot:
        def settle(at: float | None) -> None:
            self._ended.append((name, at))
            if self._flush is None or self._flush.done():
                self._flush = asyncio.ensure_future(self._flush_soon())

        return Slot(settle, self._clock)

    def _abandoned(
        self, done: asyncio.Future[str | _Full], ended: list[tuple[str, float | None]]
    ) -> None:
        """Nobody waits any more for the slot that was just taken."""
        if done.cancelled() or done.exception() is not None:
            self._ended = ended + self._ended
        elif isinstance(name := done.result(), str):
            self._slot(name).give_back()

    async def _flush_soon(self) -> None:
        """A slot that ended is not missed before its window has passed; the next request settles
        it in passing, and without a next one this does."""
        await asyncio.sleep(self._window / 8)
        await self._settle_all()

    async def _settle_all(self) -> None:
        ended, self._ended = self._ended, []
        if not ended:
            return
        try:
            await self._opened().write(lambda tx: self._settle(tx, ended))
        except BaseException as error:
            # The next request settles it; without one, leases free the slots in the end.
            self._ended = ended + self._ended
            if not isinstance(error, StoreError):
                raise

    def _settle(self, tx: Transaction, ended: list[tuple[str, float | None]]) -> None:
        for name, at in ended:
            if at is None:
                tx.run("DELETE FROM slot WHERE id = :id", id=name)
            else:
                tx.run(
                    "UPDATE slot SET until = :until, settled = 1 WHERE id = :id",
                    until=at + self._window,
                    id=name,
                )

    def _add(self, tx: Transaction, company: str, until: float, *, settled: bool) -> str:
        self._count += 1
        name = f"{self._name}-{self._count}"
        tx.run(
            "INSERT INTO slot (id, company, until, settled)"
            " VALUES (:id, :company, :until, :settled)",
            id=name,
            company=company,
            until=until,
            settled=int(settled),
        )
        return name


def _taken(tx: Transaction, company: str) -> int:
    row = tx.one("SELECT COUNT(*) FROM slot WHERE company = :company", company=company)
    return row[0] if row else 0


def _pace(tx: Transaction, company: str, now: float) -> _Pace:
    """What the company was told; what lies in an impossible future is of another boot."""
    row = tx.one(
        "SELECT paused_until, lowered, lowered_at FROM pace WHERE company = :company",
        company=company,
    )
    pace = _Pace(*row) if row else _Pace()
    if pace.paused_until > now + LONGEST_PAUSE or pace.lowered_at > now:
        return _Pace()
    return pace


def _set_pace(tx: Transaction, company: str, pace: _Pace) -> None:
    tx.run(
        "INSERT INTO pace (company, paused_until, lowered, lowered_at)"
        " VALUES (:company, :paused_until, :lowered, :lowered_at)"
        " ON CONFLICT (company) DO UPDATE SET paused_until = :paused_until, lowered = :lowered,"
        " lowered_at = :lowered_at",
        company=company,
        paused_until=pace.paused_until,
        lowered=pace.lowered,
        lowered_at=pace.lowered_at,
    )


def _exhausted(full: _Full) -> BudgetExhausted:
    if full.paused:
        return BudgetExhausted(
            "Aircall's request limit for this company is used up.",
            retry_after=full.seconds,
            hint="Wait that long; all keys and integrations of a company share one limit.",
        )
    return BudgetExhausted(
        "This company's requests of the last minute are used up here, so nothing was sent.",
        retry_after=max(full.seconds, 0.1),
        hint="Wait that long; ask for less at once, such as fewer items or one search.",
    )


async def _wait_or_raise(
    full: _Full, waited: float, patience: float, progress: Progress | None
) -> None:
    """Say that there is a wait; raise if it would be too long."""
    if waited + full.seconds > patience:
        raise _exhausted(full)
    if progress is not None:
        why = "Aircall asked us to pause" if full.paused else "the request limit is used up"
        await progress(waited, waited + full.seconds, f"Waiting: {why}")
