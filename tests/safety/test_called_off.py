"""Whoever asked is gone before a byte left: what was used up for it can be used again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import anyio
import pytest

from aircall_mcp.desk import Question
from aircall_mcp.gateway import ledger as budgets
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry
from aircall_mcp.safety.policy import Cap, Policy
from aircall_mcp.storage.state import InMemory

from ..harness import AskingDesk
from .planning import OWNER, FakeAircall, numbers, text, yes

pytestmark = pytest.mark.anyio

TEXT = text(1)["arguments"]
ONE_AN_HOUR = Policy(caps={"texts": Cap(hour=1)}, written=True)


@pytest.fixture
async def fake(registry: Registry) -> AsyncIterator[FakeAircall]:
    made = FakeAircall(registry)
    yield made
    for desk in made.desks:
        await desk.aclose()


async def one_in_a_while(_account: str | None) -> tuple[str, int]:
    return "company", 1


async def waiting(desk: AskingDesk, kind: str) -> None:
    """The text is asked for, waits for its slot, and is called off there."""
    waits = asyncio.Event()

    async def progress(_done: float, _total: float | None, _words: str) -> None:
        waits.set()

    async def ask() -> None:
        await desk.call("aircall_send_message", TEXT, Caller(progress=progress))

    if kind == "a scope":
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await waits.wait()
            tasks.cancel_scope.cancel()
        return
    task = asyncio.create_task(ask())
    await waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("kind", ["a scope", "a task"])
@pytest.mark.parametrize("given", ["a yes", "a lease"])
async def test_a_yes_and_a_place_are_there_for_who_asks_again(
    fake: FakeAircall, kind: str, given: str
) -> None:
    budget = Budget(lambda: InMemory(budgets.MIGRATIONS), window=0.4, longest_wait=60)
    desk = fake.desk(ONE_AN_HOUR, gateway={"budget": budget, "company": one_in_a_while})
    if given == "a yes":
        question = await desk.call("aircall_send_message", TEXT, OWNER)
        assert isinstance(question, Question)
        assert await yes(desk, question)
    else:
        await desk.safety.leases.give(
            "texts", 1, 600, principal="owner", account="tests", recipients=[TEXT["to"]]
        )
    await desk.call("aircall_ping", {}, OWNER)
    await waiting(desk, kind)
    assert fake.sent == []
    assert not (await desk.call("aircall_send_message", TEXT, OWNER)).is_error
    assert fake.sent == numbers(1)
