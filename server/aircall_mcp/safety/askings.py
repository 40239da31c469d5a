"""Tool calls of a framework that come again, as with a person's answer: what the person was shown
for each, and whether it was begun. An asking is such a call, by a name that no other one has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .approvals import KEPT

if TYPE_CHECKING:
    from ..ground.clock import Clock
    from ..storage.state import State
    from ..storage.store import Transaction

MIGRATIONS = (
    (
        "CREATE TABLE asking (asking TEXT PRIMARY KEY, place TEXT NOT NULL DEFAULT '',"
        " approval TEXT NOT NULL DEFAULT '', begun INTEGER NOT NULL, wall DOUBLE PRECISION"
        " NOT NULL)",
        "CREATE INDEX asking_place ON asking (place)",
        "CREATE INDEX asking_wall ON asking (wall)",
        "INSERT INTO asking (asking, place, approval, begun, wall)"
        " SELECT shown.asking, place, approval,"
        " CASE WHEN standing = 'used' THEN 1 ELSE 0 END, asked"
        " FROM shown JOIN approval ON approval.id = shown.approval",
        "INSERT INTO asking (asking, begun, wall) SELECT asking, 1, wall FROM performed WHERE true"
        " ON CONFLICT (asking) DO UPDATE SET begun = 1",
        "DROP TABLE shown",
        "DROP TABLE performed",
    ),
    (
        # Its place is asked for no more: what names no approval is no answer, wherever it comes.
        "CREATE TABLE placeless (asking TEXT PRIMARY KEY, approval TEXT NOT NULL DEFAULT '',"
        " begun INTEGER NOT NULL, wall DOUBLE PRECISION NOT NULL)",
        "INSERT INTO placeless SELECT asking, approval, begun, wall FROM asking",
        "DROP TABLE asking",
        "ALTER TABLE placeless RENAME TO asking",
        "CREATE INDEX asking_wall ON asking (wall)",
    ),
)


class Askings:
    """All methods raise `StoreError`, and then nothing must be
    sent."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    async def begin(self, asking: str) -> bool:
        """Whether `asking` was not begun before; it is from now on. It is noted before it is done:
        afterwards nobody may be there any more who could."""

        def work(tx: Transaction) -> bool:
            begun = tx.one("SELECT begun FROM asking WHERE asking = :asking", asking=asking)
            self._note(tx, asking, begun=1)
            return begun is None or not begun[0]

        return await self._state.write(work)

    async def undone(self, asking: str) -> None:
        """Nothing was done for it, after all."""
        sql = "UPDATE asking SET begun = 0 WHERE asking = :asking"
        await self._state.write(lambda tx: tx.run(sql, asking=asking))

    async def shown(self, asking: str, approval: str) -> bool:
        """Nothing is done for `asking` before a person says yes to `approval`. Whether that is what
        it was told to show the last time it came, so that an answer it brings is to that one, and
        to no other that waits."""

        def work(tx: Transaction) -> bool:
            last = tx.one("SELECT approval FROM asking WHERE asking = :asking", asking=asking)
            self._note(tx, asking, begun=0)
            sql = "UPDATE asking SET approval = :approval WHERE asking = :asking"
            tx.run(sql, asking=asking, approval=approval)
            return last is not None and last[0] == approval

        return await self._state.write(work)

    async def last(self, asking: str) -> str:
        """The id of the approval that `asking` was told to show the last time it came; "" where
        that was none."""
        sql = "SELECT approval FROM asking WHERE asking = :asking"
        row = await self._state.write(lambda tx: tx.one(sql, asking=asking))
        return "" if row is None else str(row[0])

    def _note(self, tx: Transaction, asking: str, *, begun: int) -> None:
        now = self._clock.wall()
        tx.run("DELETE FROM asking WHERE wall < :old", old=now - KEPT)
        tx.run(
            "INSERT INTO asking (asking, begun, wall) VALUES (:asking, :begun, :now)"
            " ON CONFLICT (asking) DO UPDATE SET begun = :begun, wall = :now",
            asking=asking,
            begun=begun,
            now=now,
        )
