"""Effects: done once, finished in the dark, settled by a look, and remembered."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.errors import (
    Duplicate,
    OutcomeUnknown,
    Refused,
    StoreError,
    Unreachable,
)
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway import ledger as budgets
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.journal import GUARD, Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.storage.state import InMemory, durable

from ..proxy import Fault
from ..upstream import bound, gateway, upstream
from .journaled import Counting, Hours, journaled, outcomes

pytestmark = pytest.mark.anyio


async def test_the_same_dial_again_is_refused_with_what_came_of_the_first(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        other, _ = journaled(there, home)  # another process
        await ours.send(there.dial(), Caller())
        for asking in (ours, other):
            with pytest.raises(Duplicate) as refused:
                await asking.send(there.dial(), Caller())
            assert "was done with exactly these arguments" in refused.value.message
        assert there.arrivals("start_outbound_call") == 1
        assert await outcomes(journal) == ["done"]
        with pytest.raises(Refused):  # another number is another call; the agent is busy
            await ours.send(there.dial("+33199005678"), Caller())
        await ours.aclose()
        await other.aclose()


async def test_the_same_dial_is_the_same_however_a_client_wrote_it(home: Path) -> None:
    """What was mended is what the journal knows, and what Aircall is sent."""
    async with upstream() as there:
        ours, journal = journaled(there, home)
        clean = there.dial().arguments
        as_text = {name: str(value) for name, value in clean.items()}
        as_numbers = {**clean, "to": int(clean["to"])}
        dials = [bound("start_outbound_call", **given) for given in (clean, as_text, as_numbers)]
        await ours.send(dials[2], Caller())
        for dial in dials:
            with pytest.raises(Duplicate):
                await ours.send(dial, Caller())
        assert there.arrivals("start_outbound_call") == 1
        assert there.sandbox.world.calls[-1].digits == clean["to"]
        assert await outcomes(journal) == ["done"]
        await ours.aclose()


async def test_the_guard_lifts_once_the_call_is_over_and_in_any_case_after_its_time(
    home: Path,
) -> None:
    async with upstream() as there:
        hours = Hours()
        ours, journal = journaled(there, home, hours)
        await ours.send(there.dial(), Caller())
        call = there.sandbox.world.calls[-1]
        agent = there.sandbox.world.users[call.user or 0]
        agent.wrap_up = 0
        call.ended = call.started
        await ours.send(there.dial(), Caller())
        assert there.arrivals("start_outbound_call") == 2
        there.sandbox.world.calls[-1].ended = call.started + 1_000
        with pytest.raises(Duplicate):
            await ours.send(there.dial(), Caller())
        hours.ahead = GUARD
        with pytest.raises(Refused):  # it is asked, and Aircall says that the agent is busy
            await ours.send(there.dial(), Caller())
        assert await outcomes(journal) == ["failed", "done", "over"]
        await ours.aclose()


async def test_cancelled_before_a_byte_it_is_not_sent(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        dialling = asyncio.ensure_future(ours.send(there.dial(), Caller()))
        await asyncio.sleep(0)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        await ours.drained()
        assert there.arrivals() == 0
        assert set(await outcomes(journal)) <= {"not_sent"}
        await ours.send(there.dial(), Caller())
        await ours.aclose()


async def test_cancelled_after_the_first_byte_it_is_finished_and_journaled(home: Path) -> None:
    async with upstream(latency=0.2) as there:
        ours, journal = journaled(there, home)
        sent = asyncio.Event()
        there.proxy.passed = lambda way, _count: sent.set() if way == "up" else None
        dialling = asyncio.ensure_future(ours.send(there.dial(), Caller()))
        await sent.wait()
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert await outcomes(journal) == ["sent"]
        await ours.drained()
        assert there.performed("start_outbound_call") == 1
        assert await outcomes(journal) == ["done"]
        await ours.aclose()


async def test_cancelled_while_it_waits_to_be_tried_again_it_is_not_sent_any_more(
    home: Path,
) -> None:
    async with upstream(requests_per_minute=1, window_seconds=2.0) as there:
        ours = gateway(there.proxy.base_url, home)
        await ours.send(bound("ping"), Caller())
        turned_away = asyncio.Event()
        there.proxy.passed = lambda way, _count: turned_away.set() if way == "down" else None
        dialling = asyncio.ensure_future(ours.send(there.dial(), Caller()))
        await turned_away.wait()
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        await ours.drained()
        assert [one.status for one in there.sandbox.arrivals] == [200, 429]
        await ours.aclose()


async def test_a_limit_that_cannot_be_noted_spoils_no_answer(home: Path) -> None:
    async with upstream(requests_per_minute=30, rate_headers="always") as there:
        counting = Counting(InMemory(budgets.MIGRATIONS), full_after=1)
        journal = Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS))
        ours = gateway(there.proxy.base_url, journal=journal, budget=Budget(lambda: counting))
        assert (await ours.send(there.dial(), Caller())).status == 204
        assert await outcomes(journal) == ["done"]
        await ours.aclose()


async def test_of_many_at_once_one_is_sent(home: Path) -> None:
    async with upstream(latency=0.05) as there:
        several = [journaled(there, home)[0] for _ in range(3)]
        results = await asyncio.gather(
            *(several[n % 3].send(there.dial(), Caller()) for n in range(12)),
            return_exceptions=True,
        )
        assert there.arrivals("start_outbound_call") == 1
        refused = [one for one in results if isinstance(one, OutcomeUnknown | Duplicate)]
        assert len(refused) == 11
        for one in several:
            await one.aclose()


async def test_an_effect_takes_three_commits_and_a_read_none() -> None:
    async with upstream() as there:
        counting = Counting(InMemory(journals.MIGRATIONS))
        ours = gateway(there.proxy.base_url, journal=Journal(lambda: counting))
        await ours.send(bound("ping"), Caller())
        assert counting.commits == 0
        await ours.send(there.dial(), Caller())
        assert counting.commits == 3
        await ours.aclose()


@pytest.mark.parametrize("full_after", [0, 1])
async def test_what_cannot_be_written_down_is_not_sent(full_after: int) -> None:
    async with upstream() as there:
        counting = Counting(InMemory(journals.MIGRATIONS), full_after)
        ours = gateway(there.proxy.base_url, journal=Journal(lambda: counting))
        with pytest.raises(StoreError):
            await ours.send(there.dial(), Caller())
        assert there.arrivals() == 0
        await ours.aclose()


async def test_an_outcome_that_cannot_be_written_down_is_still_told() -> None:
    async with upstream() as there:
        counting = Counting(InMemory(journals.MIGRATIONS), 2)
        ours = gateway(there.proxy.base_url, journal=Journal(lambda: counting))
        assert (await ours.send(there.dial(), Caller())).status == 204
        await ours.aclose()


async def test_lists_that_change_slowly_are_kept_until_we_write(home: Path) -> None:
    async with upstream() as there:
        ours, _ = journaled(there, home)
        tags = (await ours.send(bound("list_tags"), Caller())).body["tags"]
        for _ in range(2):
            assert (await ours.send(bound("list_tags"), Caller())).body["tags"] == tags
        assert there.arrivals("list_tags") == 1
        await ours.send(bound("list_tags", fresh=True), Caller())
        assert there.arrivals("list_tags") == 2
        await ours.send(bound("create_tag", name="Upsell", color="#123456"), Caller())
        again = (await ours.send(bound("list_tags"), Caller())).body["tags"]
        assert len(again) == len(tags) + 1
        for _ in range(2):
            await ours.send(bound("list_calls"), Caller())
        assert there.arrivals("list_calls") == 2
        await ours.aclose()


async def test_the_same_read_at_once_arrives_once(home: Path) -> None:
    async with upstream(latency=0.05) as there:
        ours, _ = journaled(there, home)
        await asyncio.gather(*(ours.send(bound("list_calls"), Caller()) for _ in range(30)))
        assert there.arrivals("list_calls") == 1
        await ours.aclose()


async def test_the_breaker_leaves_aircall_alone_but_not_a_look(home: Path) -> None:
    async with upstream() as there:
        ours, _ = journaled(there, home)
        there.proxy.plan = lambda: Fault("reset", after=False)
        for _ in range(2):
            with pytest.raises(Unreachable):
                await ours.send(bound("get_company"), Caller())
        left = there.proxy.connections
        with pytest.raises(Unreachable) as refused:
            await ours.send(bound("get_company"), Caller())
        assert "has not answered" in refused.value.message
        assert there.proxy.connections == left == 5
        await ours.aclose()


def test_caller_and_reply_are_plain_values() -> None:
    assert Caller() == Caller()
    answer: Any = Caller(deadline=1)
    assert answer != Caller()
