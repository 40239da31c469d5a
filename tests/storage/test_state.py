from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.storage.state import InMemory, State, durable, until_reboot
from aircall_mcp.storage.store import Transaction

pytestmark = pytest.mark.anyio

MIGRATIONS = (("CREATE TABLE word (text TEXT PRIMARY KEY)",),)


def kinds(home: Path) -> list[State]:
    return [
        until_reboot(home, "quick", MIGRATIONS, "b1"),
        until_reboot(home, "slow", MIGRATIONS, ""),
        durable(home / "sure.db", MIGRATIONS),
        InMemory(MIGRATIONS),
    ]


async def test_work_is_done_whole_or_not_at_all(home: Path) -> None:
    def two(tx: Transaction) -> None:
        tx.run("INSERT INTO word (text) VALUES ('a')")
        raise LookupError

    for state in kinds(home):
        with pytest.raises(LookupError):
            await state.write(two)
        assert await state.write(lambda tx: tx.all("SELECT text FROM word")) == []
        await state.write(lambda tx: tx.run("INSERT INTO word (text) VALUES ('b')"))
        assert await state.write(lambda tx: tx.all("SELECT text FROM word")) == [("b",)]
        state.close()


async def test_another_writer_is_waited_for_and_the_loop_goes_on_meanwhile(home: Path) -> None:
    state = until_reboot(home, "quick", MIGRATIONS, "b1")
    await state.write(lambda tx: tx.all("SELECT text FROM word"))
    other = sqlite3.connect(home / "quick-b1.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.ensure_future(state.write(lambda tx: tx.run("DELETE FROM word")))
    await asyncio.sleep(0.05)
    assert not writing.done()
    other.execute("COMMIT")
    other.close()
    assert await writing == 0
    state.close()


@pytest.fixture
def linked(home: Path) -> Path:
    """A home where somebody put a link in the place of the file."""
    home.mkdir(0o700)
    (home / "quick-b1.db").symlink_to(home / "elsewhere")
    return home


async def test_what_cannot_be_used_is_said(linked: Path) -> None:
    with pytest.raises(StoreError):
        await until_reboot(linked, "quick", MIGRATIONS, "b1").write(lambda _: None)
