from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.ground.clock import Clock
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
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            other.execute("COMMIT")

    state = until_reboot(home, "quick", MIGRATIONS, "b1", Clock(sleep=sleep))
    await state.write(lambda tx: tx.all("SELECT text FROM word"))
    with closing(sqlite3.connect(home / "quick-b1.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await state.write(lambda tx: tx.run("DELETE FROM word")) == 0
    assert len(waits) == 3
    assert waits == sorted(waits)
    state.close()


async def test_another_writer_is_not_waited_for_without_end(home: Path) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    state = until_reboot(home, "quick", MIGRATIONS, "b1", Clock(sleep=sleep))
    await state.write(lambda tx: tx.all("SELECT text FROM word"))
    with closing(sqlite3.connect(home / "quick-b1.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="busy"):
            await state.write(lambda tx: tx.run("DELETE FROM word"))
    assert 1.5 < sum(waits) < 2.5
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
