"""What a call by the toolkit costs over the same call at the desk, both in the built-in sandbox.

`python benchmarks/toolkit.py [--check]`: with `--check` it fails where that is over 0.2 ms. The two
are called in turn, and the medians of processor time are compared: a busy machine spoils neither.
"""

from __future__ import annotations

import asyncio
import statistics
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
    return int("--check" in sys.argv and over > MOST)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
