"""What became of an effect is not known: it is looked at, and never taken for failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from aircall_mcp.errors import (
    Duplicate,
    OutcomeUnknown,
)
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway import ledger as budgets
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.storage.state import InMemory, State, durable
from aircall_mcp.storage.store import Transaction

from ..proxy import Fault
from ..upstream import bound, gateway, upstream
from .journaled import Hours, journaled, outcomes

T = TypeVar("T")
pytestmark = pytest.mark.anyio


async def test_an_answer_that_got_lost_is_settled_by_a_look(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        line = {"name": "Upsell", "color": "#123456"}
        for one, name in (
            (there.dial(), "start_outbound_call"),
            (bound("create_tag", **line), "create_tag"),
        ):
            there.proxy.once(Fault("reset"))
            reply = await ours.send(one, Caller())
            assert reply.status == one.operation.answer.status
            assert "The answer got lost, but it was done" in reply.notes[0]
            assert there.arrivals(name) == 1
            if name == "create_tag":
                assert reply.body["tag"]["name"] == "Upsell"
        assert await outcomes(journal) == ["done", "done"]
        await ours.aclose()


async def test_what_a_look_does_not_show_stays_unknown_until_it_cannot_come_any_more(
    home: Path,
) -> None:
    async with upstream() as there:
        hours = Hours()
        ours, journal = journaled(there, home, hours)
        there.proxy.once(Fault("reset", after=False))
        with pytest.raises(OutcomeUnknown) as unknown:
            await ours.send(there.dial(), Caller())
        assert "aircall_search_calls does not show it yet" in unknown.value.hint
        with pytest.raises(OutcomeUnknown) as refused:
            await ours.send(there.dial(), Caller())
        assert "it was not sent again" in refused.value.message
        assert there.arrivals("start_outbound_call") == 0
        hours.ahead = 60  # more than the deadline and the time that Aircall's edge waits
        await ours.send(there.dial(), Caller())
        assert there.arrivals("start_outbound_call") == 1
        assert await outcomes(journal) == ["done", "over"]
        await ours.aclose()


async def test_a_look_may_find_out_later_that_it_was_done(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        faults = [Fault("half-close")] * 9
        there.proxy.plan = lambda: faults.pop() if faults else None
        with pytest.raises(OutcomeUnknown):
            await ours.send(there.dial(), Caller())
        faults.clear()
        with pytest.raises((OutcomeUnknown, Duplicate)):
            await ours.send(there.dial(), Caller())
        with pytest.raises(Duplicate):
            await ours.send(there.dial(), Caller())
        assert there.arrivals("start_outbound_call") == 1
        assert await outcomes(journal) == ["done"]
        await ours.aclose()


# Cut off


def cut_off() -> None:
    """What the end of a program that closed nothing does to the effects under way."""
    for task in asyncio.all_tasks():
        if getattr(task.get_coro(), "__qualname__", "") == "Effects._finished":
            task.cancel()


async def test_cut_off_while_it_is_out_it_is_unknown_and_never_failed(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        there.proxy.plan = lambda: Fault("silence")
        sent = asyncio.Event()
        there.proxy.passed = lambda way, _count: sent.set() if way == "up" else None
        dialling = asyncio.ensure_future(ours.send(there.dial(), Caller()))
        await sent.wait()
        cut_off()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert await outcomes(journal) == ["unknown"]
        await ours.aclose()


async def test_cut_off_before_its_answer_was_taken_in_it_is_unknown_and_never_failed(
    home: Path,
) -> None:
    async with upstream(requests_per_minute=30, rate_headers="always") as there:
        state = Stuck(InMemory(budgets.MIGRATIONS), after=1)  # its slot, but not what it learns
        journal = Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS))
        ours = gateway(there.proxy.base_url, journal=journal, budget=Budget(lambda: state))
        dialling = asyncio.ensure_future(ours.send(there.dial(), Caller()))
        await state.stuck.wait()
        cut_off()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert there.performed("start_outbound_call") == 1
        assert await outcomes(journal) == ["unknown"]
        state.after = 99
        await ours.aclose()


class Stuck:
    """A state that does not come back from a write, after so many that do."""

    def __init__(self, state: State, after: int) -> None:
        self._state = state
        self.after = after
        self.stuck = asyncio.Event()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self.after -= 1
        if self.after < 0:
            self.stuck.set()
            await asyncio.Event().wait()
        return await self._state.write(work)

    def close(self) -> None:
        self._state.close()


async def test_what_was_read_before_an_unknown_outcome_is_not_given_again(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        before = (await ours.send(bound("list_tags"), Caller())).body["tags"]
        there.proxy.plan = lambda: Fault("half-close")  # nobody hears of it, and no look either
        with pytest.raises(OutcomeUnknown):
            await ours.send(bound("create_tag", name="Upsell", color="#123456"), Caller())
        there.proxy.plan = lambda: None
        assert await outcomes(journal) == ["unknown"]
        after = (await ours.send(bound("list_tags"), Caller())).body["tags"]
        assert len(after) == len(before) + 1
        await ours.aclose()


async def test_what_may_still_come_is_not_sent_again_by_a_less_patient_asker(home: Path) -> None:
    async with upstream() as there:
        hours = Hours()
        ours, journal = journaled(there, home, hours)
        there.proxy.once(Fault("reset", after=False))
        with pytest.raises(OutcomeUnknown):
            await ours.send(there.dial(), Caller(deadline=80))
        # For 80 seconds and a margin of 5 it could leave here, and for 30 more come there.
        for hours.ahead in (20, 50, 114):
            with pytest.raises(OutcomeUnknown):
                await ours.send(there.dial(), Caller(deadline=1))
        assert there.arrivals("start_outbound_call") == 0
        hours.ahead = 115.5
        await ours.send(there.dial(), Caller(deadline=1))
        assert there.arrivals("start_outbound_call") == 1
        assert await outcomes(journal) == ["done", "over"]
        await ours.aclose()
