from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from aircall_mcp.errors import BudgetExhausted
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.ledger import MIGRATIONS, Share
from aircall_mcp.ground.clock import Clock
from aircall_mcp.storage.state import InMemory, until_reboot
from aircall_mcp.storage.store import Transaction

from .budgets import LOOK, THREE, Budgets, spend

T = TypeVar("T")
pytestmark = pytest.mark.anyio


async def test_a_slot_is_held_until_a_window_after_the_answer(budgets: Budgets) -> None:
    budget = budgets.another()
    first = await budget.slot(THREE, hold=25)
    await spend(budget, THREE, 2)
    budgets.clock.pass_by(10)
    first.release()
    budgets.clock.pass_by(50.5)
    await spend(budget, THREE, 2)
    with pytest.raises(BudgetExhausted) as refused:
        await budget.slot(THREE, hold=25, patience=9)
    assert refused.value.retry_after == pytest.approx(9.5)
    budgets.clock.pass_by(9.6)
    await spend(budget, THREE)


async def test_budgets_of_other_processes_and_companies(budgets: Budgets) -> None:
    one, two = budgets.another(), budgets.another()
    await spend(one, THREE, 2)
    await spend(two, THREE)
    for budget in (one, two):
        with pytest.raises(BudgetExhausted):
            await budget.slot(THREE, hold=25)
    await spend(two, Share("another", 3), 3)


async def test_a_holder_that_died_frees_its_slot_with_its_lease(budgets: Budgets) -> None:
    one, two = budgets.another(), budgets.another()
    for _ in range(3):
        await one.slot(THREE, hold=25)  # and never a word again
    budgets.clock.pass_by(84)
    with pytest.raises(BudgetExhausted):
        await two.slot(THREE, hold=25, patience=0.5)
    budgets.clock.pass_by(1.1)
    await spend(two, THREE, 3)


async def test_what_was_not_sent_is_given_back(budgets: Budgets) -> None:
    budget = budgets.another()
    slots = [await budget.slot(THREE, hold=25) for _ in range(3)]
    with pytest.raises(BudgetExhausted):
        await budget.slot(THREE, hold=25)
    for slot in slots:
        slot.give_back()
        slot.release()  # the first word counts
    await spend(budget, THREE, 3)
    with pytest.raises(BudgetExhausted):
        await budget.slot(THREE, hold=25)


async def test_what_was_sent_is_not_given_back_by_a_second_word(budgets: Budgets) -> None:
    budget = budgets.another()
    for _ in range(3):
        slot = await budget.slot(THREE, hold=25)
        slot.release()
        slot.give_back()
    with pytest.raises(BudgetExhausted):
        await budget.slot(THREE, hold=25)


async def test_it_waits_and_says_so_and_gives_up_at_once_when_it_is_sure(budgets: Budgets) -> None:
    budget = budgets.another()
    await spend(budget, THREE, 3)
    before = budgets.clock()
    with pytest.raises(BudgetExhausted) as refused:
        await budget.slot(THREE, hold=25)
    assert refused.value.retry_after == pytest.approx(60)
    assert budgets.clock() == before
    budgets.clock.pass_by(45)
    slot = await budget.slot(THREE, hold=25, progress=budgets.tell)
    assert budgets.clock() == pytest.approx(before + 60)
    slot.release()
    assert len(budgets.told) == 15
    assert budgets.told[0] == (0, pytest.approx(15), "Waiting: the request limit is used up")


async def test_bulk_leaves_a_fifth_to_people_who_wait(budgets: Budgets) -> None:
    budget = budgets.another()
    bulk, waiting = Share("company", 10, "bulk"), Share("company", 10)
    await spend(budget, bulk, 8)
    with pytest.raises(BudgetExhausted):
        await budget.slot(bulk, hold=25)
    await spend(budget, waiting, 2)
    with pytest.raises(BudgetExhausted):
        await budget.slot(waiting, hold=25)
    await spend(budget, Share("tiny", 1, "bulk"))


async def test_a_person_goes_before_bulk_when_both_wait(home: Path) -> None:
    budget = Budget(lambda: InMemory(MIGRATIONS), window=0.4)
    bulk, waiting = Share("company", 2, "bulk"), Share("company", 2)
    came: list[str] = []

    async def take(share: Share) -> None:
        slot = await budget.slot(share, hold=1)
        came.append(share.lane)
        slot.release()

    await asyncio.gather(take(waiting), take(waiting))
    await asyncio.gather(take(bulk), take(waiting), take(waiting))
    assert came[2:] == ["waiting", "waiting", "bulk"]
    await budget.aclose()


class Gated:
    """A state whose writes wait while `gate` is shut."""

    def __init__(self) -> None:
        self._state = InMemory(MIGRATIONS)
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        await self.gate.wait()
        return await self._state.write(work)

    def close(self) -> None:
        self._state.close()


async def test_bulk_behind_a_person_leaves_others_their_turn_while_slots_come_back() -> None:
    state = Gated()
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        if seconds > LOOK:
            await asyncio.Event().wait()
        waited.append(seconds)
        state.gate.set()
        await asyncio.sleep(0)

    budget = Budget(lambda: state, clock=Clock(sleep=sleep))
    other = await budget.slot(Share("other", 2), hold=1)
    state.gate.clear()
    person = asyncio.ensure_future(budget.slot(Share("company", 9), hold=1))
    await asyncio.sleep(0)  # the person's look at the log is under way
    other.release()
    bulk = await budget.slot(Share("company", 9, "bulk"), hold=1)
    assert waited  # it stepped back, and the loop went round
    (await person).release()
    bulk.release()
    await budget.aclose()


async def test_those_in_line_keep_their_order_and_their_patience(home: Path) -> None:
    budget = Budget(lambda: InMemory(MIGRATIONS), window=0.3)
    share = Share("company", 1)
    came: list[int] = []

    async def take(number: int, patience: float) -> None:
        slot = await budget.slot(share, hold=1, patience=patience)
        came.append(number)
        slot.release()

    results = await asyncio.gather(
        *(take(n, 5) for n in range(4)), take(9, 0.5), return_exceptions=True
    )
    assert came == [0, 1, 2, 3]
    assert isinstance(results[4], BudgetExhausted)
    await budget.aclose()


@pytest.mark.parametrize("boot", ["b1", ""])  # written at once, and by a thread
async def test_a_cancelled_wait_leaves_no_slot_behind(home: Path, boot: str) -> None:
    budget = Budget(lambda: until_reboot(home, "state", MIGRATIONS, boot), window=30)
    share = Share("company", 5)
    for _ in range(40):
        asking = asyncio.ensure_future(budget.slot(share, hold=25))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking})
        if not asking.cancelled():
            asking.result().give_back()
    for _ in range(5):
        (await budget.slot(share, hold=25, patience=0.2)).release()
    with pytest.raises(BudgetExhausted):
        await budget.slot(share, hold=25, patience=0.2)
    await budget.aclose()


class Counted(InMemory):
    """State that counts what is committed to it."""

    commits = 0

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self.commits += 1
        return await super().write(work)


async def test_a_request_costs_one_commit_and_what_became_of_it_none() -> None:
    state = Counted(MIGRATIONS)
    budget = Budget(lambda: state)
    await spend(budget, Share("company", 60), 12)
    assert state.commits == 12
    await budget.aclose()
    assert state.commits == 13  # the last one is settled
