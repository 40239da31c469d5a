"""How much of each cap is used, counted for all processes of the home in one place.

A place under a cap is taken in one transaction before anything is sent, and given back only where
nothing was done: what is not known to have happened counts. Times are of the wall clock, in UNIX
seconds, so that a cap holds over restarts; a row that lies in the future counts as well, since the
clock was set back then.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from ..ground.phones import reached
from .deed import COUNTED, Counted
from .policy import DAY, HOUR, Cap, Used

if TYPE_CHECKING:
    from ..ground.clock import Clock
    from ..storage.state import State
    from ..storage.store import Transaction

MIGRATIONS = (
    (
        "CREATE TABLE taken (id TEXT PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL,"
        " size INTEGER NOT NULL, wall DOUBLE PRECISION NOT NULL)",
        "CREATE INDEX taken_kind ON taken (account, kind, wall)",
        "CREATE TABLE suppressed (number TEXT PRIMARY KEY, since DOUBLE PRECISION NOT NULL,"
        " why TEXT NOT NULL)",
    ),
    ("CREATE TABLE introduced (digits TEXT PRIMARY KEY, since DOUBLE PRECISION NOT NULL)",),
)
MIGRATIONS_LATER = (
    (
        # Their sizes stand in it, so that no row is looked up to add them.
        "CREATE INDEX taken_size ON taken (account, kind, wall, size)",
        "DROP INDEX taken_kind",
    ),
)
BY_TEXT: Final = "asked for it by text"
"""Why a number is left alone that wrote one of the words that stop."""
STRANGE: Final = 30 * DAY
"""Seconds for which a number that a model wrote into the contacts is a stranger's still."""
TELLING: Final = 8
"""Digits at the end of a number by which it is known again, however its beginning is written."""

MOST_DIGITS: Final = 60
"""Digits of what a model writes as a number that are looked at: no number has so many."""


KEPT: Final = 7 * DAY
"""Seconds that a place is remembered: what was forgotten after a day would be free again where the
clock is set back."""


