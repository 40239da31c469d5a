"""Errors of SQLite, as errors of ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ...errors import StoreError
from ...ground.private_files import ELSEWHERE

Fault = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises. A damaged file can put bytes that are no text into its own complaint."""


def typed(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> StoreError:
    """What happened and what helps, without a word of SQL or of a value."""
    if isinstance(error, UnicodeDecodeError):
        return StoreError(f"{path} is damaged.", hint="Restore it from a backup.")
    code = getattr(error, "sqlite_errorcode", None)
    # The low byte is the kind; the rest of an extended code says more than a reader can use.
    match code & 0xFF if isinstance(code, int) else None:
        case sqlite3.SQLITE_FULL:
            return StoreError(f"No room to write {path}.", hint="Free some disk space.")
        case sqlite3.SQLITE_READONLY:
            return StoreError(f"{path} is read-only.", hint=ELSEWHERE)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreError(f"{path} is busy.", hint="Another process writes to it; try again.")
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_IOERR:
            return StoreError(f"{path} cannot be read or written.", hint=ELSEWHERE)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreError(f"{path} is damaged.", hint="Restore it from a backup.")
        case _:
            return StoreError(f"{path} failed ({type(error).__name__}).")
