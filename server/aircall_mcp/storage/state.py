"""What the processes of this machine share: a file, or memory where there is one alone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from ..errors import StoreError
from .store import Migration, Store, Transaction

T = TypeVar("T")


class State(Protocol):
    """Work that wants to be the only writer, done aside from the event loop."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """`work` in one transaction; begun, it is finished. Raises `StoreError`."""
        ...

    def close(self) -> None: ...


class OnDisk:
    """A `Store`, worked on by its own thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def write(self, work: Callable[[Transaction], T]) -> T:
        return await self._store.aside(lambda: self._store.write(work))

    def close(self) -> None:
        self._store.close()


class InMemory:
    """The same for one process, gone with it."""

    def __init__(self, migrations: Sequence[Migration]) -> None:
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        for statement in (line for step in migrations for line in step):
            self._connection.execute(statement)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self._connection.execute("BEGIN")
        try:
            result = work(Transaction(self._connection))
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return result

    def close(self) -> None:
        self._connection.close()


class AtOnce:
    """A `Store` whose commits wait for no disk, so that it is quicker to do the work here than to
    hand it to a thread, which would also have to fight for the interpreter with a busy loop.

    Another process may be writing: then it is tried again, for some two seconds.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def write(self, work: Callable[[Transaction], T]) -> T:
        for pause in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0):
            try:
                return self._store.write(work)
            except StoreError:
                await asyncio.sleep(pause)
        return self._store.write(work)

    def close(self) -> None:
        self._store.close()


class _UntilReboot(Store):
    """A store that may be lost with the power, since a reboot makes it worthless anyway."""

    def _settle(self, connection: sqlite3.Connection) -> None:
        super()._settle(connection)
        connection.execute("PRAGMA synchronous=OFF")


def until_reboot(
    home: Path, name: str, migrations: Sequence[Migration], boot: str
) -> OnDisk | AtOnce:
    """What is worth keeping only as long as the machine runs, at the speed of memory.

    The file bears the name of the boot, so that nothing of an earlier one is ever read; what
    earlier ones left is removed. Where the boot has no name the file survives, and pays for it.
    """
    if not boot:
        return OnDisk(Store(home / f"{name}.db", migrations, durability="state"))
    path = home / f"{name}-{boot}.db"
    for left in home.glob(f"{name}-*.db*"):
        if not left.name.startswith(path.name):
            with suppress(OSError):
                left.unlink()
    return AtOnce(_UntilReboot(path, migrations, durability="state", busy_seconds=0.005))


def durable(path: Path, migrations: Sequence[Migration]) -> OnDisk:
    """What must survive the loss of power."""
    return OnDisk(Store(path, migrations, durability="vault"))


def boot() -> str:
    """Twelve characters that change with every boot, or nothing where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").replace("-", "")[:12]
    except (OSError, UnicodeDecodeError):
        return ""
