"""A database, whichever it is: SQL that SQLite and PostgreSQL both run.

Work gets a `Transaction` and nothing else of the database. Its SQL has named parameters, `ON
CONFLICT` and `RETURNING`; times are seconds in DOUBLE PRECISION, since REAL is too coarse for them
elsewhere: single precision tells dates of today apart by two minutes. What each database says in
its own way has a word here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

T = TypeVar("T")
Durability = Literal["vault", "state"]
"""What survives. "vault": a commit survives the loss of power, and deleted content is overwritten.
"state": a commit survives the death of the process."""
Migration = Sequence[str]
"""The statements of one step; a list of them is numbered from 1 and only ever grows."""

NUMBERED = "NUMBERED PRIMARY KEY"
"""In a migration, the type of a key that the database counts up: `id NUMBERED PRIMARY KEY`."""


class Transaction(Protocol):
    """What work in a store can do: run SQL with named parameters."""

    def all(self, sql: str, /, **values: object) -> list[tuple[Any, ...]]:
        """The rows of the answer."""
        ...

    def one(self, sql: str, /, **values: object) -> tuple[Any, ...] | None:
        """The first row, None where there is none."""
        ...

    def run(self, sql: str, /, **values: object) -> int:
        """How many rows the statement changed."""
        ...

    def unindexed(self, column: str) -> str:
        """`column` as SQL writes it where its index must not be chosen: it would be the wrong one
        where there is a better, and planners without statistics do not know."""
        ...

    def used(self) -> int:
        """Bytes that the content takes, without room that deleted content left."""
        ...

    def version(self) -> int:
        """Changes when another connection has committed; our own commits leave it as it is.

        Ask it after the first statement of a transaction: only then is the view fixed.
        """
        ...


class Store(Protocol):
    """One database, opened at the first use; every failure of it is a `StoreError`.

    `read` and `write` do their work in the thread that calls them; `aside` lets any work run on
    the one thread that belongs to the store, so that no event loop ever waits for a disk. Whoever
    made it closes it.
    """

    @property
    def path(self) -> Path:
        """Where it is, or will be."""
        ...

    @property
    def exists(self) -> bool:
        """Whether there is one. To ask makes none."""
        ...

    def stamp(self) -> tuple[int, ...] | None:
        """Changes whenever the content is written, by whatever program, "vault" only; two writes in
        one tick of the system's clock may look like one. None where there is nothing.
        """
        ...

    def read(self, work: Callable[[Transaction], T]) -> T:
        """`work` over one consistent view."""
        ...

    def write(self, work: Callable[[Transaction], T]) -> T:
        """`work` as the only writer; committed when it returns, undone when it raises."""
        ...

    async def aside(self, work: Callable[[], T]) -> T:
        """`work`, on the store's own thread. Once begun it is finished, whoever is cancelled."""
        ...

    def examine(self) -> list[str]:
        """What the database itself finds wrong with its content; empty when it is sound."""
        ...

    def rename(self, name: str) -> None:
        """Set the content aside under another name and let go of it."""
        ...

    def close(self) -> None:
        """Finish what is under way on the store's thread, then let go. A later use opens anew."""
        ...
