"""Ratios to a floor that is measured in the same run, turn by turn.

    python benchmarks/run.py [--quick]

prints a table and writes `benchmarks/results.md`. The upstream is the project's own sandbox in a
process of its own, on loopback. The floor is `floor.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
from measure import Json, Wire, machine, paired, percentile, sandbox, timed

HERE = Path(__file__).parent
PRODUCT = [sys.executable, "-m", "aircall_mcp"]
FLOOR = [sys.executable, str(HERE / "floor.py")]
BUDGET = "1000000"
"""Requests a minute: no limit may stand in the way of a figure."""
LATENCY_MS = 100
CROWD = 32
IN_FLIGHT = 16
ROUTES = {"aircall_get_call": "/v1/calls/{call_id}", "aircall_list_calls": "/v1/calls"}


@dataclass(frozen=True)
class Figure:
    """One line of the table. `ratio` is to the floor; `limit` bounds it, or `ours` where alone."""

    name: str
    unit: str
    ours: float
    floor: float | None = None
    ratio: float | None = None
    limit: float | None = None

    def row(self) -> tuple[str, ...]:
        measured = self.ours if self.ratio is None else self.ratio
        verdict = "" if self.limit is None else ("met" if measured <= self.limit else "missed")
        aim = "" if self.limit is None else f"≤ {self.limit:g}"
        return (
            self.name,
            "" if self.floor is None else f"{self.floor:,.2f} {self.unit}",
            f"{self.ours:,.2f} {self.unit}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
            f"{aim} {self.unit if aim and self.ratio is None else ''}".strip(),
            verdict,
        )


@dataclass
class Pair:
    """The same measurement of both sides, round by round."""

    floor: list[float] = field(default_factory=list[float])
    ours: list[float] = field(default_factory=list[float])

    def figure(
        self, name: str, unit: str, limit: float | None = None, *, scale: float = 1.0
    ) -> Figure:
        ours, floor = statistics.median(self.ours), statistics.median(self.floor)
        ratio = paired(self.ours, self.floor)
        return Figure(name, unit, ours * scale, floor * scale, ratio, limit)


class Bench:
    """Both sides with the same tools and the same upstream."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Bytecode is kept, as in an installation; settings of the person who runs this are not.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRCALL_", "PYTHONDONT"))}
        self.environment = {**kept, "AIRCALL_MCP_HOME": str(folder / "home")}
        self.homes = count()
        listed = subprocess.check_output([*PRODUCT, "tools", "--json"], env=self.environment)
        self._tools: list[Json] = json.loads(listed)["tools"]

    def upstream(self, *flags: str) -> Any:
        command = [*PRODUCT, "sandbox", "--requests-per-minute", BUDGET, *flags]
        return sandbox(command, self.environment)

    def sides(self, upstream: Json) -> tuple[Callable[[], Wire], Callable[[], Wire]]:
        """How to start the floor and the product against `upstream`, which it meets anew."""
        port = upstream["base_url"].rpartition(":")[2]
        plan = self.folder / f"plan-{port}.json"
        plan.write_text(json.dumps({**upstream, "tools": self._tools, "routes": ROUTES}), "utf-8")
        ours = {
            **self.environment,
            "AIRCALL_MCP_HOME": str(self.folder / f"home-{next(self.homes)}"),
            **self.reaching(upstream),
        }
        return (
            partial(Wire, [*FLOOR, str(plan)], self.environment),
            partial(Wire, [*PRODUCT, "serve"], ours),
        )

    @staticmethod
    def reaching(upstream: Json) -> dict[str, str]:
        """The settings that lead to `upstream`."""
        return {
            "AIRCALL_MCP_BASE_URL": upstream["base_url"],
            "AIRCALL_API_ID": upstream["api_id"],
            "AIRCALL_API_TOKEN": upstream["api_token"],
            "AIRCALL_MCP_REQUESTS_PER_MINUTE": "100000",
        }

    @contextmanager
    def running(self, upstream: Json) -> Generator[list[Wire]]:
        """The floor and the product, ready, with their connections open."""
        warm = [{"name": "aircall_get_call", "arguments": a} for a in single_calls(upstream, 50)]
        with ExitStack() as stack:
            wires = [start() for start in self.sides(upstream)]
            for wire in wires:
                stack.callback(wire.close)
                wire.initialize()
                wire.ask_all("tools/call", warm, in_flight=CROWD)
            yield wires


