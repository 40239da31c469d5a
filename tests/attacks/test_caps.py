"""Several processes of one home that dial as much as they can, whatever the clock does: no hour and
no 24 hours have more calls than the policy's cap."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import pytest

from aircall_mcp import spec
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry
from aircall_mcp.safety.policy import Cap, Policy

from ..harness import Clock
from ..processes import Spoken, started
from .harness import FRIEND, ApprovalHarness

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(3000)]

ROOT = Path(__file__).resolve().parents[2]
CODE = "from tests.attacks.test_caps import dial; dial()"
HOUR, DAY = 5, 12
CAPPED = Policy(caps={"calls": Cap(hour=HOUR, day=DAY)})


def dial() -> None:
    """For each moment that it is told, calls three people at once; says how many were reached."""
    clock = Clock()
    harness = ApprovalHarness(
        Path(sys.argv[1]), Registry.of(spec.load()), clock, random.Random(), CAPPED,
        frozenset({"reach"}),
    )  # fmt: skip
    numbers = iter(range(10**6, 10**9))

    async def one() -> None:
        call = {"user_id": next(numbers), "number_id": 88012, "to": FRIEND}
        await harness.desk.call("aircall_start_outbound_call", call, Caller())

    async def three() -> None:
        await asyncio.gather(one(), one(), one())

    async def run() -> None:
        while line := await asyncio.to_thread(sys.stdin.readline):
            clock.now = float(line)
            before = harness.ledger.arrived["all"]
            await three()
            print(json.dumps(harness.ledger.arrived["all"] - before), flush=True)

    asyncio.run(run())


def moments(chance: random.Random, many: int) -> Iterator[float]:
    """Around midnight and both ends of summer time, mostly ahead and now and then back."""
    turns = ("2026-03-28T23:00:00+00:00", "2026-10-24T22:00:00+00:00", "2026-11-01T03:00:00+00:00")
    for turn in turns:
        now = datetime.fromisoformat(turn).timestamp()
        for _ in range(many):
            yield now
            now += chance.choice([1.0, 600.0, 1799.0, 1801.0, 3599.0, 3600.0, 7200.0, 43_200.0])
            now -= chance.choice([0.0, 0.0, 0.0, 60.0, 3600.0])


async def test_no_cap_is_exceeded(home: Path, full: bool) -> None:
    chance, done = random.Random(18), list[tuple[float, int]]()
    async with AsyncExitStack() as opened:
        racers = [
            Spoken(await opened.enter_async_context(
                started(str(home), code=CODE, PYTHONPATH=str(ROOT))
            )) for _ in range(4 if full else 2)
        ]  # fmt: skip
        for moment in moments(chance, 60 if full else 7):
            for racer in racers:
                await racer.send(str(moment))
            reached = [await racer.hear() for racer in racers]
            done.append((moment, sum(reached)))
    for end, _ in done:
        for period, most in ((3600, HOUR), (86_400, DAY)):
            assert sum(n for at, n in done if end - period < at <= end) <= most, end
    reached = sum(n for _, n in done)
    assert reached >= 2 * DAY  # and up to the cap they go through
    print(f"caps: {len(racers)} processes, {3 * len(racers) * len(done)} calls, {reached} reached")
