"""Bring a file to the newest step, completely or not at all, whoever else starts at the same
time."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ...errors import StoreError
from ..store import NUMBERED, Migration


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration], path: Path) -> None:
    """Take the steps that the file has not taken, in one transaction: one that fails leaves the
    file as it was. Raises `StoreError` for steps we do not know, and SQLite's own errors.
    """
    if _reached(connection, migrations, path) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY)")
        # Asked again under the lock: another start may have been quicker.
        for number in range(_reached(connection, migrations, path) + 1, len(migrations) + 1):
            for statement in migrations[number - 1]:
                connection.execute(in_dialect(statement))
            connection.execute(
                "INSERT INTO migration (number) VALUES (:number)", {"number": number}
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def in_dialect(statement: str) -> str:
    """A statement of a migration as SQLite says it: only this very type is counted up there."""
    return statement.replace(NUMBERED, "INTEGER PRIMARY KEY")


def _reached(connection: sqlite3.Connection, migrations: Sequence[Migration], path: Path) -> int:
    """The last step this file has taken."""
    try:
        reached = connection.execute("SELECT MAX(number) FROM migration").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        reached = None
    if reached is None:
        return 0
    if not isinstance(reached, int) or reached < 0:
        raise StoreError(f"{path} is damaged.", hint="Restore it from a backup.")
    if reached > len(migrations):
        raise StoreError(
            f"{path} was written by a newer aircall-mcp (step {reached}).",
            hint="Update aircall-mcp.",
        )
    return reached
