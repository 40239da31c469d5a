"""SQL run on a connection: the `Transaction` of SQLite."""

from __future__ import annotations

import sqlite3
from typing import Any


class Statements:
    """What work in a store can do; see `storage.store.Transaction`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self, sql: str, /, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, /, **values: object) -> tuple[Any, ...] | None:
        return self._connection.execute(sql, values).fetchone()

    def run(self, sql: str, /, **values: object) -> int:
        return self._connection.execute(sql, values).rowcount

    def unindexed(self, column: str) -> str:
        # A unary plus makes an expression of the column, which no index fits.
        return f"+{column}"

    def used(self) -> int:
        pages, free, size = (
            int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