class Usage:
    """Places under the caps, and the numbers that are left alone. All methods raise `StoreError`,
    and then nothing must be sent."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    async def used(self, account: str) -> Mapping[Counted, Used]:
        """Of every kind, by `account`."""

        def work(tx: Transaction) -> dict[Counted, Used]:
            now = self._clock.wall()
            return {kind: _used(tx, account, kind, now) for kind in COUNTED}

        return await self._state.write(work)

    async def take(self, account: str, kind: Counted, size: int, cap: Cap) -> str:
        """The id of what was taken; "" where the cap leaves no room for `size` more."""

        def work(tx: Transaction) -> str:
            free = self.has_room(tx, account, kind, size, cap)
            return self.taking(tx, account, kind, size) if free else ""

        return await self._state.write(work)

    def has_room(self, tx: Transaction, account: str, kind: Counted, size: int, cap: Cap) -> bool:
        """Whether the cap leaves room for `size` more."""
        used = _used(tx, account, kind, self._clock.wall())
        within_hour = cap.hour is None or used.hour + size <= cap.hour
        return within_hour and (cap.day is None or used.day + size <= cap.day)

    def taking(self, tx: Transaction, account: str, kind: Counted, size: int) -> str:
        """The id of a place that is taken, whether or not there is room."""
        now = self._clock.wall()
        name = os.urandom(9).hex()
        tx.run(
            # Of these alone, since no index knows of times by themselves.
            "DELETE FROM taken WHERE account = :account AND kind = :kind AND wall < :old",
            account=account,
            kind=kind,
            old=now - KEPT,
        )
        tx.run(
            "INSERT INTO taken (id, account, kind, size, wall)"
            " VALUES (:id, :account, :kind, :size, :wall)",
            id=name,
            account=account,
            kind=kind,
            size=size,
            wall=now,
        )
        return name

    def giving_back(self, tx: Transaction, name: str) -> None:
        """Nothing was done: the place is free again."""
        tx.run("DELETE FROM taken WHERE id = :id", id=name)

    async def give_back(self, name: str) -> None:
        """See `giving_back`."""
        await self._state.write(lambda tx: self.giving_back(tx, name))

    def introducing(self, tx: Transaction, numbers: Collection[str]) -> None:
        """A model writes `numbers`, however they are spelled, into the contacts of a company."""
        now = self._clock.wall()
        tx.run("DELETE FROM introduced WHERE since < :old", old=now - STRANGE)
        for end in {end for number in numbers for end in endings(number)} - {""}:
            tx.run(
                "INSERT INTO introduced (digits, since) VALUES (:end, :now)"
                " ON CONFLICT (digits) DO UPDATE SET since = :now",
                end=end,
                now=now,
            )

    async def introduce(self, numbers: Collection[str]) -> None:
        """See `introducing`."""
        await self._state.write(lambda tx: self.introducing(tx, numbers))

    async def introduced(self, numbers: Collection[str]) -> frozenset[str]:
        """Those of `numbers` that a model wrote into contacts within the last 30 days."""

        def work(tx: Transaction) -> frozenset[str]:
            since = self._clock.wall() - STRANGE
            return frozenset(
                number
                for number in numbers
                if tx.one(
                    "SELECT 1 FROM introduced WHERE digits = :end AND since >= :since",
                    end=ending(number),
                    since=since,
                )
            )

        return await self._state.write(work)

    async def suppressed(self) -> Mapping[str, str]:
        """The numbers that are left alone, each with why."""

        def work(tx: Transaction) -> dict[str, str]:
            rows = tx.all("SELECT number, why FROM suppressed ORDER BY number")
            return {str(number): str(why) for number, why in rows}

        return await self._state.write(work)

    async def left_alone(self, numbers: Collection[str]) -> frozenset[str]:
        """Those of `numbers` (each as `phones.reached` spells it) that are."""
        return await self._state.write(lambda tx: self.leaving_alone(tx, numbers))

    def leaving_alone(self, tx: Transaction, numbers: Collection[str]) -> frozenset[str]:
        """See `left_alone`."""
        sql = "SELECT 1 FROM suppressed WHERE number = :number"
        return frozenset(one for one in numbers if tx.one(sql, number=one))

    async def suppress(self, number: str, why: str) -> bool:
        """Leave `number` alone from now on, however it is spelled; whether that is new."""
        now = self._clock.wall()

        def work(tx: Transaction) -> bool:
            return bool(
                tx.run(
                    "INSERT INTO suppressed (number, since, why) VALUES (:number, :now, :why)"
                    " ON CONFLICT (number) DO NOTHING",
                    number=reached(number),
                    now=now,
                    why=why,
                )
            )

        return await self._state.write(work)

    async def unsuppress(self, number: str) -> bool:
        """Take `number` off the list; whether it was on it."""

        def work(tx: Transaction) -> bool:
            gone = tx.run("DELETE FROM suppressed WHERE number = :number", number=reached(number))
            return bool(gone)

        return await self._state.write(work)


def ending(number: str) -> str:
    """The digits at its end by which it is known again."""
    return _digits(number)[-TELLING:]


def endings(written: str) -> frozenset[str]:
    """Where a number may end in what is written: an extension or a pause may follow it, which
    whoever looks it up leaves out."""
    digits = _digits(written)[:MOST_DIGITS]
    return frozenset(digits[at : at + TELLING] for at in range(max(1, len(digits) - TELLING + 1)))


def _digits(number: str) -> str:
    decimals = (unicodedata.decimal(one, None) for one in unicodedata.normalize("NFKC", number))
    return "".join(str(one) for one in decimals if one is not None)


def _used(tx: Transaction, account: str, kind: Counted, now: float) -> Used:
    ((hour, day),) = tx.all(
        "SELECT SUM(CASE WHEN wall > :hour THEN size ELSE 0 END), SUM(size) FROM taken"
        " WHERE account = :account AND kind = :kind AND wall > :day",
        account=account,
        kind=kind,
        hour=now - HOUR,
        day=now - DAY,
    )
    return Used(hour=int(hour or 0), day=int(day or 0))
