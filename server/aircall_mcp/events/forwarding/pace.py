"""How many deliveries per minute go to one destination, counted in a file that outlives the
process."""

from __future__ import annotations

from collections.abc import Mapping

from ...ground.clock import Clock
from ...storage.store import Migration, Store, Transaction
from .destinations import Destination, Form

TABLE: Migration = (
    "CREATE TABLE posted (destination TEXT NOT NULL, at DOUBLE PRECISION NOT NULL)",
    "CREATE INDEX posted_at ON posted (destination, at)",
)

MINUTE = 60.0
MOST: Mapping[Form, int] = {"slack": 20, "https": 600}
"""Deliveries to one destination in any 60 seconds: people read one form, systems the other."""


class Pace:
    """Both methods may wait for a disk, and raise `StoreError`."""

    def __init__(self, store: Store, clock: Clock, most: Mapping[Form, int] = MOST) -> None:
        self._most = most
        self._store = store
        self._clock = clock

    def left(self, destination: Destination) -> int:
        """Deliveries that this minute leaves to a destination. A clock that was put back frees
        what was counted in its future."""
        now = self._clock.wall()
        sql = """SELECT COUNT(*) FROM posted
                 WHERE destination = :destination AND at > :since AND at <= :now"""
        row = self._store.read(
            lambda tx: tx.one(sql, destination=destination.name, since=now - MINUTE, now=now)
        )
        return self._most[destination.form] - (row[0] if row else 0)

    def note(self, destination: str, many: int) -> None:
        """So many are about to be tried. Noted before, so that the bound holds for a process that
        is killed and the one that goes on in its place together."""
        now = self._clock.wall()

        def work(tx: Transaction) -> None:
            gone = "DELETE FROM posted WHERE destination = :name AND (at <= :old OR at > :now)"
            tx.run(gone, name=destination, old=now - MINUTE, now=now)
            for _ in range(many):
                sql = "INSERT INTO posted (destination, at) VALUES (:name, :now)"
                tx.run(sql, name=destination, now=now)

        self._store.write(work)
