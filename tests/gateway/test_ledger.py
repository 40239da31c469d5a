from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from aircall_mcp.errors import BudgetExhausted, StoreError
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.ledger import MIGRATIONS, Share
from aircall_mcp.ground.clock import Clock
from aircall_mcp.storage.state import InMemory, State, boot, until_reboot
from aircall_mcp.storage.store import Transaction

from ..waiting import until
from .budgets import THREE, Budgets, spend

T = TypeVar("T")
pytestmark = pytest.mark.anyio


class Refusing:
    """A state that refuses to write as long as it is full, or lets nobody through its gate."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.full = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.came = asyncio.Event()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self.came.set()
        await self.gate.wait()
        if self.full:
            raise StoreError("No room.")
        return await self._state.write(work)

    def close(self) -> None:
        self._state.close()


async def test_what_ended_is_not_forgotten_with_a_write_that_failed() -> None:
    state = Refusing(InMemory(MIGRATIONS))
    budget = Budget(lambda: state, longest_wait=0)
    slots = [await budget.slot(THREE, hold=25) for _ in range(3)]
    slots[0].release()
    slots[1].give_back()
    slots[2].give_back()
    state.full = True
    for _ in range(2):
        with pytest.raises(StoreError):
            await budget.slot(THREE, hold=25)
    state.full = False
    await spend(budget, THREE, 2)
    with pytest.raises(BudgetExhausted):
        await budget.slot(THREE, hold=25)
    await budget.aclose()


async def test_nor_with_one_that_failed_after_its_asker_was_gone() -> None:
    state = Refusing(InMemory(MIGRATIONS))
    budget = Budget(lambda: state, longest_wait=0)
    for slot in [await budget.slot(THREE, hold=25) for _ in range(3)]:
        slot.give_back()
    state.gate.clear()
    state.came.clear()
    asking = asyncio.ensure_future(budget.slot(THREE, hold=25))
    await state.came.wait()
    asking.cancel()
    await asyncio.wait({asking})
    state.full = True
    state.gate.set()
    with pytest.raises(StoreError):
        await budget.slot(THREE, hold=25)
    state.full = False
    await spend(budget, THREE, 3)
    await budget.aclose()


async def test_nor_with_one_that_nobody_asked_for() -> None:
    state = Refusing(InMemory(MIGRATIONS))
    budget = Budget(lambda: state, window=0.08, longest_wait=0)
    one = Share("company", 1)
    slot = await budget.slot(one, hold=25)
    state.full = True
    state.came.clear()
    slot.give_back()
    await state.came.wait()
    await asyncio.sleep(0)
    state.full = False
    await spend(budget, one)
    with pytest.raises(BudgetExhausted):
        await budget.slot(one, hold=25)
    await budget.aclose()


async def test_nor_with_one_that_was_under_way_at_the_end(budgets: Budgets) -> None:
    state = Refusing(until_reboot(budgets.home, "state", MIGRATIONS, "b1"))
    budget = Budget(lambda: state, window=0.08, clock=budgets.clock.handed())
    for slot in [await budget.slot(THREE, hold=25) for _ in range(3)]:
        slot.give_back()
    state.gate.clear()
    state.came.clear()
    await state.came.wait()
    ending = asyncio.ensure_future(budget.aclose())
    await asyncio.sleep(0)
    state.gate.set()
    await ending
    after = budgets.another()
    await spend(after, THREE, 3)
    with pytest.raises(BudgetExhausted):
        await after.slot(THREE, hold=25)


def files_of(home: Path) -> set[tuple[str, int]]:
    return {(file.name[:11], file.stat().st_mode & 0o777) for file in home.iterdir()}


async def test_nothing_of_an_earlier_boot_is_read_or_left(home: Path) -> None:
    def budget(boot: str) -> Budget:
        return Budget(lambda: until_reboot(home, "state", MIGRATIONS, boot))

    before = budget("b1")
    await spend(before, THREE, 3)
    await before.aclose()
    assert files_of(home) == {("state-b1.db", 0o600)}
    after = budget("b2")
    await spend(after, THREE, 3)
    await after.aclose()
    assert files_of(home) == {("state-b2.db", 0o600)}


async def test_without_a_name_of_the_boot_an_impossible_future_is_forgotten(home: Path) -> None:
    late = Budget(lambda: until_reboot(home, "state", MIGRATIONS, ""), clock=Clock(lambda: 9e6))
    await spend(late, THREE, 3)
    await late.learn(THREE, 429, {"retry-after": "120"})
    await late.aclose()
    early = Budget(lambda: until_reboot(home, "state", MIGRATIONS, ""), clock=Clock(lambda: 50.0))
    await spend(early, THREE, 3)
    await early.aclose()
    assert (home / "state.db").exists()


async def test_what_ended_is_settled_without_a_next_request(home: Path) -> None:
    budget = Budget(lambda: until_reboot(home, "state", MIGRATIONS, "b1"), window=0.2)
    (await budget.slot(THREE, hold=500)).release()
    file = sqlite3.connect(home / "state-b1.db")
    await until(lambda: file.execute("SELECT settled FROM slot").fetchone() == (1,))
    file.close()
    await budget.aclose()


def test_the_boot_has_a_name_or_none() -> None:
    assert boot() == boot()
    assert boot() == "" or len(boot()) == 12
