"""What a call by the toolkit costs over the same call at the desk, both in the built-in sandbox;
and what importing the toolkit costs over Python and those modules of its own that it stands on.

`python benchmarks/toolkit.py [--check]`: with `--check` it fails where that is over 0.2 ms, or
60 ms. What is compared is called in turn, by its processor time: of the calls the medians, of the
imports the least, so that a busy machine spoils neither.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from aircall_mcp import Toolkit
from aircall_mcp.app import open_app
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from

ROUNDS = 600
MOST = 0.2
"""Milliseconds of a call."""

IMPORTS = 15
MOST_OF_AN_IMPORT = 60
"""Milliseconds."""
IMPORTED = {
    "Python": "pass",
    "its own modules": "import contextlib, copy, dataclasses, inspect, logging, traceback, typing",
    "the toolkit": "from aircall_mcp import Toolkit",
}

CALL = ("aircall_search", {"query": "list missed calls", "limit": 1})


async def main() -> int:
    with tempfile.TemporaryDirectory() as home:
        environment = {"AIRCALL_MCP_HOME": home}
        settings = settings_from({"sandbox": True}, environment)
        taken: dict[str, list[float]] = {"desk": [], "toolkit": []}
        async with (
            open_app(settings, environment) as app,
            Toolkit.sandbox(environment=environment) as aircall,
        ):
            caller = Caller(interface="toolkit")
            for _ in range(ROUNDS):
                began = time.process_time()
                await app.desk.call(*CALL, caller)
                between = time.process_time()
                await aircall.execute(*CALL)
                ended = time.process_time()
                taken["desk"].append(between - began)
                taken["toolkit"].append(ended - between)
    desk, toolkit = (statistics.median(taken[one]) * 1_000 for one in ("desk", "toolkit"))
    over = toolkit - desk
    print(f"desk.call {desk:.3f} ms, toolkit {toolkit:.3f} ms: {over:.3f} ms over (at most {MOST})")
    python, modules, all_of_it = imported()
    print(
        f"import: {all_of_it - modules:.0f} ms (at most {MOST_OF_AN_IMPORT}) over"
        f" {modules - python:.0f} ms of Python's own modules"
    )
    slow = over > MOST or all_of_it - modules > MOST_OF_AN_IMPORT
    return int("--check" in sys.argv and slow)


def imported() -> list[float]:
    """What each of `IMPORTED` takes of the processor, in milliseconds."""
    taken: dict[str, list[float]] = {code: [] for code in IMPORTED.values()}
    for _ in range(IMPORTS):
        for code, times in taken.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code], check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return [min(times) * 1_000 for times in taken.values()]


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
