"""What a script costs beside the requests that it makes.

    python benchmarks/scripts.py [--check]

Twenty reads of fifty rows each, 1,000 rows in all, added up by one script, against the same twenty
reads made by the toolkit and added up here. Both go through the desk to the built-in sandbox; what
the script takes longer is the interpreter: its process, the program, and the rows handed over. With
`--check`: fail above the limit. Wall time, the median of the rounds: run it on a quiet machine.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from typing import Any

from aircall_mcp import Toolkit

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


async def by_tools(aircall: Toolkit) -> list[Any]:
    talked: dict[str, int] = {}
    calls = 0
    for number in range(READS):
        read = await aircall.execute("list_calls", {"max_items": 50, "skip": number % 3})
        for call in read["data"]["calls"]:
            calls += 1
            user: dict[str, Any] = call.get("user") or {}
            who = user.get("name", "nobody")
            talked[who] = talked.get(who, 0) + (call.get("duration") or 0)
    return [calls, talked]


async def by_script(aircall: Toolkit) -> list[Any]:
    answer = await aircall.execute("run_script", {"code": SCRIPT})
    return answer["data"]["result"]


async def measured() -> tuple[list[float], list[float], list[Any]]:
    with tempfile.TemporaryDirectory() as home:
        environment = {"AIRCALL_MCP_HOME": home}
        async with Toolkit.sandbox(environment=environment, requests_per_minute=100_000) as aircall:
            first, second = await by_script(aircall), await by_tools(aircall)
            assert first == second, (first, second)
            taken: dict[Any, list[float]] = {by_script: [], by_tools: []}
            for _ in range(ROUNDS):
                for way, times in taken.items():
                    begun = time.perf_counter()
                    await way(aircall)
                    times.append((time.perf_counter() - begun) * 1000)
    return taken[by_script], taken[by_tools], first


def main() -> int:
    script, tools, result = asyncio.run(measured())
    beside = statistics.median(one - other for one, other in zip(script, tools, strict=True))
    print(f"{READS} reads, {result[0]} rows")
    print(f"by a script {statistics.median(script):7.1f} ms (best {min(script):.1f})")
    print(f"by tools    {statistics.median(tools):7.1f} ms (best {min(tools):.1f})")
    print(
        f"beside      {beside:7.1f} ms (best {min(script) - min(tools):.1f}), limit {MOST_MS:.0f}"
    )
    return 1 if "--check" in sys.argv and beside > MOST_MS else 0


if __name__ == "__main__":
    sys.exit(main())
