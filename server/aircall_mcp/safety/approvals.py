"""Approvals, pending and answered, for all processes of the home.

An approval is of one principal, one account and one call with exactly these arguments. It is
answered once, with a grade, and a yes is used once. Nothing of it is in a model's reach.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from ..ground.command import runnable
from ..ground.times import iso
from .policy import Grade

if TYPE_CHECKING:
    from ..ground.clock import Clock
    from ..storage.state import State
    from ..storage.store import Transaction

Standing = Literal["waiting", "approved", "refused", "used", "expired", "cancelled"]

LASTING: Final = 900.0
HEARD: Final = 60.0
"""Seconds for which a no that was heard is told to the same call."""
"""Seconds that a question may be answered in, and a yes be used in."""
KEPT: Final = 30 * 86_400.0
"""Seconds that what was asked is known: a graph may wait for weeks before its task begins anew."""
PREVIEWED: Final = 7 * 86_400.0
"""Seconds that its preview is kept, which has people's numbers and words in it."""
MOST_WAITING: Final = 200
"""Questions of one principal that wait at a time; the oldest is cancelled for another one."""

MIGRATIONS = (
    (
        "CREATE TABLE approval (id TEXT PRIMARY KEY, principal TEXT NOT NULL,"
        " account TEXT NOT NULL, operation TEXT NOT NULL, identity TEXT NOT NULL,"
        " preview TEXT NOT NULL, grade INTEGER NOT NULL, given INTEGER NOT NULL,"
        " standing TEXT NOT NULL, way TEXT NOT NULL, asked DOUBLE PRECISION NOT NULL,"
        " expires DOUBLE PRECISION NOT NULL)",
        "CREATE INDEX approval_identity ON approval (principal, account, identity, standing)",
        "CREATE INDEX approval_asked ON approval (asked)",
    ),
)
MIGRATIONS_LATER = (("CREATE TABLE shown (asking TEXT PRIMARY KEY, approval TEXT NOT NULL)",),)
"""Of an asking that comes again with its answer: what it was told to show a person."""
MIGRATIONS_LAST = (
    ("ALTER TABLE shown ADD COLUMN place TEXT NOT NULL DEFAULT ''",),
    (
        "CREATE TABLE performed (asking TEXT PRIMARY KEY, wall DOUBLE PRECISION NOT NULL)",
        "CREATE INDEX performed_wall ON performed (wall)",
    ),
)
"""Where it was asked, if whoever answers there may mean another asking of the same place; and what
was done for an asking, whether or not somebody had to say yes."""
SAID_YES: Final = "A person said yes to it just now."
ONCE_MORE: Final = "Make the very same call again: it goes through once."
_SELECT: Final = (
    "SELECT id, principal, account, operation, identity, preview, grade, given, standing, way,"
    " asked, expires FROM approval"
)
_INSERT: Final = (
    "INSERT INTO approval (id, principal, account, operation, identity, preview, grade, given,"
    " standing, way, asked, expires) VALUES (:id, :principal, :account, :operation, :identity,"
    " :preview, :grade, :given, :standing, :way, :asked, :expires)"
)


_OPEN: Final[tuple[Standing, ...]] = ("waiting", "approved")
_NEXT: Final[dict[Standing, str]] = {
    "waiting": "{way} Where a page was named, it stands there as well.",
    "approved": "Call {operation} again with the very same arguments: it goes through once.",
    "refused": "A person said no. Do not try again unless a person asks for it.",
    "used": "A call used it up: that was done, or may have been. Another needs another yes.",
    "expired": "Nobody answered in time. Call {operation} again to ask anew.",
    "cancelled": "It was called off. Call {operation} again only if a person asks for it.",
}


@dataclass(frozen=True, slots=True)
class Approval:
    """`identity` is the hash of the canonical arguments; `grade` the least that a yes must have,
    `given` the one it has, 0 before it is answered. `way` is how it was answered. `asked` and
    `expires` are UNIX seconds."""

    id: str
    principal: str
    account: str
    operation: str
    identity: str
    preview: str
    grade: Grade
    given: int
    standing: Standing
    way: str
    asked: float
    expires: float

    @property
    def way_to_yes(self) -> str:
        """What a person does who wants to say yes."""
        return runnable(f"A person runs `aircall-mcp approve {self.id}` in a terminal.")


