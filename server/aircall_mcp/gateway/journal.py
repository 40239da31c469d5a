"""The record of what we were about to do and how it ended, so that nothing is done twice.

An intent is on disk before the first byte of it is sent, and its outcome after. The process may
die in between and the client may ask again, here or in another process: an effect that must not be
repeated is refused while the same one is under way, unknown or done, for `GUARD` seconds. The rows
name no person: operation, state and times, one-way hashes of the company and the arguments, and for
whoever looks back which program asked and the ends of numbers and ids that it was meant for.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ..ground.clock import Clock
from .companies import MIGRATION as MARKS
from .companies import Companies

if TYPE_CHECKING:
    from ..storage.state import State
    from ..storage.store import Transaction

Outcome = Literal["pending", "sent", "done", "failed", "unknown", "not_sent", "over"]
"""`pending` and `sent` are under way; `failed` was refused, or did not take place as was found out
later; `not_sent` left no byte behind; `over` stands in nobody's way any more."""

GUARD = 120.0
SETTLED_AFTER = 30.0
"""Seconds after its patience in which an effect may still come: Aircall's own edge gives up on a
request after 29."""
KEPT = 30 * 86_400.0
"""Seconds that an intent is remembered."""
_BLOCKING: tuple[Outcome, ...] = ("pending", "sent", "unknown", "done")

