"""Where accounts and other secrets are kept: the vault, or memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Stored(Protocol):
    """A record of a shelf."""

    @property
    def generation(self) -> int: ...
    @property
    def value(self) -> Any: ...


class Shelf(Protocol):
    """Where accounts lie: the vault, or `Memory`."""

    @property
    def exists(self) -> bool: ...
    def stamp(self) -> object: ...
    def owners(self, field: str) -> tuple[str, ...]: ...
    def read(self, owner: str, field: str) -> Stored | None: ...
    def write(
        self, owner: str, field: str, value: Any, *, expected: int | None = None
    ) -> int | None: ...
    def remove(self, owner: str) -> bool: ...
    def aside(self, work: Callable[[], T]) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class _Kept:
    generation: int
    value: Any


class Memory:
    """A shelf that is gone with the process."""

    exists = True

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._epoch = 0

    def stamp(self) -> object:
        return self._epoch

    def owners(self, field: str) -> tuple[str, ...]:
        return tuple(sorted(owner for owner, where in self._kept if where == field))

    def read(self, owner: str, field: str) -> Stored | None:
        return self._kept.get((owner, field))

    def write(
        self, owner: str, field: str, value: Any, *, expected: int | None = None
    ) -> int | None:
        there = self._kept.get((owner, field))
        if expected is not None and (there.generation if there else 0) != expected:
            return None
        self._epoch += 1
        self._kept[owner, field] = _Kept(self._epoch, value)
        return self._epoch

    def remove(self, owner: str) -> bool:
        theirs = [place for place in self._kept if place[0] == owner]
        for place in theirs:
            del self._kept[place]
        self._epoch += 1
        return bool(theirs)

    async def aside(self, work: Callable[[], T]) -> T:
        return work()
