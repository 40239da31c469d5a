"""Open an SQLite file with the settings that its content needs."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from urllib.parse import quote

from ..store import Durability

_WAL_MENDED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""SQLite loses commits of two processes that checkpoint at the same time before these."""


def connect(
    path: Path,
    durability: Durability,
    *,
    busy_seconds: float,
    largest: int | None = None,
    fleeting: bool = False,
) -> sqlite3.Connection:
    """A connection to the file, which is there. It begins and ends no transaction by itself, and
    may be used by any thread, one at a time.

    `largest` bounds the file, in pages of 4 KiB; `fleeting` content may be lost with the power.
    """
    # Never made here: SQLite would give it the modes of the umask.
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=busy_seconds,
    )
    try:
        for pragma in _pragmas(durability, largest, fleeting):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def in_memory() -> sqlite3.Connection:
    """The same without a file."""
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def _pragmas(durability: Durability, largest: int | None, fleeting: bool) -> list[str]:
    if durability == "vault":
        # One file that a copy takes whole, and that every commit writes, so that its stamp tells.
        pragmas = ["journal_mode=DELETE", "synchronous=FULL", "secure_delete=ON"]
        if sys.platform == "darwin":
            # What fsync says is on the disk there may still be in the disk's own memory.
            pragmas += ["fullfsync=ON", "checkpoint_fullfsync=ON"]
    else:
        pragmas = [
            f"journal_mode={_state_journal()}",
            f"synchronous={'OFF' if fleeting else 'NORMAL'}",
        ]
    # A file that somebody changed may not call functions, nor lead SQLite astray.
    pragmas += ["trusted_schema=OFF", "temp_store=MEMORY", "cell_size_check=ON"]
    if largest is not None:
        pragmas.append(f"max_page_count={largest}")
    return pragmas


def _state_journal(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    newest = _WAL_MENDED[0]
    mended = version >= newest or any(
        version[:2] == back[:2] and version >= back for back in _WAL_MENDED[1:]
    )
    return "WAL" if mended else "TRUNCATE"