def starting(bench: Bench, upstream: Json, rounds: int) -> Iterator[Figure]:
    """Spawn → initialize → tools/list, and what the process then weighs."""
    seconds, megabytes = Pair(), Pair()
    sides = bench.sides(upstream)
    for number in range(rounds + 1):
        for start, times, weights in zip(
            sides,
            (seconds.floor, seconds.ours),
            (megabytes.floor, megabytes.ours),
            strict=True,
        ):
            wires: list[Wire] = []

            def listed(start: Callable[[], Wire] = start, wires: list[Wire] = wires) -> None:
                wires.append(start())
                wires[0].initialize()
                wires[0].ask("tools/list", {})

            elapsed = timed(listed)
            if number:  # the first round only warms the caches of the disk
                times.append(elapsed)
                weights.append(wires[0].memory())
            wires[0].close()
    yield seconds.figure("cold start to tools/list", "ms", 1.15, scale=1000)
    yield megabytes.figure("memory after tools/list", "MB", 1.2)


def calling(
    bench: Bench, upstream: Json, name: str, every: Sequence[Json], rounds: int
) -> Iterator[Figure]:
    """One after the other, then pipelined, with the processor time of both."""
    requests = [{"name": name, "arguments": arguments} for arguments in every]
    p50, p99, rate, cpu = Pair(), Pair(), Pair(), Pair()
    for _ in range(rounds):
        # Anew each round: a budget that had to remember thousands of requests would be none.
        with bench.running(upstream) as wires:
            for side, wire in zip(("floor", "ours"), wires, strict=True):
                before = wire.cpu()
                times = [timed(partial(wire.ask, "tools/call", params)) for params in requests]
                elapsed = wire.ask_all("tools/call", requests, in_flight=IN_FLIGHT)
                getattr(cpu, side).append((wire.cpu() - before) / (2 * len(requests)))
                getattr(p50, side).append(percentile(times, 0.5))
                getattr(p99, side).append(percentile(times, 0.99))
                getattr(rate, side).append(len(requests) / elapsed)
    yield p50.figure(f"{name}: p50", "ms", scale=1000)
    yield p99.figure(f"{name}: p99", "ms", scale=1000)
    yield rate.figure(f"{name}: throughput, {IN_FLIGHT} in flight", "calls/s")
    yield cpu.figure(f"{name}: processor time of a call", "ms", 1.25, scale=1000)


def crowding(bench: Bench, upstream: Json, rounds: int) -> Iterator[Figure]:
    """`CROWD` calls at once, while each answer of the upstream takes `LATENCY_MS`."""
    calls = single_calls(upstream, CROWD)
    requests = [{"name": "aircall_get_call", "arguments": arguments} for arguments in calls]
    seconds = Pair()
    with bench.running(upstream) as wires:
        for _ in range(rounds):
            for side, wire in zip((seconds.floor, seconds.ours), wires, strict=True):
                side.append(wire.ask_all("tools/call", requests, in_flight=CROWD))
    yield seconds.figure(f"{CROWD} calls at once, upstream {LATENCY_MS} ms", "ms", 1.1, scale=1000)


