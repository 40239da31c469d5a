"""Starts, as a client lives through them: of the floor, of us, and of other servers.

    python benchmarks/starts.py [ROUNDS]

From the spawn to tools/list, to the answer of a first call; what that took of the processor and of
memory; and four clients that start at once. Turn by turn, so that what slows one slows all.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import peers
from measure import Json, Wire, machine
from run import PRODUCT, Bench, single_calls

AT_ONCE = 4
COLUMNS = ("tools/list", "first call", "processor", "memory", f"{AT_ONCE} at once")
UNITS = ("ms", "ms", "ms", "MB", "ms")
NAMED_BY_US = ("floor", "aircall-mcp", "aircall-mcp --no-instant")
NOTES = """\
Medians over the rounds, turn by turn, over stdio with raw JSON-RPC, from the spawn on: until the
answer to tools/list, until that of a first call, the processor time and the resident memory by
then, and how long the last of four waits that start at the same moment. The floor is a bare
low-level server of the SDK with the same tools. `fastmcp` and `@ivotoby/openapi-mcp-server` make
their tools of our API description by themselves, at each start. Our second start with the same
settings is what is measured: the first one waits for everything, as with `--no-instant`, and keeps
its answers.
"""

Start = Callable[[], Wire]


def begun(start: Start, call: Json | None) -> tuple[list[float], Wire]:
    """Seconds to tools/list and to the first call, processor seconds, and megabytes."""
    began = time.perf_counter()
    wire = start()
    wire.initialize()
    tools = wire.ask("tools/list", {})["tools"]
    listed = time.perf_counter() - began
    if call is None:  # a tool of the peer's own naming
        names = [tool["name"] for tool in tools if "get" in tool["name"].lower()]
        call = {"name": next(n for n in names if "company" in n.lower()), "arguments": {}}
    wire.ask("tools/call", call)
    called = time.perf_counter() - began
    return [listed * 1000, called * 1000, wire.cpu() * 1000, wire.memory()], wire


def at_once(start: Start) -> float:
    """Milliseconds until the last of several clients has its list."""

    def listed(_: int) -> float:
        began = time.perf_counter()
        wire = start()
        wire.initialize()
        wire.ask("tools/list", {})
        elapsed = time.perf_counter() - began
        wire.close()
        return elapsed * 1000

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return max(pool.map(listed, range(AT_ONCE)))


def contenders(bench: Bench, upstream: Json) -> dict[str, Start]:
    floor, _ = bench.sides(upstream)
    home = Path(bench.folder / "home-starts")
    environment = {**bench.environment, **bench.reaching(upstream), "AIRCALL_MCP_HOME": str(home)}
    ours = partial(Wire, [*PRODUCT, "serve"], environment)
    waiting = partial(Wire, [*PRODUCT, "serve", "--no-instant"], environment)
    found: dict[str, Start] = {
        "floor": floor,
        "aircall-mcp": ours,
        "aircall-mcp --no-instant": waiting,
    }
    for name, command in {"fastmcp": peers.fastmcp, "openapi-mcp-server": peers.node_peer}.items():
        try:
            found[name] = partial(Wire, command(upstream), bench.environment)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"without {name}: {error}", file=sys.stderr)
    # The first start keeps what the next ones answer at once.
    wire = ours()
    wire.initialize()
    wire.ask("tools/list", {})
    while not list(home.glob("instant/*.jsonl")):
        time.sleep(0.1)
    wire.close()
    return found


def table(rounds: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        with bench.upstream() as upstream:
            call = {"name": "aircall_get_call", "arguments": single_calls(upstream, 1)[0]}
            figures: dict[str, list[list[float]]] = {}
            every = contenders(bench, upstream)
            for number in range(rounds + 1):
                for name, start in every.items():
                    try:
                        found, wire = begun(start, call if name in NAMED_BY_US else None)
                    except RuntimeError as error:
                        print(f"without {name}: {error}", file=sys.stderr)
                        continue
                    wire.close()
                    if number:  # the first round only warms the caches of the disk
                        figures.setdefault(name, []).append([*found, at_once(start)])
    head = f"| start | {' | '.join(COLUMNS)} |\n|{' --- |' * (len(COLUMNS) + 1)}"
    return "\n".join([head, *(row(name, rounds) for name, rounds in figures.items())])


def row(name: str, rounds: list[list[float]]) -> str:
    """The medians of one contender."""
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    cells = [f"{median:,.0f} {unit}" for median, unit in zip(medians, UNITS, strict=True)]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    told = table(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
    print(told)
    when = f"{datetime.now(UTC):%Y-%m-%d}, {machine()}. `python benchmarks/starts.py`"
    (Path(__file__).parent / "starts.md").write_text(
        f"# Starts\n\n{when}\n\n{told}\n\n{NOTES}", "utf-8"
    )


if __name__ == "__main__":
    main()
