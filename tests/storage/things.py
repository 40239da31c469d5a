"""A database of things, for the tests of stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aircall_mcp.storage.sqlite import Database
from aircall_mcp.storage.store import Durability, Store, Transaction

from ..connections import lent

STEPS = (
    ("CREATE TABLE thing (name TEXT PRIMARY KEY, size BIGINT NOT NULL)",),
    ("ALTER TABLE thing ADD COLUMN colour TEXT", "CREATE INDEX by_size ON thing (size)"),
)


def store_at(home: Path, *, steps: int = 2, durability: Durability = "vault") -> Database:
    return lent(Database(home / "things.db", STEPS[:steps], durability=durability))


def put(name: str, size: int) -> Callable[[Transaction], int]:
    return lambda tx: tx.run(
        """INSERT INTO thing (name, size) VALUES (:name, :size)
           ON CONFLICT (name) DO UPDATE SET size = excluded.size""",
        name=name,
        size=size,
    )


def sizes(store: Store) -> dict[str, int]:
    return dict(store.read(lambda tx: tx.all("SELECT name, size FROM thing")))  # type: ignore[arg-type]