def single_calls(upstream: Json, count: int) -> list[Json]:
    """Arguments that ask for one phone call, another each time: no cache may answer."""
    keys = (upstream["api_id"], upstream["api_token"])
    found: list[int] = []
    while len(found) < count:
        page = {"per_page": 50, "page": len(found) // 50 + 1}
        answer = httpx2.get(
            f"{upstream['base_url']}/v1/calls", params=page, auth=keys, trust_env=False
        )
        found += [call["id"] for call in answer.raise_for_status().json()["calls"]]
    return [{"call_id": call_id} for call_id in found[:count]]


def pages_of_calls(count: int) -> list[Json]:
    """Arguments that ask for the 50 newest phone calls, in as many ways as there are to say so."""
    return [{"per_page": 50, "order": "desc", "from": 1_600_000_000 + n} for n in range(count)]


LOADING = """
import json, time
from aircall_mcp import spec
from aircall_mcp.offer import Offer, Registry, Selection
started = time.process_time()
offer = Offer(Registry.of(spec.load()), Selection())
registry = offer.registry
loaded = time.process_time()
from aircall_mcp.search import Index
began = time.process_time()
index = Index(registry.known)
indexed = time.process_time()
queries = [words for operation in registry.known for words in operation.utterances]
for query in queries:
    index.rank(query)
ranked = time.process_time()
print(json.dumps([loaded - started, indexed - began, (ranked - indexed) / len(queries)]))
"""


def alone(bench: Bench, rounds: int) -> Iterator[Figure]:
    """What has no floor: each round is a fresh process."""
    command = [sys.executable, "-c", LOADING]
    measured: list[Sequence[float]] = [
        json.loads(subprocess.check_output(command, env=bench.environment)) for _ in range(rounds)
    ]
    load, index, rank = (statistics.median(column) * 1000 for column in zip(*measured, strict=True))
    yield Figure("registry load, processor time", "ms", load, limit=30)
    yield Figure("search index, made at the first search", "ms", index)
    yield Figure("search of one sentence, warm", "ms", rank)


def figures(rounds: int, calls: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        with bench.upstream() as upstream:
            yield from starting(bench, upstream, rounds)
            single = single_calls(upstream, calls)
            yield from calling(bench, upstream, "aircall_get_call", single, rounds)
            several = pages_of_calls(calls // 2)
            yield from calling(bench, upstream, "aircall_list_calls", several, rounds)
        with bench.upstream("--latency-ms", str(LATENCY_MS)) as upstream:
            yield from crowding(bench, upstream, rounds)
        yield from alone(bench, rounds)


HEAD = ("figure", "floor", "aircall-mcp", "ratio", "aim", "")
WIDTHS = (54, 16, 16, 6, 9, 6)
NOTES = """\
The floor (`floor.py`) is a bare low-level MCP server with the same tools and one shared HTTP client
that passes the upstream's text through. Both are measured in the same run, turn by turn, over stdio
with raw JSON-RPC; a ratio is the median over the rounds. The upstream is the project's own sandbox
in a process of its own, on loopback, which the two cores of a small machine feel: times of calls
hold its work too, processor times do not.

What the processor time of a call holds beyond the floor: the arguments are held against the
schema, a slot of the company's request budget is taken in a file that all processes share, the
answer is shaped, searched for known secrets, and written as text and as `structuredContent`. The
exchange over HTTP costs both the same. A page of 50 calls cannot come near the floor, which never
looks into its 90 KB: a model is given a third of them.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Ratios to a floor measured in the same run.")
    parser.add_argument("--quick", action="store_true", help="few rounds, nothing written")
    quick = parser.parse_args().quick
    rows: list[tuple[str, ...]] = []
    print(aligned(HEAD))
    for figure in figures(rounds=3 if quick else 9, calls=50 if quick else 100):
        rows.append(figure.row())
        print(aligned(rows[-1]), flush=True)
    if not quick:
        (HERE / "results.md").write_text(page(rows), "utf-8")


def aligned(row: Sequence[str]) -> str:
    return " ".join(f"{cell:<{width}}" for cell, width in zip(row, WIDTHS, strict=True)).rstrip()


def page(rows: Sequence[Sequence[str]]) -> str:
    table = "\n".join(f"| {' | '.join(row)} |" for row in (HEAD, ("---",) * len(HEAD), *rows))
    when = f"{datetime.now(UTC):%Y-%m-%d}, {machine()}. `python benchmarks/run.py`"
    return f"# Results\n\n{when}\n\n{table}\n\n{NOTES}"


if __name__ == "__main__":
    main()
