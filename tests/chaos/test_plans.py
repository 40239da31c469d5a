"""Plans whose process is killed at a commit: the same call goes on, and nothing is done twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.safety.plans import planned
from aircall_mcp.safety.safety import Safety

from ..foreign import foreign_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(1200)]

STEPS = [
    {"operation": "send_message",
     "arguments": {"number_id": number, "to": f"+3318488000{number}", "body": "We open at 9."}}
    for number in (1, 2, 3)
]  # fmt: skip
SHORT = ((13, "after"), (16, "after"))
"""Commits at which it dies: with an item on its way, and between two."""
LONG = ((commit, when) for commit in itertools.count(1) for when in ("before", "after"))
"""Every commit there is: the first process that lives had none of this number."""


async def process(home: Path, url: str, commit: int, when: str) -> Any:
    """What a process of its own says of the plan, None where it was killed."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.planner", str(home), url, str(commit), when,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await made.communicate(json.dumps(STEPS).encode())
    return json.loads(said) if made.returncode == 0 else None


async def approved(home: Path, registry: Registry) -> None:
    """A person's yes to exactly this plan."""
    steps = [registry.ids["send_message"].bind(step["arguments"]) for step in STEPS]
    identity = planned(registry.ids["plan"], steps).identity("tests")
    safety = Safety.of(home)
    waiting = await safety.approvals.ask(
        principal="owner", account="tests", operation="aircall_plan", identity=identity,
        preview="Three texts", grade=2,
    )  # fmt: skip
    assert await safety.approvals.answer(waiting.id, yes=True, grade=2, way="tests")
    safety.close()


async def test_a_plan_whose_process_is_killed_goes_on_and_doubles_nothing(
    registry: Registry, tmp_path: Path, full: bool
) -> None:
    stood: Counter[str] = Counter()
    for commit, when in LONG if full else SHORT:
        home = tmp_path / f"{commit}-{when}"
        home.mkdir(mode=0o700)
        await approved(home, registry)
        with foreign_server() as there:
            first = await process(home, there.url, commit, when)
            last = first or await process(home, there.url, 0, "after")
            data = last["data"]
            sent = Counter(there.unasked)
            assert not sent or max(sent.values()) == 1, (commit, when, sent)
            done = data["outcomes"].count("done")
            assert done <= len(sent) <= done + 1
            if data["standing"] == "finished":
                assert len(sent) == len(STEPS)
            else:  # it was on its way when its process died: nobody sends it again
                assert any(
                    one.startswith(("waiting", "begun", "unknown")) for one in data["outcomes"]
                )
        if first:
            break
        stood[data["standing"]] += 1
    print(f"plans: killed at {stood.total()} points, {dict(stood)}, nothing doubled")
    assert stood["finished"]
    assert stood["waits"]
