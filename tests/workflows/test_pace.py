"""How much of what bulk reading may use a long read does use, in a time of its own."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.gateway import ledger
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.sandbox.entities import Call
from aircall_mcp.storage.state import InMemory
from aircall_mcp.workflows.call_log import CallLog
from aircall_mcp.workflows.kit import Kit
from aircall_mcp.workflows.periods import Period
from aircall_mcp.workflows.scan_transcripts import ScanTranscripts

from ..harness import THURSDAY, gateway_to, sandbox_with
from .harness import deaf
from .test_call_log import filled

pytestmark = pytest.mark.anyio

BULK = 0.8
"""The part of the limit that bulk reading may use."""
WINDOW = 60.0


class Virtual:
    """A time that passes when everybody waits for it, and then as far as to the first of them."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._steps = 0
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    async def pass_by(self, seconds: float) -> None:
        awake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.now + seconds, next(self._order), awake))
        await awake

    def kit(self, sandbox: Sandbox, latency: float, registry: Registry, home: Path) -> Kit:
        """All that a workflow stands on, over an Aircall that is `latency` seconds away."""

        async def far(scope: Any, receive: Any, send: Any) -> None:
            self._steps += 1
            await self.pass_by(latency)
            await sandbox(scope, receive, send)
            self._steps += 1

        clock = Clock(lambda: self.now, lambda: self.now, self.pass_by)
        budget = Budget(lambda: InMemory(ledger.MIGRATIONS), clock=clock)
        gateway = gateway_to(far, budget=budget, clock=clock)
        return Kit(gateway, registry.ids, log=lambda: deaf(home), clock=clock)

    async def run(self, work: asyncio.Future[Any]) -> None:
        """Until `work` is done."""
        while not work.done():
            before = self._steps
            for _ in range(30):
                await asyncio.sleep(0)
            if self._steps != before:
                continue
            while self._waiting and self._waiting[0][2].done():
                heapq.heappop(self._waiting)
            if self._waiting:
                at, _, awake = heapq.heappop(self._waiting)
                self.now = max(self.now, at)
                awake.set_result(None)


@pytest.mark.parametrize(("limit", "latency"), [(60, 0.4), (60, 1.5)])
async def test_a_read_of_5000_calls_uses_what_the_bulk_lane_may(
    registry: Registry, tmp_path: Path, limit: int, latency: float
) -> None:
    virtual = Virtual(THURSDAY)
    sandbox = sandbox_with(clock=lambda: virtual.now, requests_per_minute=limit)
    begin = int(THURSDAY) - 6_000
    ids = filled(sandbox.world, 5_000, begin=begin)
    kit = virtual.kit(sandbox, latency, registry, tmp_path)
    period = Period(begin, begin + 5_000, "5,000 calls")
    reading = asyncio.ensure_future(CallLog(kit).read(period, Caller(watched=True)))
    await virtual.run(reading)
    calls = reading.result()
    took, pages = virtual.now - THURSDAY, len(sandbox.arrivals)
    allowed = int(limit * BULK)
    # A slot is held until a window after its answer: what nobody could do faster.
    least = (pages - 1) // allowed * (WINDOW + latency) + latency
    print(f"{limit} a minute, {latency} s there and back: {took:.1f} s, {least / took:.1%}")
    assert calls.complete
    assert {call["id"] for call in calls.items} >= set(ids)
    assert pages == -(-len(calls.items) // 50), "no page twice, and none for nothing"
    assert least / took >= 0.97
    await kit.gateway.aclose()


@pytest.mark.parametrize(("limit", "latency"), [(60, 1.5)])
async def test_a_scan_of_transcripts_uses_what_the_bulk_lane_may(
    registry: Registry, tmp_path: Path, request: pytest.FixtureRequest, limit: int, latency: float
) -> None:
    """Of 300 transcripts; of 5,000 with `--chaos=full`."""
    count = 5_000 if request.config.getoption("chaos") == "full" else 300
    virtual = Virtual(THURSDAY)
    sandbox = sandbox_with(clock=lambda: virtual.now, requests_per_minute=limit)
    begin = int(THURSDAY) - 40_000
    number, user = next(iter(sandbox.world.numbers)), next(iter(sandbox.world.users))
    sandbox.world.calls.clear()
    for at in range(begin, begin + 2 * count, 2):
        sandbox.world.add_call(
            Call(sandbox.world.next_id("call"), "inbound", number, user, "+33199001234", at, at + 5,
                 at + 60, recorded=True, talk=1)
        )  # fmt: skip
    kit = virtual.kit(sandbox, latency, registry, tmp_path)
    wish = {"phrases": ["nobody says this"], "period": "last 24 hours"}
    scan = ScanTranscripts(kit, CallLog(kit))
    reading = asyncio.ensure_future(scan.scan_transcripts(wish, Caller(watched=True)))
    await virtual.run(reading)
    told = reading.result()
    took, asked = virtual.now - THURSDAY, len(sandbox.arrivals)
    allowed = int(limit * BULK)
    least = (asked - 1) // allowed * (WINDOW + latency) + latency
    print(f"{asked} requests, {limit} a minute, {latency} s each: {took:.1f} s, {least / took:.1%}")
    assert told["data"]["transcripts_read"] == count
    assert told["page"]["complete"]
    assert least / took >= 0.97
    await kit.gateway.aclose()
