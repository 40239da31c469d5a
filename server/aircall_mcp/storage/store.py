"""SQLite behind one small class, in SQL that PostgreSQL could run as well.

A `Store` is one file and one connection. `read` and `write` do their work in the thread that calls
them; `aside` lets any work run on the one thread that belongs to the store, so that no event loop
ever waits for a disk. Work gets a `Transaction` and nothing else of the database.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from ..errors import StoreError
from .private_files import Modes

T = TypeVar("T")
Durability = Literal["vault", "state"]
Migration = Sequence[str]
"""The statements of one step; a list of them is numbered from 1 and only ever grows."""

BUSY_SECONDS = 30.0
_WAL_MENDED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""SQLite loses commits of two processes that checkpoint at the same time before these."""

_abandoned: list[sqlite3.Connection] = []
"""Connections inherited by a fork: never used, never closed, never collected."""


class Transaction:
    """What work in a store can do: run SQL with named parameters."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self, sql: str, /, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, /, **values: object) -> tuple[Any, ...] | None:
        return self._connection.execute(sql, values).fetchone()

    def run(self, sql: str, /, **values: object) -> int:
        """How many rows the statement changed."""
        return self._connection.execute(sql, values).rowcount


class Store:
    """One database file. Opened at the first use; every failure of it is a `StoreError`.

    `durability` is "vault" (a commit survives the loss of power, deleted content is overwritten)
    or "state" (a commit survives the death of the process). `largest` bounds the file, in pages of
    4 KiB. The directory and the file are private, or refused.
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
    ) -> None:
        self.path = path
        self._migrations = migrations
        self._durability = durability
        self._modes = modes or Modes()
        self._largest = largest
        self._busy_seconds = busy_seconds
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._thread: ThreadPoolExecutor | None = None

    @property
    def exists(self) -> bool:
        return os.path.lexists(self.path)

    def stamp(self) -> tuple[int, int, int] | None:
        """Changes whenever another process commits to a rollback-journal file; None without one."""
        try:
            found = self.path.lstat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def read(self, work: Callable[[Transaction], T]) -> T:
        """`work` over one consistent view."""
        return self._transact("BEGIN", work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        """`work` as the only writer; committed when it returns, undone when it raises."""
        return self._transact("BEGIN IMMEDIATE", work)

    async def aside(self, work: Callable[[], T]) -> T:
        """`work`, on the store's own thread. Once begun it is finished, whoever is cancelled."""
        self._after_fork()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"store {self.path.name}")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def examine(self) -> list[str]:
        """What SQLite itself finds wrong with the file; empty when it is sound."""
        with self._lock:
            try:
                rows = self._opened().execute("PRAGMA integrity_check(20)").fetchall()
            except (sqlite3.Error, UnicodeDecodeError) as error:
                return [str(_typed(error, self.path))]
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def rename(self, name: str) -> None:
        """Give the file another name in its directory and let go of it."""
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
        """Finish what is under way on the store's thread, then let go of the file."""
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
                    result = work(Transaction(connection))
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise _typed(error, self.path) from None
            return result

    def _opened(self) -> sqlite3.Connection:
        """The connection to the file that stands at the path now, also if it was put there anew."""
        if self._connection is not None and self._identity() != self._file:
            self._connection.close()
            self._connection = None
        if self._connection is None:
            self._modes.directory(self.path.parent)
            self._modes.touch(self.path)
            self._file = self._identity()
            connection = sqlite3.connect(
                f"file:{quote(str(self.path))}?mode=rw",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=self._busy_seconds,
            )
            try:
                self._settle(connection)
                self._migrate(connection)
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

    def _settle(self, connection: sqlite3.Connection) -> None:
        if self._durability == "vault":
            pragmas = ["journal_mode=DELETE", "synchronous=FULL", "secure_delete=ON"]
            if sys.platform == "darwin":
                pragmas += ["fullfsync=ON", "checkpoint_fullfsync=ON"]
        else:
            pragmas = [f"journal_mode={_state_journal()}", "synchronous=NORMAL"]
        pragmas += ["trusted_schema=OFF", "temp_store=MEMORY", "cell_size_check=ON"]
        if self._largest is not None:
            pragmas.append(f"max_page_count={self._largest}")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if self._reached(connection) == len(self._migrations):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY)")
            # Asked again under the lock: another start may have been quicker.
            for number in range(self._reached(connection) + 1, len(self._migrations) + 1):
                for statement in self._migrations[number - 1]:
                    connection.execute(statement)
                connection.execute(
                    "INSERT INTO migration (number) VALUES (:number)", {"number": number}
                )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _reached(self, connection: sqlite3.Connection) -> int:
        """The last step this file has taken. Raises `StoreError` for steps we do not know."""
        try:
            reached = connection.execute("SELECT MAX(number) FROM migration").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            reached = None
        if reached is None:
            return 0
        if not isinstance(reached, int) or reached < 0:
            raise StoreError(f"{self.path} is damaged.", hint="Restore it from a backup.")
        if reached > len(self._migrations):
            raise StoreError(
                f"{self.path} was written by a newer aircall-mcp (step {reached}).",
                hint="Update aircall-mcp.",
            )
        return reached

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


def _state_journal(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    newest = _WAL_MENDED[0]
    mended = version >= newest or any(
        version[:2] == back[:2] and version >= back for back in _WAL_MENDED[1:]
    )
    return "WAL" if mended else "TRUNCATE"


def _typed(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> StoreError:
    """What happened and what helps, without a word of SQL or of a value.

    A damaged file can put bytes that are no text into SQLite's own complaint about it.
    """
    if isinstance(error, UnicodeDecodeError):
        return StoreError(f"{path} is damaged.", hint="Restore it from a backup.")
    code = getattr(error, "sqlite_errorcode", None)
    match code & 0xFF if isinstance(code, int) else None:
        case sqlite3.SQLITE_FULL:
            return StoreError(f"No room to write {path}.", hint="Free some disk space.")
        case sqlite3.SQLITE_READONLY:
            return StoreError(f"{path} is read-only.", hint="Make its directory writable for you.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreError(f"{path} is busy.", hint="Another process writes to it; try again.")
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_IOERR:
            return StoreError(f"{path} cannot be read or written.", hint="Look at disk and rights.")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreError(f"{path} is damaged.", hint="Restore it from a backup.")
        case _:
            return StoreError(f"{path} failed ({type(error).__name__}).")
