"""One SQLite file and the one connection to it: the `Store` of SQLite."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ...errors import StoreError
from ...ground.private_files import Modes
from ..store import Durability, Migration, Transaction
from .connection import connect
from .faults import Fault, typed
from .migrations import migrate
from .statements import Statements

T = TypeVar("T")

BUSY_SECONDS = 30.0
"""How long another process that writes is waited for."""

COMPANIONS = ("-journal", "-wal", "-shm")
"""What SQLite puts beside its file, and reads when it opens it."""

_abandoned: list[sqlite3.Connection] = []
"""Connections inherited by a fork: never used, never closed, never collected. SQLite forbids even
to close one: it could undo in the file what the parent has begun."""


class Database:
    """See `storage.store.Store`. The directory and the file are private, or refused.

    `largest` bounds the file, in pages of 4 KiB; `fleeting` content may be lost with the power.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[Migration],
        *,
        durability: Durability,
        modes: Modes | None = None,
        largest: int | None = None,
        busy_seconds: float = BUSY_SECONDS,
        fleeting: bool = False,
    ) -> None:
        self._path = path
        self._migrations = migrations
        self._durability: Durability = durability
        self._modes = modes or Modes()
        self._largest = largest
        self._busy_seconds = busy_seconds
        self._fleeting = fleeting
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._process = os.getpid()
        # Reentrant: a transaction within another is refused by SQLite, and waits not for itself.
        self._lock = threading.RLock()
        self._thread: ThreadPoolExecutor | None = None

    @property
    def path(self) -> Path:
        return self._path

    @property
    def exists(self) -> bool:
        return os.path.lexists(self.path)

    def stamp(self) -> tuple[int, ...] | None:
        # With a rollback journal each commit writes the file; a WAL file hides it.
        try:
            found = self.path.lstat()
        except OSError:
            return None
        # The last of these, too: anybody who may write the file can set the other times back.
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self._transact("BEGIN", work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        # Not a reader that becomes a writer: that fails where another was quicker.
        return self._transact("BEGIN IMMEDIATE", work)

    async def aside(self, work: Callable[[], T]) -> T:
        self._after_fork()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"store {self.path.name}")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def examine(self) -> list[str]:
        with self._lock:
            try:
                rows = self._opened().execute("PRAGMA integrity_check(20)").fetchall()
            except Fault as error:
                return [str(typed(error, self.path))]
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def rename(self, name: str) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            try:
                if self.exists:
                    self.path.replace(self.path.with_name(name))
            except OSError as error:
                raise StoreError(f"{self.path} cannot be renamed: {error.strerror}.") from None

    def close(self) -> None:
        self._after_fork()
        if self._thread is not None:
            self._thread.shutdown(wait=True)
            self._thread = None
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _transact(self, begin: str, work: Callable[[Transaction], T]) -> T:
        self._after_fork()
        with self._lock:
            try:
                connection = self._opened()
                connection.execute(begin)
                try:
                    result = work(Statements(connection))
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            except Fault as error:
                raise typed(error, self.path) from None
            return result

    def _opened(self) -> sqlite3.Connection:
        """The connection to the file that stands at the path now, also if it was put there anew."""
        if self._connection is not None and self._identity() != self._file:
            self._connection.close()
            self._connection = None
        if self._connection is None:
            self._modes.directory(self.path.parent)
            self._modes.touch(self.path)
            for end in COMPANIONS:  # what stands in one of another's would become ours
                self._modes.examine(self.path.with_name(self.path.name + end))
            self._file = self._identity()
            connection = connect(
                self.path,
                self._durability,
                busy_seconds=self._busy_seconds,
                largest=self._largest,
                fleeting=self._fleeting,
            )
            try:
                migrate(connection, self._migrations, self.path)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self.path.lstat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _after_fork(self) -> None:
        """A child of a fork starts over: SQLite's connections and locks do not survive one."""
        if self._process == os.getpid():
            return
        if self._connection is not None:
            _abandoned.append(self._connection)
        self._connection = None
        self._thread = None
        self._lock = threading.RLock()
        self._process = os.getpid()
