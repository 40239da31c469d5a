"""The budget's link, alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aircall_mcp.errors import BudgetExhausted, StoreError
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.ledger import MIGRATIONS, Share
from aircall_mcp.gateway.request import Attempt, Request
from aircall_mcp.gateway.slots import Slots
from aircall_mcp.ground.caller import Caller
from aircall_mcp.storage.state import InMemory

from ..harness import Clock
from .links import Tries, answered, lost, not_sent, request

pytestmark = pytest.mark.anyio

NOW = Caller(patience=0.0)
ONE = Share("company", 1)


def once(caller: Caller = NOW) -> Request:
    asking = request("ping", caller)
    return Request(asking.bound, caller, url=asking.url, share=ONE)


def slots(then: Any) -> tuple[Slots, Budget]:
    clock = Clock(1_000.0).handed()
    budget = Budget(lambda: InMemory(MIGRATIONS), clock=clock)
    return Slots(then, budget, clock), budget


@pytest.mark.parametrize("left", [answered(), answered(404), lost()])
async def test_what_left_holds_its_slot_for_a_window(left: Attempt) -> None:
    link, budget = slots(Tries(left, answered()))
    assert await link.send(once()) is left
    with pytest.raises(BudgetExhausted):
        await link.send(once())
    await budget.aclose()


async def test_what_never_left_gives_its_slot_back() -> None:
    link, budget = slots(Tries(not_sent(), StoreError("No room."), answered()))
    await link.send(once())
    with pytest.raises(StoreError):
        await link.send(once())
    assert await link.send(once())
    await budget.aclose()


async def test_where_the_call_upwards_raises_nothing_left() -> None:
    async def full() -> None:
        raise StoreError("No room.")

    then = Tries(answered(), answered())
    link, budget = slots(then)
    asking = once()
    refused = Request(asking.bound, NOW, url=asking.url, share=ONE, before_first_byte=full)
    with pytest.raises(StoreError):
        await link.send(refused)
    assert await link.send(asking)
    await budget.aclose()


async def test_cut_off_while_it_is_out_the_slot_is_held_and_before_it_is_not() -> None:
    class Hanging:
        def __init__(self) -> None:
            self.leaves = False
            self.here = asyncio.Event()

        async def send(self, request: Request) -> Attempt:
            if self.leaves:
                await request.before_first_byte()
            self.here.set()
            return await asyncio.Future[Attempt]()

    then = Hanging()
    link, budget = slots(then)
    for leaves in (False, True):
        then.leaves, then.here = leaves, asyncio.Event()
        sending = asyncio.ensure_future(link.send(once()))
        await then.here.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    with pytest.raises(BudgetExhausted):
        await link.send(once())
    await budget.aclose()


async def test_an_answer_tells_of_the_limit() -> None:
    link, budget = slots(Tries(answered(429, headers={"retry-after": "30"})))
    asking = once()
    wide = Request(asking.bound, NOW, url=asking.url, share=Share("company", 60))
    await link.send(wide)
    with pytest.raises(BudgetExhausted) as paused:
        await link.send(wide)
    assert 30 <= paused.value.retry_after <= 33
    await budget.aclose()


async def test_a_wait_ends_with_the_time_of_the_whole_request() -> None:
    link, budget = slots(Tries(answered(), answered()))
    patient = once(Caller(patience=1_000.0))
    await link.send(patient)
    asking = Request(patient.bound, patient.caller, share=ONE, until=1_010.0)
    with pytest.raises(BudgetExhausted):
        await link.send(asking)
    await budget.aclose()


async def test_without_a_budget_everything_passes_as_it_is() -> None:
    then = Tries(answered())
    asking = once()
    await Slots(then, None, Clock().handed()).send(asking)
    assert then.came == [asking]
