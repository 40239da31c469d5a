"""What the budget counts, in a store that all processes of the machine share.

A line a slot: held until a lease, or settled until its window has passed; and a line a company for
what Aircall said of its limit. Times are of the monotonic clock. Each method is one transaction.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from ..ground.caller import Lane
from ..ground.clock import Clock
from .limits import LONGEST_PAUSE

if TYPE_CHECKING:
    from ..storage.state import State
    from ..storage.store import Transaction

LONGEST_HOLD = 1000.0
BULK_SHARE = 0.8
BACK_OFF = 0.9
RECOVERY = 600.0
"""Seconds after which a lowered limit rises again, by a tenth of the full one each time."""

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
class Full:
    """No slot before `seconds` have passed, at the earliest."""

    seconds: float
    paused: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer said of the limit: requests in a window, requests that remain of them for
    `reset` seconds, and seconds to `pause`, which is what a 429 says."""

    limit: int | None
    remaining: int | None
    reset: float
    pause: float | None


Ended: TypeAlias = Sequence[tuple[str, float | None]]
"""Slots that ended, and when their answer came; None where nothing was sent."""


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


class Ledger:
    """See the module docstring. `state` opens the shared state at the first use."""

    def __init__(self, state: Callable[[], State], *, window: float, clock: Clock) -> None:
        self._open = state
        self._state: State | None = None
        self._window = window
        self._clock = clock
        self._name = os.urandom(6).hex()
        self._count = 0

    def name(self) -> str:
        """That of a new slot."""
        self._count += 1
        return f"{self._name}-{self._count}"

    async def reserve(self, share: Share, hold: float, ended: Ended, name: str) -> Full | None:
        """Take a slot of this `name` for at most `hold` seconds, once those that `ended` are
        settled, unless all are taken."""

        def work(tx: Transaction) -> Full | None:
            now = self._clock.monotonic()
            self._settle(tx, ended)
            tx.run(
                "DELETE FROM slot WHERE until <= :now OR until > :impossible",
                now=now,
                impossible=now + LONGEST_HOLD + self._window,
            )
            pace, taken = _standing(tx, share.company, now)
            if pace.paused_until > now:
                return Full(pace.paused_until - now, paused=True)
            room = pace.limit(share.limit, now)
            if share.lane == "bulk":
                room = max(1, int(room * BULK_SHARE))
            over = taken - room
            if over < 0:
                self._add(tx, name, share.company, now + hold + self._window, settled=False)
                return None
            # A slot still in flight is free a window from now, at the very earliest.
            row = tx.one(
                "SELECT CASE WHEN settled = 1 THEN until ELSE :earliest END AS free FROM slot"
                " WHERE company = :company ORDER BY free LIMIT 1 OFFSET :over",
                earliest=now + self._window,
                company=share.company,
                over=over,
            )
            return Full((row[0] if row else now) - now, paused=False)

        return await self._opened().write(work)

    async def settle(self, ended: Ended) -> None:
        await self._opened().write(lambda tx: self._settle(tx, ended))

    async def note(self, share: Share, said: Said) -> None:
        """Take in what Aircall says about its limit. It can only slow us down."""

        def work(tx: Transaction) -> None:
            now = self._clock.monotonic()
            pace, taken = _standing(tx, share.company, now)
            allowed = pace.limit(share.limit, now)
            lowered = allowed
            if said.limit is not None and 0 < said.limit < allowed:
                lowered = said.limit
            elif said.pause is not None and taken < allowed and pace.paused_until <= now:
                lowered = max(1, int(allowed * BACK_OFF))
            changed = pace
            if said.pause:
                until = max(pace.paused_until, now + said.pause)
                changed = replace(changed, paused_until=until)
            if lowered < allowed:
                changed = replace(changed, lowered=lowered, lowered_at=now)
            if changed is not pace:
                _set_pace(tx, share.company, changed)
            if said.pause is None and said.remaining is not None:
                # Others spend from the same budget: their requests take slots in our log, too.
                until = now + min(max(said.reset, 0.0), LONGEST_PAUSE)
                for _ in range(lowered - taken - max(0, said.remaining)):
                    self._add(tx, self.name(), share.company, until, settled=True)

        await self._opened().write(work)

    def close(self) -> None:
        state, self._state = self._state, None
        if state is not None:
            state.close()

    @property
    def opened(self) -> bool:
        return self._state is not None

    def _opened(self) -> State:
        if self._state is None:
            self._state = self._open()
        return self._state

    def _settle(self, tx: Transaction, ended: Ended) -> None:
        for name, at in ended:
            if at is None:
                tx.run("DELETE FROM slot WHERE id = :id", id=name)
            else:
                tx.run(
                    "UPDATE slot SET until = :until, settled = 1 WHERE id = :id",
                    until=at + self._window,
                    id=name,
                )

    def _add(
        self, tx: Transaction, name: str, company: str, until: float, *, settled: bool
    ) -> None:
        tx.run(
            "INSERT INTO slot (id, company, until, settled)"
            " VALUES (:id, :company, :until, :settled)",
            id=name,
            company=company,
            until=until,
            settled=int(settled),
        )


def _standing(tx: Transaction, company: str, now: float) -> tuple[_Pace, int]:
    """What the company was told, and how many slots it has taken. What lies in an impossible future
    is of another boot."""
    row = tx.one(
        "SELECT taken.count, paused_until, lowered, lowered_at"
        " FROM (SELECT COUNT(*) AS count FROM slot WHERE company = :company) AS taken"
        " LEFT JOIN pace ON pace.company = :company",
        company=company,
    )
    taken, paused_until, *lowered = row or (0, None)
    pace = _Pace() if paused_until is None else _Pace(paused_until, *lowered)
    if pace.paused_until > now + LONGEST_PAUSE or pace.lowered_at > now:
        pace = _Pace()
    return pace, taken


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