MIGRATIONS = (
    (
        "CREATE TABLE intent (id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL,"
        " company TEXT NOT NULL, operation TEXT NOT NULL, outcome TEXT NOT NULL,"
        " status INTEGER NOT NULL, boot TEXT NOT NULL, opened DOUBLE PRECISION NOT NULL,"
        " patience DOUBLE PRECISION NOT NULL, wall DOUBLE PRECISION NOT NULL)",
        "CREATE INDEX intent_fingerprint ON intent (fingerprint)",
        "CREATE INDEX intent_wall ON intent (wall)",
    ),
    (
        # A table of its own: an older release that is still running reads every column there is
        # of the other one.
        "CREATE TABLE asking (intent TEXT PRIMARY KEY, interface TEXT NOT NULL,"
        " client TEXT NOT NULL, account TEXT NOT NULL, destination TEXT NOT NULL)",
    ),
    (
        "CREATE TABLE wish (intent TEXT PRIMARY KEY, wish TEXT NOT NULL)",
        "CREATE INDEX wish_wish ON wish (wish)",
        *MARKS,
    ),
    (
        "CREATE TABLE part (intent TEXT PRIMARY KEY, part TEXT NOT NULL)",
        "CREATE INDEX part_part ON part (part)",
    ),
)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asked, and whom or what it was meant for, in masked words: for a person who looks back.

    `interface` and `client` are as in `Caller`, `account` is our own name of it.
    """

    interface: str = ""
    client: str = ""
    account: str = ""
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """An effect on its way. `age` is in seconds; `status` is Aircall's answer, 0 for none.

    `patience` is for how many seconds, from its beginning, whoever is at it may be at it. `wall` is
    when it began, in UNIX seconds. `exact` says of an earlier one that it was the
    same request, and not the same wish in other words.
    """

    id: str
    operation: str
    outcome: Outcome
    age: float
    status: int = 0
    patience: float = 0.0
    wall: float = 0.0
    asking: Asking = Asking()
    exact: bool = True

    @property
    def under_way(self) -> bool:
        """Whether it is under way."""
        return self.outcome in ("pending", "sent")


class Journal:
    """See the module docstring. `state` opens the journal at the first use; `boot` tells this
    boot of the machine from others, as the monotonic clock cannot. Close it with `close`.

    All methods raise `StoreError`, and then nothing must be sent.
    """

    def __init__(
        self,
        state: Callable[[], State],
        *,
        boot: Callable[[], str] = str,
        guard: float = GUARD,
        clock: Clock | None = None,
    ) -> None:
        self._open = state
        self._state: State | None = None
        self._name_boot = boot
        self._boot = ""
        self._guard = guard
        self._companies = Companies()
        self._clock = clock or Clock()

    async def begin(
        self,
        operation: str,
        company: str,
        fingerprint: str,
        *,
        wish: str = "",
        guarded: bool,
        patience: float,
        despite: str = "",
        asking: Asking = Asking(),
        part: str = "",
    ) -> tuple[Intent, bool]:
        """Write down a new intent: the intent, and True. If `guarded` and the same was intended
        before: that earlier intent, and False; no intent is written then.

        The same is the same `fingerprint`, of the very request, which versions without wishes knew,
        too; or the same `wish` at the same company, whichever of its keys `company` is.

        Within `patience` seconds it is over one way or another. `despite` is the id of an earlier
        intent that stands in the way no longer; only one asker can go past it. `part` names the
        item of a plan that it is: what was begun once as that is never begun again, unless nothing
        was sent.
        """
        name = os.urandom(9).hex()

        learned: list[tuple[str, str]] = []

        def work(tx: Transaction) -> tuple[Intent, bool]:
            now, wall = self._clock.monotonic(), self._clock.wall()
            learned[:] = self._companies.write(tx, wall)
            if despite:
                tx.run("UPDATE intent SET outcome = 'over' WHERE id = :id", id=despite)
            mine = fingerprint, company, wish
            earlier = self._latest(tx, mine, now, wall) if guarded else None
            earlier = earlier or (self._part(tx, part, now, wall) if part else None)
            if earlier is not None:
                return earlier, False
            gone = tx.run(
                "DELETE FROM intent WHERE wall < :old AND NOT (boot = :boot AND opened > :guarded)",
                old=wall - KEPT,
                boot=self._boot,
                guarded=now - self._guard,
            )
            if gone:
                tx.run("DELETE FROM asking WHERE intent NOT IN (SELECT id FROM intent)")
                tx.run("DELETE FROM wish WHERE intent NOT IN (SELECT id FROM intent)")
                tx.run("DELETE FROM part WHERE intent NOT IN (SELECT id FROM intent)")
            if part:
                tx.run("INSERT INTO part (intent, part) VALUES (:id, :part)", id=name, part=part)
            if wish:
                tx.run("INSERT INTO wish (intent, wish) VALUES (:id, :wish)", id=name, wish=wish)
            tx.run(
                "INSERT INTO intent (id, fingerprint, company, operation, outcome, status, boot,"
                " opened, patience, wall) VALUES (:id, :fingerprint, :company, :operation,"
                " 'pending', 0, :boot, :opened, :patience, :wall)",
                id=name,
                fingerprint=fingerprint,
                company=company,
                operation=operation,
                boot=self._boot,
                opened=now,
                patience=patience,
                wall=wall,
            )
            tx.run(
                "INSERT INTO asking (intent, interface, client, account, destination)"
                " VALUES (:intent, :interface, :client, :account, :destination)",
                intent=name,
                interface=asking.interface,
                client=asking.client,
                account=asking.account,
                destination=asking.destination,
            )
            return Intent(name, operation, "pending", 0.0, 0, patience, wall, asking), True

        begun = await self._opened().write(work)
        self._companies.written(learned)
        return begun

    async def earlier(self, company: str, fingerprint: str, wish: str) -> Intent | None:
        """What `begin` would return instead of a new intent; None if it would make one."""
        learned: list[tuple[str, str]] = []

        def work(tx: Transaction) -> Intent | None:
            now, wall = self._clock.monotonic(), self._clock.wall()
            learned[:] = self._companies.write(tx, wall)
            return self._latest(tx, (fingerprint, company, wish), now, wall)

        found = await self._opened().write(work)
        self._companies.written(learned)
        return found

    async def mark(self, intent: Intent, outcome: Outcome, status: int = 0) -> None:
        """Record the outcome."""

        def work(tx: Transaction) -> None:
            tx.run(
                "UPDATE intent SET outcome = :outcome, status = :status WHERE id = :id",
                outcome=outcome,
                status=status,
                id=intent.id,
            )

        await self._opened().write(work)

    async def learn(self, company: str, marks: frozenset[str]) -> None:
        """What a read showed that belongs to this key's company alone. Written down at once where
        there is an intent of this process that it may matter to, else with the first one."""
        told = self._companies.learn(company, marks, self._clock.wall())
        if told and self._state is not None:
            batch = await self._opened().write(
                lambda tx: self._companies.write(tx, self._clock.wall())
            )
            self._companies.written(batch)

    async def of_part(self, part: str) -> Intent | None:
        """The newest intent of this item of a plan."""

        def work(tx: Transaction) -> Intent | None:
            now, wall = self._clock.monotonic(), self._clock.wall()
            row = tx.one(
                "SELECT * FROM intent WHERE id IN (SELECT intent FROM part WHERE part = :part)"
                " ORDER BY wall DESC, id LIMIT 1",
                part=part,
            )
            if row is None:
                return None
            intent = self._intent(row, now, wall)
            if row[4] == "pending" and not intent.under_way:
                return replace(intent, outcome="not_sent")  # else it would be `sent`
            return intent

        return await self._opened().write(work)

    async def newest(self, count: int = 20) -> Sequence[Intent]:
        """The last `count` intents, newest first."""

        def work(tx: Transaction) -> list[Intent]:
            now, wall = self._clock.monotonic(), self._clock.wall()
            rows = tx.all("SELECT * FROM intent ORDER BY wall DESC, id LIMIT :count", count=count)
            return [self._intent(row, now, wall) for row in rows]

        return await self._opened().write(work)

    async def since(self, wall: float) -> Sequence[Intent]:
        """Intents from `wall` (UNIX seconds) on, newest first, with who asked."""

        def work(tx: Transaction) -> list[Intent]:
            now, here = self._clock.monotonic(), self._clock.wall()
            rows = tx.all(
                "SELECT intent.*, interface, client, account, destination FROM intent"
                " LEFT JOIN asking ON asking.intent = intent.id WHERE wall >= :wall"
                " ORDER BY wall DESC, id",
                wall=wall,
            )
            return [
                replace(
                    self._intent(row[:-4], now, here),
                    asking=Asking(*(text or "" for text in row[-4:])),
                )
                for row in rows
            ]

        return await self._opened().write(work)

    def close(self) -> None:
        if self._state is not None:
            self._state.close()
            self._state = None

    def _opened(self) -> State:
        if self._state is None:
            self._boot = self._name_boot()
            self._state = self._open()
        return self._state

    def _latest(
        self, tx: Transaction, mine: tuple[str, str, str], now: float, wall: float
    ) -> Intent | None:
        """The youngest intent that another one must not follow: of this fingerprint, or of this
        wish at this company."""
        fingerprint, company, wish = mine
        rows = tx.all(
            "SELECT * FROM intent WHERE fingerprint = :print"
            " OR id IN (SELECT intent FROM wish WHERE wish = :wish)",
            print=fingerprint,
            wish=wish,
        )
        kin = self._companies.kin(tx, company) if rows else frozenset[str]()
        intents = [
            replace(self._intent(row, now, wall), exact=row[1] == fingerprint)
            for row in rows
            if row[1] == fingerprint or row[2] in kin
        ]
        blocking = [
            intent
            for intent in intents
            if intent.outcome in _BLOCKING
            and intent.age < max(self._guard, intent.patience + SETTLED_AFTER)
        ]
        return min(blocking, key=lambda intent: intent.age, default=None)

    def _part(self, tx: Transaction, part: str, now: float, wall: float) -> Intent | None:
        row = tx.one(
            "SELECT * FROM intent WHERE id IN (SELECT intent FROM part WHERE part = :part)"
            " AND outcome IN ('sent', 'unknown', 'done', 'over') LIMIT 1",
            part=part,
        )
        return None if row is None else replace(self._intent(row, now, wall), exact=False)

    def _intent(self, row: Sequence[Any], now: float, wall: float) -> Intent:
        name, _print, _company, operation, outcome, status, boot, opened, patience, then = row
        here = boot == self._boot and opened <= now
        # Of another boot only the wall clock can tell the age, and that may have been set back.
        age = now - opened if here else max(0.0, wall - then)
        if outcome in ("pending", "sent") and (not here or age > patience):
            outcome = "unknown"  # whoever was at it died
        return Intent(name, operation, outcome, age, status, patience, then)


def fingerprint(*parts: Any) -> str:
    """Equal for equal JSON values, whatever the order of keys in objects."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def canonical(value: Any) -> Any:
    """`value` for `fingerprint`: mappings become plain objects."""
    if isinstance(value, Mapping):
        return {str(key): canonical(part) for key, part in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value
