"""Four processes, one budget: what arrives at the other end, by the sandbox's own record."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from ..upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROOT = Path(__file__).parent.parent.parent


async def reads(there: Upstream, home: Path, processes: int, **choices: Any) -> list[float]:
    """The arrivals of so many processes that read through one home."""

    async def process(number: int) -> int:
        given = {"base_url": there.proxy.base_url, "home": str(home), "number": number, **choices}
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.reader", json.dumps(given), cwd=ROOT
        )
        return await running.wait()

    ends = await asyncio.gather(*(process(number) for number in range(processes)))
    assert ends == [0] * processes
    return [arrival.time for arrival in there.sandbox.arrivals]


def most_in_any(window: float, times: list[float]) -> int:
    """The largest number of arrivals in any sliding window, ends included."""
    most = first = 0
    for last, moment in enumerate(times):
        while moment - times[first] > window:
            first += 1
        most = max(most, last - first + 1)
    return most


async def check(home: Path, *, calls: int, window: float, jumps: bool) -> None:
    """4 processes, limit 60. The sandbox's clock is monotonic, so that this machine's is."""
    offset = time.time() - time.monotonic()
    choices: dict[str, Any] = {"clock": lambda: offset + time.monotonic()}
    if jumps:  # every answer then tells of the limit, in moments of the wall clock
        choices |= {"requests_per_minute": 60, "window_seconds": window, "rate_headers": "always"}
    async with upstream(**choices) as there:
        times = await reads(there, home, 4, calls=calls, limit=60, window=window, jumps=jumps)
        throttled = sum(one.status == 429 for one in there.sandbox.arrivals)
    most = most_in_any(window, times)
    ideal = (len(times) - 1) // 60 * window
    taken = times[-1] - times[0]
    pace = window / fmean(late - early for early, late in zip(times, times[60:], strict=False))
    stall = max(late - early for early, late in pairwise(times))
    print(
        f"\n4 x {calls} calls, limit 60 in {window} s, jumps {jumps}: most {most},"
        f" {taken:.1f} s of {ideal:.1f} ideal = {ideal / taken:.1%}, pace {pace:.1%},"
        f" longest gap {stall:.1f} s"
    )
    assert len(times) == 4 * calls
    assert most <= 60
    assert throttled == 0
    # In a short run the last burst weighs too much: there only the pace of sixty is judged.
    assert (ideal / taken if ideal > 60 else pace) >= 0.9
    assert stall <= window + 1


@pytest.mark.timeout(1800)
async def test_four_processes_never_send_more_than_the_limit(home: Path, full: bool) -> None:
    if full:
        await check(home, calls=200, window=60.0, jumps=False)
    else:
        await check(home, calls=45, window=4.0, jumps=False)


@pytest.mark.timeout(900)
async def test_a_wall_clock_that_leaps_an_hour_changes_nothing(home: Path, full: bool) -> None:
    if full:
        await check(home, calls=200, window=5.0, jumps=True)
    else:
        await check(home, calls=45, window=4.0, jumps=True)
