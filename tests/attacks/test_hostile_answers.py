"""The worst answers that fit into 5 MB, and somebody who pings all the while.

The bodies, the upstream in a process of its own and the client are those of `benchmarks/loop.py`,
which measures; here each is held to the promise.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

loop: Any = import_module("loop")
"""The benchmark, which is in no package."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

SHORT = "a thousand lists, 1 MB"
ENDS = frozenset({"answered", "cut", "refused", "argument", "unreachable"})
"""How a call may end: none of them is a bug."""
LONGEST = 1000.0
"""Milliseconds that a ping may wait where others are at work; `benchmarks/loop.md` says how long
it waits on one that has nothing else to do: 43."""


@pytest.fixture
def server(home: Path, full: bool) -> Iterator[Any]:
    command = [sys.executable, loop.__file__, "--upstream", "--only", "" if full else SHORT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as aircall:
        assert aircall.stdout
        made = loop.Beside({
            **os.environ, "AIRCALL_MCP_HOME": str(home),
            "AIRCALL_MCP_BASE_URL": f"http://127.0.0.1:{int(aircall.stdout.readline())}",
            "AIRCALL_API_ID": "a" * 32, "AIRCALL_API_TOKEN": "b" * 32,
            "AIRCALL_MCP_REQUESTS_PER_MINUTE": "100000",
        })  # fmt: skip
        try:
            yield made
        finally:
            made.close()
            aircall.terminate()


def test_no_ping_waits_for_the_worst_answer(server: Any, full: bool) -> None:
    longest: dict[str, float] = {}
    for name, measured in loop.lines(server):
        if full or name == SHORT:
            rounds = [measured() for _ in range(loop.ROUNDS if full else 1) if loop.closed(server)]
            assert rounds, name
            assert {one.ended for one in rounds} <= ENDS, name
            longest[name] = min(max(one.pings) for one in rounds)
    assert len(longest) >= (50 if full else 1)
    assert {name: ms for name, ms in longest.items() if ms > LONGEST} == {}
    print(
        f"hostile answers: {len(longest)} bodies, the longest ping {max(longest.values()):.0f} ms"
    )
