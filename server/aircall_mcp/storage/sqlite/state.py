"""How SQLite stores what processes share: see `storage.state`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from ...errors import StoreError
from ...ground.clock import Clock
from ..store import Migration, Transaction
from .connection import in_memory
from .database import Database
from .migrations import in_dialect
from .statements import Statements

T = TypeVar("T")

_PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between two tries to be the only writer, some two in all."""


class OnDisk:
    """A file, worked on by its own thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, work: Callable[[Transaction], T]) -> T:
        return await self._database.aside(lambda: self._database.write(work))

    def close(self) -> None:
        self._database.close()


class AtOnce:
    """A file whose commits wait for no disk, so that it is quicker to do the work here than to
    hand it to a thread, which would also have to fight for the interpreter with a busy loop.

    Another process may be writing: then it is tried again, for some two seconds.
    """

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or Clock()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        for pause in _PAUSES:
            try:
                return self._database.write(work)
            except StoreError:  # busy, or what will be the same after the last try
                await self._clock.sleep(pause)
        return self._database.write(work)

    def close(self) -> None:
        self._database.close()


class InMemory:
    """The same for one process, opened at the first use, and gone with it."""

    def __init__(self, migrations: Sequence[Migration]) -> None:
        self._migrations = migrations
        self._connection: sqlite3.Connection | None = None

    async def write(self, work: Callable[[Transaction], T]) -> T:
        connection = self._opened()
        connection.execute("BEGIN")
        try:
            result = work(Statements(connection))
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return result

    def close(self) -> None:
        """Let go; a later use begins with nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = in_memory()
            for statement in (line for step in self._migrations for line in step):
                self._connection.execute(in_dialect(statement))
        return self._connection
