from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from aircall_mcp.errors import ToolError
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.times import iso
from aircall_mcp.sandbox import World
from aircall_mcp.sandbox.entities import Call
from aircall_mcp.workflows.call_log import CallLog, Calls
from aircall_mcp.workflows.kit import Kit
from aircall_mcp.workflows.periods import Period, period_of

from ..harness import Clock, answering, gateway_to
from .harness import WorkflowHarness

pytestmark = pytest.mark.anyio


def many(harness: WorkflowHarness, count: int, *, begin: int, apart: int = 1) -> list[int]:
    """So many more calls, each `apart` seconds behind the last."""
    return filled(harness.world, count, begin=begin, apart=apart)


def filled(world: World, count: int, *, begin: int, apart: int = 1) -> list[int]:
    number = next(iter(world.numbers))
    kept = [*world.calls]
    world.calls.clear()
    ids: list[int] = []
    for n in range(count):
        at = begin + n * apart
        ids.append(world.next_id("call"))
        kept.append(Call(ids[-1], "inbound", number, None, "+33199001234", at, None, at + 20,
                         missed="agents_did_not_answer"))  # fmt: skip
    for call in sorted(kept, key=lambda call: call.started):
        world.add_call(call)
    return ids


def ids_of(calls: Calls) -> list[int]:
    return [call["id"] for call in calls.items]


def expected(harness: WorkflowHarness, period: Period) -> list[int]:
    return sorted(call.id for call in harness.world.calls
                  if period.begin <= call.started < period.end)  # fmt: skip


async def test_a_period_is_read_to_its_ends_and_not_beyond(
    harness: WorkflowHarness, clock: Clock
) -> None:
    log = CallLog(harness.kit)
    begin = int(clock.now) - 5000
    ids = many(harness, 120, begin=begin)
    period = Period(begin + 1, begin + 119, "some")
    calls = await log.read(period, Caller())
    assert calls.complete
    assert sorted(ids_of(calls)) == ids[1:119]
    assert ids_of(calls) == sorted(ids_of(calls))
    assert calls.page(118) == {"complete": True, "returned": 118}


@pytest.mark.parametrize("apart", [1, pytest.param(0, marks=pytest.mark.once)])
async def test_behind_the_cap_the_period_is_split_and_nothing_is_lost_or_doubled(
    harness: WorkflowHarness, clock: Clock, apart: int
) -> None:
    begin = int(clock.now) - 40_000
    many(harness, 12_030 if apart else 10_100, begin=begin, apart=apart)
    period = Period(begin, begin + 13_000, "a lot")
    calls = await CallLog(harness.kit).read(period, replace(Caller(), watched=True))
    if apart:
        assert calls.complete
        assert sorted(ids_of(calls)) == expected(harness, period)
        assert len(set(ids_of(calls))) == len(calls.items)
    else:  # all in one second: Aircall gives no more of them
        assert not calls.complete
        assert len(calls.items) == 10_000
        assert "one second" in calls.page(0)["why"]


async def test_what_fails_is_told_by_its_times_and_gone_on_with(
    harness: WorkflowHarness, clock: Clock
) -> None:
    begin = int(clock.now) - 5_000
    many(harness, 500, begin=begin)
    period = Period(begin, begin + 500, "failing")
    broken = True

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if broken and b"page=4&" in scope["query_string"] + b"&":
            answer, _ = answering(404, {"error": "Not Found", "troubleshoot": "gone"})
            await answer(scope, receive, send)
        else:
            await harness.sandbox(scope, receive, send)

    gateway = gateway_to(app)
    log = CallLog(Kit(gateway, harness.kit.operations, log=harness.kit.log, clock=clock.handed()))
    calls = await log.read(period, Caller())
    assert not calls.complete
    gap = calls.gaps[0]
    assert gap.count is not None
    assert gap.count >= 50
    everything = set(expected(harness, period))
    missing = {call.id for call in harness.world.calls if gap.begin <= call.started <= gap.end}
    assert everything - set(ids_of(calls)) <= missing
    assert iso(gap.begin) in calls.page(0)["why"]
    broken, asked = False, len(harness.sandbox.arrivals)
    again = await log.read(period, Caller())
    assert again.complete
    assert set(ids_of(again)) == everything
    assert len(harness.sandbox.arrivals) - asked <= 10 - 3
    await gateway.aclose()


async def test_where_nothing_can_be_read_it_raises(harness: WorkflowHarness, clock: Clock) -> None:
    app, asked = answering(403, {"message": "Forbidden"})
    gateway = gateway_to(app)
    log = CallLog(Kit(gateway, harness.kit.operations, log=harness.kit.log, clock=clock.handed()))
    with pytest.raises(ToolError):
        await log.read(period_of("today", clock.now), Caller())
    assert asked
    await gateway.aclose()


async def test_whoever_does_not_watch_is_answered_in_time_and_goes_on(
    harness: WorkflowHarness, clock: Clock
) -> None:
    begin = int(clock.now) - 5_000
    many(harness, 1_000, begin=begin)
    period = Period(begin, begin + 1_000, "slow")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.pass_by(3)
        await harness.sandbox(scope, receive, send)

    gateway = gateway_to(app)
    log = CallLog(Kit(gateway, harness.kit.operations, log=harness.kit.log, clock=clock.handed()))
    rounds = 0
    while not (calls := await log.read(period, Caller())).complete:
        rounds += 1
        assert "time was up" in calls.page(0)["why"]
        assert "goes on" in calls.page(0)["why"]
    assert 1 <= rounds <= 3
    assert sorted(ids_of(calls)) == expected(harness, period)
    await gateway.aclose()


async def test_a_long_read_tells_how_far_it_is_and_can_be_cancelled(
    harness: WorkflowHarness, clock: Clock
) -> None:
    begin = int(clock.now) - 5_000
    many(harness, 1_000, begin=begin)
    told: list[float] = []
    log = CallLog(harness.kit)

    async def progress(done: float, total: float | None, _what: str) -> None:
        told.append(done)
        assert total == 1_000
        if len(told) == 5:
            reading.cancel()

    caller = Caller(progress=progress, watched=True)
    period = Period(begin, begin + 1_000, "long")
    reading = asyncio.ensure_future(log.read(period, caller))
    with pytest.raises(asyncio.CancelledError):
        await reading
    sent = len(harness.sandbox.arrivals)
    calls = await log.read(period, Caller())
    assert calls.complete
    assert sorted(ids_of(calls)) == expected(harness, period)
    assert len(harness.sandbox.arrivals) - sent <= 16, "what had been read was not read again"


async def test_a_list_that_changes_meanwhile_is_not_called_complete(
    harness: WorkflowHarness, clock: Clock
) -> None:
    begin = int(clock.now) - 5_000
    ids = many(harness, 300, begin=begin)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if b"page=3&" in scope["query_string"] + b"&":
            gone = harness.world.calls.index(next(c for c in harness.world.calls if c.id == ids[5]))
            del harness.world.calls[gone]
        await harness.sandbox(scope, receive, send)

    gateway = gateway_to(app)
    log = CallLog(Kit(gateway, harness.kit.operations, log=harness.kit.log, clock=clock.handed()))
    calls = await log.read(Period(begin, begin + 300, "changing"), Caller())
    assert not calls.complete
    assert "changed" in calls.page(0)["why"]
    await gateway.aclose()


async def test_half_a_year_is_all_there_is(harness: WorkflowHarness, clock: Clock) -> None:
    calls = await CallLog(harness.kit).read(period_of("2026-01", clock.now), Caller())
    assert not calls.complete
    assert "180 days" in calls.page(0)["why"]