class Approvals:
    """All methods raise `StoreError`, and then nothing must be
    sent."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    async def ask(
        self,
        *,
        principal: str,
        account: str,
        operation: str,
        identity: str,
        preview: str,
        grade: Grade,
    ) -> Approval:
        """What waits for this call: the one there is already, or a new one. What has become graver
        meanwhile waits again, for a surer yes: two questions would be two yeses to one wish. Where
        a person said yes a moment ago, that; where they said no to it and whoever calls has not
        heard so for long, that."""

        def work(tx: Transaction) -> Approval:
            now = self._clock.wall()
            self._tidy(tx, now)
            row = tx.one(
                f"{_SELECT} WHERE principal = :principal AND account = :account"
                " AND identity = :identity AND expires > :now AND asked <= :now"
                " AND standing IN ('refused', 'waiting', 'approved')"
                " ORDER BY standing = 'refused' DESC, asked DESC LIMIT 1",
                principal=principal,
                account=account,
                identity=identity,
                now=now,
            )
            if row is not None:
                known = _approval(row, now)
                if known.standing == "refused":
                    self._hearing(tx, known.id, HEARD)
                    return known
                sure = known.given if known.standing == "approved" else known.grade
                return known if sure >= grade else self._raised(tx, known, preview, grade)
            self._make_room(tx, principal)
            new = Approval(
                id=os.urandom(5).hex(),
                principal=principal,
                account=account,
                operation=operation,
                identity=identity,
                preview=preview,
                grade=grade,
                given=0,
                standing="waiting",
                way="",
                asked=now,
                expires=now + LASTING,
            )
            tx.run(_INSERT, **asdict(new))
            return new

        return await self._state.write(work)

    def _raised(self, tx: Transaction, known: Approval, preview: str, grade: Grade) -> Approval:
        """It waits again, as it stands now."""
        now = self._clock.wall()
        raised = replace(
            known, preview=preview, grade=grade, given=0, standing="waiting", way="", asked=now,
            expires=now + LASTING,
        )  # fmt: skip
        tx.run("DELETE FROM approval WHERE id = :id", id=known.id)
        tx.run(_INSERT, **asdict(raised))
        return raised

    async def answer(
        self, name: str, *, yes: bool, grade: Grade, way: str, heard: float | None = None
    ) -> Approval | None:
        """A person said yes or no to what waits under the id `name`; what became of it, None where
        nothing of that id waits. A yes of too low a grade leaves it waiting; a no ends a yes, too,
        that nobody used yet. `heard`: whoever called hears of it without calling again, and for
        so many seconds whenever they do."""

        def work(tx: Transaction) -> Approval | None:
            now = self._clock.wall()
            if yes:
                changed = tx.run(
                    "UPDATE approval SET standing = 'approved', given = :given, way = :way"
                    " WHERE id = :id AND standing = 'waiting' AND expires > :now"
                    " AND asked <= :now AND grade <= :given",
                    given=grade,
                    way=way,
                    id=name,
                    now=now,
                )
            else:
                changed = self._refusing(tx, name, grade, way)
                if heard is not None:  # also of one that was said before
                    self._hearing(tx, name, heard)
            return self._found(tx, name, now) if changed else None

        return await self._state.write(work)

    def _refusing(self, tx: Transaction, name: str, grade: Grade, way: str) -> bool:
        """At every time of the clock: one that is wrong may be right again."""
        # What is used at this moment may be given back later: by then it is over.
        tx.run("UPDATE approval SET expires = asked WHERE id = :id AND standing = 'used'", id=name)
        changed = tx.run(
            "UPDATE approval SET standing = 'refused', given = :given, way = :way"
            " WHERE id = :id AND standing IN ('waiting', 'approved')",
            given=grade,
            way=way,
            id=name,
        )
        return changed > 0

    def _hearing(self, tx: Transaction, name: str, seconds: float) -> None:
        """A no that was heard is told to the same call for a while yet: a loop would ask again."""
        tx.run(
            "UPDATE approval SET expires = :end WHERE id = :id AND standing = 'refused'"
            " AND expires > :end",
            id=name,
            end=self._clock.wall() + seconds,
        )

    def using(
        self, tx: Transaction, *, principal: str, account: str, identity: str, grade: Grade
    ) -> tuple[str, int]:
        """The id of a yes to exactly this and the grade it has, used up by that; ("", 0) where
        there is none."""
        now = self._clock.wall()
        row = tx.one(
            "SELECT id, given FROM approval WHERE principal = :principal AND account = :account"
            " AND identity = :identity AND standing = 'approved' AND given >= :grade"
            " AND expires > :now AND asked <= :now ORDER BY asked LIMIT 1",
            principal=principal,
            account=account,
            identity=identity,
            grade=grade,
            now=now,
        )
        if row is None:
            return "", 0
        tx.run("UPDATE approval SET standing = 'used' WHERE id = :id", id=row[0])
        return str(row[0]), int(row[1])

    async def use(self, *, principal: str, account: str, identity: str, grade: Grade) -> str:
        """The id of a yes to exactly this, which is used up by that; "" where there is none."""
        return await self._state.write(
            lambda tx: self.using(
                tx, principal=principal, account=account, identity=identity, grade=grade
            )[0]
        )

    def denied(self, tx: Transaction, *, principal: str, account: str, identity: str) -> bool:
        """Whether a no was the last that a person said to exactly this."""
        last = tx.one(
            "SELECT standing FROM approval WHERE principal = :principal AND account = :account"
            " AND identity = :identity AND standing IN ('refused', 'used')"
            " ORDER BY asked DESC LIMIT 1",
            principal=principal,
            account=account,
            identity=identity,
        )
        return last is not None and last[0] == "refused"

    def giving_back(self, tx: Transaction, name: str) -> None:
        """Nothing was done on this yes: it may be used still, as long as it lasts."""
        tx.run(
            "UPDATE approval SET standing = 'approved' WHERE id = :id AND standing = 'used'",
            id=name,
        )

    async def give_back(self, name: str) -> None:
        """See `giving_back`."""
        await self._state.write(lambda tx: self.giving_back(tx, name))

    async def find(self, name: str) -> Approval | None:
        return await self._state.write(lambda tx: self._found(tx, name, self._clock.wall()))

    async def waiting(self) -> Sequence[Approval]:
        """What waits, the oldest first."""

        def work(tx: Transaction) -> list[Approval]:
            now = self._clock.wall()
            rows = tx.all(
                f"{_SELECT} WHERE standing = 'waiting' AND expires > :now"
                " AND asked <= :now ORDER BY asked, id",
                now=now,
            )
            return [_approval(row, now) for row in rows]

        return await self._state.write(work)

    async def cancel_all(self, why: str) -> int:
        """Nothing waits any more, and no yes is left to use; how many that concerned."""

        def work(tx: Transaction) -> int:
            # What is used at this moment may be given back later: by then it is over, whatever
            # the clock says.
            tx.run("UPDATE approval SET expires = asked WHERE standing = 'used'")
            return tx.run(
                "UPDATE approval SET standing = 'cancelled', way = :why"
                " WHERE standing IN ('waiting', 'approved')",
                why=why,
            )

        return await self._state.write(work)

    def _found(self, tx: Transaction, name: str, now: float) -> Approval | None:
        row = tx.one(f"{_SELECT} WHERE id = :id", id=name)
        return None if row is None else _approval(row, now)

    def _tidy(self, tx: Transaction, now: float) -> None:
        tx.run("DELETE FROM approval WHERE asked < :old", old=now - KEPT)
        tx.run(
            "UPDATE approval SET preview = '' WHERE asked < :old AND preview <> ''",
            old=now - PREVIEWED,
        )

    def _make_room(self, tx: Transaction, principal: str) -> None:
        tx.run(
            "UPDATE approval SET standing = 'cancelled', way = 'too many' WHERE id IN (SELECT id"
            " FROM approval WHERE principal = :principal AND standing = 'waiting'"
            " ORDER BY asked DESC, id LIMIT 1000 OFFSET :most)",
            principal=principal,
            most=MOST_WAITING - 1,
        )


def handed_over(tx: Transaction) -> list[tuple[Any, ...]]:
    """The rows of a file that is given up; what could be said yes to or used there is over."""
    rows = tx.all(_SELECT)
    tx.run("UPDATE approval SET standing = 'cancelled' WHERE standing IN ('waiting', 'approved')")
    return rows


def take_over(tx: Transaction, rows: Sequence[Sequence[Any]]) -> None:
    """Keep what was handed over."""
    for row in rows:
        values = dict(zip((one.name for one in fields(Approval)), row, strict=True))
        tx.run(f"{_INSERT} ON CONFLICT (id) DO NOTHING", **values)


def approval_of(waiting: Approval, effect: str) -> dict[str, Any]:
    """What a model hears of it: how a person says yes, and nothing that is a yes."""
    return {
        "id": waiting.id,
        "preview": waiting.preview,
        "effect": effect,
        "grade": waiting.grade,
        "expires_at": iso(int(waiting.expires)),
        "ways": [waiting.way_to_yes],
    }


def standing_of(one: Approval) -> dict[str, Any]:
    """How it stands, with the next step."""
    return {
        "id": one.id,
        "operation": one.operation,
        "standing": one.standing,
        "expires_at": iso(int(one.expires)),
        "next": _NEXT[one.standing].format(way=one.way_to_yes, operation=one.operation),
    }


def _approval(row: Sequence[Any], now: float) -> Approval:
    """`row` as it is selected: in the order of the fields."""
    one = Approval(*row)
    # An approval of the future was asked before the clock was set back: nobody knows how long ago.
    late = not one.asked <= now < one.expires
    return replace(one, standing="expired") if one.standing in _OPEN and late else one
