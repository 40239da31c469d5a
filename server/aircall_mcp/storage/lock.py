"""Locks between processes: files that the kernel frees when their holder ends, never unlinked."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from ..errors import StoreError
from ..ground.clock import Clock
from ..ground.private_files import Modes

_POLL = 0.015
"""Seconds between two looks at a lock that somebody else holds: the kernel would wake us, but let
nobody give up in time."""


def seize(descriptor: int) -> None:
    """Take the lock of an open file, or raise `OSError` at once. Closing the file frees it.

    It is `flock`, which belongs to the open file: two objects of one process exclude each other,
    and to close the file elsewhere in the process frees nothing, as POSIX's record locks have it.
    """
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Latch(Protocol):
    """What a lock does for whoever needs one."""

    def take(self) -> bool:
        """Take it if it is free; whether it was."""
        ...

    def release(self) -> None:
        """Let the next one have it; nothing happens where it is not held."""
        ...


class Alone:
    """The lock of what no other process can see."""

    def take(self) -> bool:
        return True

    def release(self) -> None:
        """Nobody waits."""


class Lock:
    """One lock file. An object holds it at most once; two objects exclude each other anywhere.

    `seize` takes the lock of an open file; `block` holds this thread back for some seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        modes: Modes | None = None,
        seize: Callable[[int], None] = seize,
        clock: Clock | None = None,
        block: Callable[[float], None] = time.sleep,
    ) -> None:
        self.path = path
        self._modes = modes or Modes()
        self._seize = seize
        self._clock = clock or Clock()
        self._block = block
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take it if it is free. Raises `StoreError` where the file cannot be used at all."""
        if self._descriptor is not None:
            return False
        self._modes.directory(self.path.parent)
        # Never unlinked: whoever made the file anew would hold another lock than who has it open.
        descriptor = self._modes.open(self.path, create=True)
        try:
            self._seize(descriptor)
        except OSError:
            # Held; or there are no locks on this disk, and then nobody has it rather than two.
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let the next one have it; nothing happens where it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def held(self, *, patience: float = 30.0) -> Generator[None]:
        """Hold it; wait at most `patience` seconds for it, then raise `StoreError`."""
        until = self._clock.monotonic() + patience
        while not self.take():
            if self._clock.monotonic() >= until:
                raise StoreError(
                    f"Another process has held {self.path.name} for {patience:.0f} seconds.",
                    hint="It may be waiting for a person: look for another aircall-mcp.",
                )
            self._block(_POLL)
        try:
            yield
        finally:
            self.release()


def latches(home: Path, modes: Modes | None = None) -> Callable[[str], Lock]:
    """The lock file of each account in `home`, whatever its name is made of."""

    def latch(name: str) -> Lock:
        return Lock(home / f"refresh-{_key(name)}.lock", modes=modes)

    return latch


def plan_latches(home: Path, modes: Modes | None = None) -> Callable[[str], Lock]:
    """The same for who carries out a plan."""

    def latch(name: str) -> Lock:
        return Lock(home / f"plan-{_key(name)}.lock", modes=modes)

    return latch


def _key(name: str) -> str:
    """Hashed: disks that take capitals for small letters would make one lock of two accounts."""
    return sha256(name.encode()).hexdigest()[:16]
