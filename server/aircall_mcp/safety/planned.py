"""What is stored about plans in the home: the yes of each, and the state of each item.

Arguments are not kept, only what tells them apart: whoever goes on with a plan brings them again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from ..errors import StoreError

if TYPE_CHECKING:
    from ..ground.clock import Clock
    from ..storage.state import State
    from ..storage.store import Transaction
    from .deed import Deed
    from .policy import Ruling

Standing = Literal["running", "finished", "stopped", "expired"]
"""`running` is what is not over, whether or not anybody is at it."""
Outcome = Literal["waiting", "begun", "done", "failed", "duplicate", "unknown"]

OVER: Final[frozenset[Outcome]] = frozenset({"done", "failed", "duplicate", "unknown"})
LASTING: Final = 86_400.0
"""Seconds in which a plan may be gone on with, from its yes."""
KEPT: Final = 7 * 86_400.0

MIGRATIONS = (
    (
        "CREATE TABLE plan (id TEXT PRIMARY KEY, principal TEXT NOT NULL, account TEXT NOT NULL,"
        " identity TEXT NOT NULL, tool TEXT NOT NULL, given INTEGER NOT NULL,"
        " standing TEXT NOT NULL, why TEXT NOT NULL, made DOUBLE PRECISION NOT NULL,"
        " ended DOUBLE PRECISION NOT NULL)",
        "CREATE INDEX plan_identity ON plan (principal, account, identity)",
        "CREATE TABLE plan_item (plan TEXT NOT NULL, place INTEGER NOT NULL,"
        " identity TEXT NOT NULL, outcome TEXT NOT NULL, said TEXT NOT NULL,"
        " PRIMARY KEY (plan, place))",
    ),
)
MIGRATIONS_LATER = (("ALTER TABLE plan_item ADD COLUMN lease TEXT NOT NULL DEFAULT ''",),)
"""The lease that an item goes on, "" for none: its yes ends with it."""
_ITEMS: Final = (
    "SELECT identity, outcome, said, CASE WHEN lease = '' OR EXISTS (SELECT 1 FROM lease"
    " WHERE lease.id = plan_item.lease AND revoked = '' AND expires > :now AND lease.made <= :now)"
    " THEN 1 ELSE 0 END, lease FROM plan_item WHERE plan = :id ORDER BY place"
)
"""With whether no lease that the item goes on has ended, and that lease."""
_SELECT: Final = "SELECT id, principal, account, identity, tool, given, standing, why, made, ended"


@dataclass(frozen=True, slots=True)
class Item:
    """`identity` is that of its call; `said` why it failed."""

    identity: str
    outcome: Outcome = "waiting"
    said: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """`identity` is the hash over all canonical steps in their order; `given` the grade of its yes,
    0 where none was needed, or where a lease ended that it was; `tool` what was called for it.
    `made` and `ended` are UNIX seconds; `leased`: its yes are leases."""

    id: str
    principal: str
    account: str
    identity: str
    tool: str
    given: int
    standing: Standing
    why: str
    made: float
    ended: float
    items: tuple[Item, ...]
    leased: bool = False

    @property
    def past(self) -> frozenset[int]:
        """The places of the items that wait no more."""
        return frozenset(at for at, item in enumerate(self.items) if item.outcome != "waiting")

    @property
    def done(self) -> int:
        return sum(item.outcome == "done" for item in self.items)

    def part(self, place: int) -> str:
        """What names one of its items, here and in the journal."""
        return f"{self.id}.{place}"


class Planned:
    """All methods raise `StoreError`, and then nothing must be sent."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    async def latest(self, principal: str, account: str, identity: str) -> Kept | None:
        """The newest plan of exactly these steps."""
        return await self._state.write(lambda tx: self.latest_in(tx, principal, account, identity))

    def latest_in(
        self, tx: Transaction, principal: str, account: str, identity: str
    ) -> Kept | None:
        """See `latest`."""
        return self._one(
            tx,
            "principal = :principal AND account = :account AND identity = :identity"
            " ORDER BY made DESC, id LIMIT 1",
            principal=principal,
            account=account,
            identity=identity,
        )

    async def find(self, name: str) -> Kept | None:
        return await self._state.write(lambda tx: self._one(tx, "id = :id", id=name))

    async def known(self, name: str) -> Kept:
        """The same of a plan that was found before. Raises `StoreError` where it is gone."""
        kept = await self.find(name)
        if kept is None:
            raise StoreError("The plan is gone.", hint="Make the call again.")
        return kept

    async def running(self) -> Sequence[Kept]:
        """Those that are not over, the oldest first."""

        def work(tx: Transaction) -> list[Kept]:
            rows = tx.all(f"{_SELECT} FROM plan WHERE standing = 'running' ORDER BY made, id")
            kept = [self._kept(tx, row) for row in rows]
            return [one for one in kept if one.standing == "running"]

        return await self._state.write(work)

    def starting(
        self, tx: Transaction, kept: Kept | None, deed: Deed, identity: str, *, name: str,
        given: int, tool: str, items: Sequence[str], leases: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """The id of the plan, `kept` where there is one to go on with, which has a yes of the grade
        `given` from now on. `name` is the id of that yes, "" for none; `leases` are those that its
        items go on, where they are that yes."""
        now = self._clock.wall()
        going_on = list(zip(items, leases or [""] * len(items), strict=True))
        if kept is not None:
            tx.run("UPDATE plan SET given = :given WHERE id = :id", given=given, id=kept.id)
            for place, (_, lease) in enumerate(going_on):
                tx.run(
                    "UPDATE plan_item SET lease = :lease WHERE plan = :id AND place = :place",
                    lease=lease,
                    id=kept.id,
                    place=place,
                )
            return kept.id
        name = name or os.urandom(5).hex()
        self._tidy(tx, now)
        tx.run(
            "INSERT INTO plan (id, principal, account, identity, tool, given, standing, why, made,"
            " ended) VALUES (:id, :principal, :account, :identity, :tool, :given, 'running', '',"
            " :made, 0)",
            id=name,
            principal=deed.principal,
            account=deed.account,
            identity=identity,
            tool=tool,
            given=given,
            made=now,
        )
        for place, (item, lease) in enumerate(going_on):
            tx.run(
                "INSERT INTO plan_item (plan, place, identity, outcome, said, lease)"
                " VALUES (:plan, :place, :identity, 'waiting', '', :lease)",
                plan=name,
                place=place,
                identity=item,
                lease=lease,
            )
        return name

    async def next(
        self, name: str, place: int | None, over: int | None = None,
        outcome: Outcome = "waiting", said: str = "",
    ) -> bool:  # fmt: skip
        """Note what became of the item `over`, and begin the one at `place`, in one step; whether
        that may begin: the plan was not stopped, and nobody has begun it."""

        def work(tx: Transaction) -> bool:
            if over is not None:
                tx.run(
                    "UPDATE plan_item SET outcome = :outcome, said = :said"
                    " WHERE plan = :plan AND place = :place AND outcome = 'begun'",
                    outcome=outcome,
                    said=said,
                    plan=name,
                    place=over,
                )
            if place is None or not self._alive(tx, name):
                return False
            begun = tx.run(
                "UPDATE plan_item SET outcome = 'begun'"
                " WHERE plan = :plan AND place = :place AND outcome = 'waiting'",
                plan=name,
                place=place,
            )
            return begun == 1

        return await self._state.write(work)

    async def end(self, name: str, standing: Standing, why: str = "") -> bool:
        """The plan is over; whether it was not till now."""

        def work(tx: Transaction) -> bool:
            ended = tx.run(
                "UPDATE plan SET standing = :standing, why = :why, ended = :now"
                " WHERE id = :id AND standing = 'running'",
                standing=standing,
                why=why,
                now=self._clock.wall(),
                id=name,
            )
            return ended == 1

        return await self._state.write(work)

    async def stop_all(self, why: str) -> int:
        """None may be gone on with; how many that concerned."""

        def work(tx: Transaction) -> int:
            return tx.run(
                "UPDATE plan SET standing = 'stopped', why = :why, ended = :now"
                " WHERE standing = 'running'",
                why=why,
                now=self._clock.wall(),
            )

        return await self._state.write(work)

    def covers(self, tx: Transaction, part: str, deed: Deed, identity: str, ruling: Ruling) -> bool:
        """Whether `part` is an item that is begun, of a running plan of this principal and account
        with a yes that will do for `ruling`, and is exactly the call of this `identity`."""
        name, _, place = part.rpartition(".")
        if not place.isdecimal() or not self._alive(tx, name):
            return False
        row = tx.one(
            "SELECT 1 FROM plan JOIN plan_item ON plan_item.plan = plan.id"
            " WHERE plan.id = :id AND place = :place AND plan_item.identity = :identity"
            " AND outcome = 'begun' AND given >= :grade"
            " AND principal = :principal AND account = :account"
            " AND (lease = '' OR :quiet = 0 AND EXISTS (SELECT 1 FROM lease"
            " WHERE lease.id = plan_item.lease"
            " AND revoked = '' AND expires > :now AND lease.made <= :now))",
            now=self._clock.wall(),
            id=name,
            place=int(place),
            identity=identity,
            grade=ruling.grade,
            quiet=int(ruling.quiet),
            principal=deed.principal,
            account=deed.account,
        )
        return row is not None

    def _alive(self, tx: Transaction, name: str) -> bool:
        now = self._clock.wall()
        return None is not tx.one(
            "SELECT 1 FROM plan WHERE id = :id AND standing = 'running' AND made <= :now"
            " AND made > :old",
            id=name,
            now=now,
            old=now - LASTING,
        )

    def _one(self, tx: Transaction, where: str, **values: object) -> Kept | None:
        row = tx.one(f"{_SELECT} FROM plan WHERE {where}", **values)
        return None if row is None else self._kept(tx, row)

    def _kept(self, tx: Transaction, row: Sequence[Any]) -> Kept:
        now = self._clock.wall()
        rows = tx.all(
            _ITEMS,
            id=row[0],
            now=now,
        )
        name, principal, account, identity, tool, given, standing, why, made, ended = row
        if standing == "running" and not 0 <= now - made < LASTING:
            standing = "expired"
        if any(outcome not in OVER and not stands for _, outcome, _, stands, _ in rows):
            given = 0
        items = tuple(Item(one, cast("Outcome", outcome), said) for one, outcome, said, *_ in rows)
        return Kept(
            name, principal, account, identity, tool, given, cast("Standing", standing), why, made,
            ended, items, leased=any(lease for *_, lease in rows),
        )  # fmt: skip

    def _tidy(self, tx: Transaction, now: float) -> None:
        tx.run(
            "DELETE FROM plan_item WHERE plan IN (SELECT id FROM plan WHERE made < :old)",
            old=now - KEPT,
        )
        tx.run("DELETE FROM plan WHERE made < :old", old=now - KEPT)
