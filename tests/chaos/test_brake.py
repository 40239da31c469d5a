"""The brake pulled while four processes are at it: what arrives after, what is known of each."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.app import open_journal
from aircall_mcp.safety import Brake

from ..upstream import upstream
from ..waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROOT = Path(__file__).parent.parent.parent
PROCESSES = 4


async def stop_by_command() -> dict[str, Any]:
    """What `aircall-mcp stop --json` says."""
    stopping = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aircall_mcp", "stop", "--json",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, complaints = await stopping.communicate()
    assert stopping.returncode == 0, complaints.decode()
    return json.loads(said)


async def outcomes(home: Path) -> Counter[str]:
    with open_journal(home) as journal:
        assert journal
        return Counter(one.outcome for one in await journal.since(0))


async def check(
    home: Path, *, effects: int, limit: int, window: float, begun: int, by_command: bool
) -> None:
    """So many effects are under way when it is pulled, of which `begun` have arrived: some are
    out, and the others wait for their slots."""
    offset = time.time() - time.monotonic()
    async with AsyncExitStack() as opened:
        # Two tenths of a second for each answer: some are always out.
        there = await opened.enter_async_context(
            upstream(latency=0.2, clock=lambda: offset + time.monotonic())
        )
        running: list[asyncio.subprocess.Process] = []
        for number in range(PROCESSES):
            given = {
                "base_url": there.proxy.base_url, "home": str(home), "number": number,
                "effects": effects // PROCESSES, "limit": limit, "window": window,
            }  # fmt: skip
            running.append(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tests.chaos.braked", json.dumps(given), cwd=ROOT,
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                )
            )  # fmt: skip
        for process in running:
            assert process.stdout
            assert await process.stdout.readline() == b"ready\n"
        for process in running:
            assert process.stdin
            process.stdin.write(b"go\n")
        await until(lambda: there.arrivals("create_tag") >= begun)
        if not by_command:
            Brake(home).pull()
        said = await stop_by_command()
        arrived = there.arrivals("create_tag")
        heard: Counter[str] = Counter()
        for process in running:
            out, _ = await process.communicate()
            heard.update(json.loads(out))
            assert process.returncode == 0
        times = [one.time for one in there.sandbox.arrivals if one.operation == "create_tag"]
        performed = there.performed("create_tag")
    pulled = Brake(home).path.stat().st_mtime
    late = max(times) - pulled
    print(f"\n{effects} under way: {dict(heard)}; the last began {late:+.3f} s after it was pulled")
    assert late <= 1.0
    assert sum(heard.values()) == effects
    # Nothing began after the command had said what is out: nothing was.
    assert (said["still_out"], len(times)) == ([], arrived)
    assert heard["done"] == performed == len(times)
    assert heard["done"] >= begun
    assert heard.keys() <= {"done", "not_allowed"}
    # The journal tells each: the command those that had begun, and later all of them.
    known = Counter(one["outcome"] for one in said["last_hour"])
    assert known["done"] == heard["done"]
    assert known.keys() <= {"done", "not_sent"}
    assert {one["client"] for one in said["last_hour"]} <= {f"chaos {n}" for n in range(PROCESSES)}
    assert await outcomes(home) == Counter(done=heard["done"], not_sent=heard["not_allowed"])


@pytest.mark.timeout(1800)
async def test_no_effect_begins_once_it_is_pulled_and_none_is_lost_track_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    chance = random.Random(7)
    slow = {"limit": 30, "window": 3.0}
    forms: list[dict[str, Any]] = [{"effects": 32, "limit": 8, "window": 1.0, "begun": 10}]
    if full:
        forms = [{"effects": 200, "begun": 45, **slow, "by_command": True}]
        # At any moment between the first and the last, be the limit wide or narrow.
        forms += [{"effects": 200, "limit": 1000, "window": 60.0, "begun": chance.randint(1, 150)}
                  for _ in range(12)]  # fmt: skip
        forms += [{"effects": 200, "begun": chance.randint(1, 90), **slow} for _ in range(8)]
    for turn, form in enumerate(forms):
        home = tmp_path / str(turn)
        monkeypatch.setenv("AIRCALL_MCP_HOME", str(home))
        await check(home, **{"by_command": False, **form})
