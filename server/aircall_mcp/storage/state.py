"""What the processes of this machine share: a file, or memory for a single process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from ..ground.clock import Clock
from .sqlite import Database
from .sqlite.state import AtOnce, InMemory, OnDisk
from .store import Migration, Transaction

__all__ = ["InMemory", "State", "boot", "durable", "until_reboot"]

T = TypeVar("T")


class State(Protocol):
    """Work that wants to be the only writer, done aside from the event loop."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """`work` in one transaction; begun, it is finished. Raises `StoreError`."""
        ...

    def close(self) -> None:
        """Finish what is under way, and let go."""
        ...


def until_reboot(
    home: Path,
    name: str,
    migrations: Sequence[Migration],
    boot: str,
    clock: Clock | None = None,
) -> State:
    """What is worth keeping only as long as the machine runs, at the speed of memory.

    The file bears the name of the boot, so that nothing of an earlier one is ever read; what
    earlier ones left is removed. Where the boot has no name the file survives, and pays for it.
    """
    if not boot:
        return OnDisk(Database(home / f"{name}.db", migrations, durability="state"))
    path = home / f"{name}-{boot}.db"
    for left in home.glob(f"{name}-*.db*"):
        if not left.name.startswith(path.name):
            with suppress(OSError):  # of another user, or in use: the name keeps it from us anyway
                left.unlink()
    # Nobody waits in the database itself, since that would hold the loop: `AtOnce` tries again.
    database = Database(path, migrations, durability="state", busy_seconds=0.005, fleeting=True)
    return AtOnce(database, clock)


def durable(path: Path, migrations: Sequence[Migration]) -> State:
    """What must survive the loss of power."""
    return OnDisk(Database(path, migrations, durability="vault"))


def boot() -> str:
    """Twelve characters that change with every boot, or nothing where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").replace("-", "")[:12]
    except (OSError, UnicodeDecodeError):
        return ""
