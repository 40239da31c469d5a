"""What a script costs beside the requests that it makes.

    python benchmarks/scripts.py [--check]

Twenty reads of fifty rows each, 1,000 rows in all, added up by one script, against the same twenty
reads made through the desk and added up here. Both go to the built-in sandbox, without a limit of
requests; what the script takes longer is the interpreter: its process, the program, and the rows
handed over. With `--check`: fail above the limit. Wall time, the median of the rounds: run it on a
quiet machine; what the processor did beside the requests is told, too.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aircall_mcp import spec
from aircall_mcp.app import open_app
from aircall_mcp.desk import Desk
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.sandbox.edge import Keys
from gateway import sandbox_at

READS, ROUNDS, MOST_MS = 20, 15, 50.0
SCRIPT = f"""\
talked, calls = {{}}, 0
for number in range({READS}):
    read = await list_calls(max_items=50, skip=number % 3)
    for call in read["data"]["calls"]:
        calls += 1
        who = (call.get("user") or {{}}).get("name", "nobody")
        talked[who] = talked.get(who, 0) + (call.get("duration") or 0)
[calls, talked]
"""


async def called(desk: Desk, tool: str, **arguments: Any) -> Any:
    outcome = await desk.call(tool, arguments, Caller())
    assert not outcome.is_error, outcome.payload
    return outcome.payload["data"]


async def by_tools(desk: Desk) -> list[Any]:
    talked: dict[str, int] = {}
    calls = 0
    for number in range(READS):
        read = await called(desk, "aircall_list_calls", max_items=50, skip=number % 3)
        for call in read["calls"]:
            calls += 1
            user: dict[str, Any] = call.get("user") or {}
            who = user.get("name", "nobody")
            talked[who] = talked.get(who, 0) + (call.get("duration") or 0)
    return [calls, talked]


async def by_script(desk: Desk) -> list[Any]:
    return (await called(desk, "aircall_run_script", code=SCRIPT))["result"]


def children() -> float:
    """Milliseconds of the processor that ended processes took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


async def measured() -> tuple[list[float], list[float], float, list[Any]]:
    sandbox = Sandbox(spec.document(), requests_per_minute=None)
    keys = Keys()
    environment = {"AIRCALL_API_ID": keys.api_id, "AIRCALL_API_TOKEN": keys.api_token}
    with tempfile.TemporaryDirectory() as home:
        async with sandbox_at(sandbox) as base_url:
            flags = {"home": Path(home), "base_url": base_url, "requests_per_minute": 100_000}
            async with open_app(settings_from(flags, environment), environment) as app:
                first, second = await by_script(app.desk), await by_tools(app.desk)
                assert first == second, (first, second)
                taken: dict[Any, list[float]] = {by_script: [], by_tools: []}
                worked = dict.fromkeys(taken, 0.0)
                for _ in range(ROUNDS):
                    for way, times in taken.items():
                        begun, at_work = time.perf_counter(), time.process_time()
                        await way(app.desk)
                        times.append((time.perf_counter() - begun) * 1000)
                        worked[way] += (time.process_time() - at_work) * 1000
    work = (worked[by_script] - worked[by_tools]) / ROUNDS + children() / (ROUNDS + 2)
    return taken[by_script], taken[by_tools], work, first


def main() -> int:
    script, tools, work, result = asyncio.run(measured())
    beside = statistics.median(one - other for one, other in zip(script, tools, strict=True))
    print(f"{READS} reads, {result[0]} rows")
    print(f"by a script {statistics.median(script):7.1f} ms (best {min(script):.1f})")
    print(f"by tools    {statistics.median(tools):7.1f} ms (best {min(tools):.1f})")
    print(
        f"beside      {beside:7.1f} ms (best {min(script) - min(tools):.1f}), limit {MOST_MS:.0f}"
    )
    print(f"of which the processor works for {work:.1f} ms")
    return 1 if "--check" in sys.argv and beside > MOST_MS else 0


if __name__ == "__main__":
    sys.exit(main())
