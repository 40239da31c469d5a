"""One look at the log serves everybody who waits, and nobody looks while nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.tables import MIGRATIONS
from aircall_mcp.events.watcher import Watcher
from aircall_mcp.ground.clock import Clock
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.storage.store import Transaction
from aircall_mcp.vault.mailbox import Sealer

from ..connections import lent
from ..mail import call, log_in, mailbox

T = TypeVar("T")

pytestmark = pytest.mark.anyio


class Source:
    """What is looked at: `newest` is there, or `fault` is raised. Pauses end when it says so."""

    def __init__(self) -> None:
        self.newest = 0
        self.looks = 0
        self.pauses = 0
        self.fault: Exception | None = None
        self._turn = asyncio.Event()

    async def look(self) -> int:
        self.looks += 1
        if self.fault is not None:
            raise self.fault
        return self.newest

    async def pause(self, seconds: float) -> None:
        assert seconds == 0.5
        self.pauses += 1
        await self._turn.wait()
        self._turn.clear()

    async def turn(self) -> None:
        """The pause is over; what that sets off has happened when this returns."""
        self._turn.set()
        await rounds()


async def rounds() -> None:
    """Enough turns of the loop for all that can go on to have gone on."""
    for _ in range(50):
        await asyncio.sleep(0)


def watching() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if "Watcher._watch" in repr(task)]


@pytest.mark.parametrize("waiters", [1, 50])
async def test_however_many_wait_it_is_looked_as_often_as_for_one(waiters: int) -> None:
    source = Source()
    watcher = Watcher(source.look, every=0.5, clock=Clock(sleep=source.pause))
    waiting = [asyncio.create_task(watcher.beyond(0)) for _ in range(waiters)]
    await rounds()
    for _ in range(3):
        await source.turn()
    assert source.looks == 4
    source.newest = 7
    await source.turn()
    assert await asyncio.gather(*waiting) == [7] * waiters
    assert source.looks == 5
    await rounds()
    assert not watching()


async def test_each_is_woken_by_what_is_newer_than_it_knows() -> None:
    source = Source()
    watcher = Watcher(source.look, every=0.5, clock=Clock(sleep=source.pause))
    first, second = (asyncio.create_task(watcher.beyond(known)) for known in (3, 5))
    await rounds()
    source.newest = 5
    await source.turn()
    assert first.done()
    assert not second.done()
    assert await watcher.beyond(4) == 5  # it was just seen: nobody looks for that
    looked = source.looks
    source.newest = 6
    await source.turn()
    assert (await first, await second) == (5, 6)
    assert source.looks == looked + 1


async def test_it_looks_at_once_for_the_first_and_never_for_nobody() -> None:
    source = Source()
    source.newest = 9
    watcher = Watcher(source.look, every=0.5, clock=Clock(sleep=source.pause))
    assert await watcher.beyond(8) == 9
    assert (source.looks, source.pauses) == (1, 1)
    waiting = asyncio.create_task(watcher.beyond(9))
    await rounds()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await rounds()
    assert not watching()
    looked = source.looks
    source.newest = 10
    assert await watcher.beyond(9) == 10  # and another one begins where the last one left
    assert source.looks == looked + 1


async def test_one_who_goes_leaves_the_others_waiting() -> None:
    source = Source()
    watcher = Watcher(source.look, every=0.5, clock=Clock(sleep=source.pause))
    going, staying = (asyncio.create_task(watcher.beyond(0)) for _ in range(2))
    await rounds()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    source.newest = 1
    await source.turn()
    assert await staying == 1


async def test_what_looking_raises_all_who_wait_hear() -> None:
    source = Source()
    source.fault = StoreError("No disk.")
    watcher = Watcher(source.look, every=0.5, clock=Clock(sleep=source.pause))
    waiting = [asyncio.create_task(watcher.beyond(0)) for _ in range(3)]
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert ends == [source.fault] * 3
    await rounds()
    assert not watching()
    source.fault, source.newest = None, 1
    assert await watcher.beyond(0) == 1


async def test_fifty_who_wait_for_a_log_read_its_file_as_one_does(home: Path) -> None:
    """Another process appends; every pause is followed by one transaction, whoever waits."""
    writer = log_in(home)

    class Counted(Database):
        reads = 0

        def read(self, work: Callable[[Transaction], T]) -> T:
            self.reads += 1
            return super().read(work)

    store = lent(Counted(home / "events.db", MIGRATIONS, durability="vault"))
    paused = 0

    async def pause(seconds: float) -> None:
        nonlocal paused
        paused += 1
        if paused == 4:
            writer.append([call("ended", 1)])
        await asyncio.sleep(0)

    log = EventLog(store, sealer=Sealer, mailbox=mailbox, clock=Clock(sleep=pause))
    assert await asyncio.gather(*(log.beyond(0) for _ in range(50))) == [1] * 50
    assert paused == 5
    assert store.reads == 5
