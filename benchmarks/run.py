"""Everything that is measured of speed, in one run: the floor, we, and two other servers.

    python benchmarks/run.py [--quick]

prints the tables and writes `benchmarks/results.md`, in 15 minutes on two cores. Everybody is
measured in the same run, turn by turn, against the project's own sandbox in a process of its own.
"""

from __future__ import annotations

import argparse
import json
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

import httpx2
import lists_over_http
import starts
from contenders import US, Bench, Contender
from measure import Json, Wire, machine, paired, percentile, timed

HERE = Path(__file__).parent
LATENCY_MS = 100
CROWD = 32
IN_FLIGHT = 16
OTHERS = ("fastmcp", "openapi-mcp-server")
HEAD = ("figure", "floor", US, "ratio", "aim", "", *OTHERS)
WIDTHS = (48, 15, 15, 6, 8, 6, 15, 18)


@dataclass
class Figure:
    """One line of the table: a value of each round of each contender. `limit` bounds the ratio to
    the floor."""

    name: str
    unit: str
    limit: float | None = None
    scale: float = 1.0
    rounds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def take(self, contender: str, value: float) -> None:
        self.rounds.setdefault(contender, []).append(value * self.scale)

    def row(self) -> tuple[str, ...]:
        ratio = paired(self.rounds[US], self.rounds["floor"])
        verdict = "" if self.limit is None else ("met" if ratio <= self.limit else "missed")
        aim = "" if self.limit is None else f"≤ {self.limit:g}"
        others = [self._shown(name) for name in OTHERS]
        return (
            self.name, self._shown("floor"), self._shown(US), f"{ratio:.2f}", aim, verdict, *others
        )  # fmt: skip

    def _shown(self, name: str) -> str:
        told = self.rounds.get(name)
        return f"{statistics.median(told):,.2f} {self.unit}" if told else ""


@contextmanager
def running(contenders: Sequence[Contender], warm: Sequence[Json]) -> Generator[list[Wire]]:
    """All of them, ready, with their connections open."""
    with ExitStack() as stack:
        wires: list[Wire] = []
        for one in contenders:
            wires.append(one.start())
            stack.callback(wires[-1].close)
            wires[-1].initialize()
            warming = [one.call("read", arguments) for arguments in warm]
            wires[-1].ask_all("tools/call", warming, in_flight=CROWD)
        yield wires


Asked = Callable[[int], list[Json]]
"""So many arguments, other ones each time: no cache may answer, and nothing is done twice."""


def calling(
    bench: Bench,
    upstream: Json,
    others: Sequence[Contender],
    what: tuple[str, str, Asked, float],
    rounds: int,
    calls: int,
) -> list[Figure]:
    """One after the other, then pipelined, with the processor time of both."""
    title, kind, asked, limit = what
    p50, p99 = Figure(f"{title}: p50", "ms", scale=1000), Figure(f"{title}: p99", "ms", 2, 1000)
    cpu = Figure(f"{title}: processor time", "ms", limit, 1000)
    warm = single_calls(upstream, CROWD)
    for _ in range(rounds):
        # Anew each round: a budget that had to remember thousands of requests would be none.
        contenders = [bench.floor(upstream), bench.at_work(upstream), *others]
        with running(contenders, warm) as wires:
            for one, wire in zip(contenders, wires, strict=True):
                try:
                    requests = [one.call(kind, arguments) for arguments in asked(calls)]
                    before = wire.cpu()
                    times = [timed(partial(wire.ask, "tools/call", it)) for it in requests]
                    again = [one.call(kind, arguments) for arguments in asked(calls)]
                    wire.ask_all("tools/call", again, in_flight=IN_FLIGHT)
                    cpu.take(one.name, (wire.cpu() - before) / (2 * calls))
                except RuntimeError as error:
                    if one not in others:
                        raise
                    print(f"{title} without {one.name}: {error}"[:300], file=sys.stderr)
                    continue
                p50.take(one.name, percentile(times, 0.5))
                p99.take(one.name, percentile(times, 0.99))
    return [cpu, p50, p99]


def crowding(bench: Bench, upstream: Json, others: Sequence[Contender], rounds: int) -> Figure:
    """`CROWD` calls at once, while each answer of the upstream takes `LATENCY_MS`."""
    calls = single_calls(upstream, CROWD)
    figure = Figure(f"{CROWD} calls at once, upstream {LATENCY_MS} ms", "ms", 1.1, 1000)
    contenders = [bench.floor(upstream), bench.at_work(upstream), *others]
    with running(contenders, calls) as wires:
        for _ in range(rounds):
            for one, wire in zip(contenders, wires, strict=True):
                requests = [one.call("read", arguments) for arguments in calls]
                figure.take(one.name, wire.ask_all("tools/call", requests, in_flight=CROWD))
    return figure


def single_calls(upstream: Json, count: int) -> list[Json]:
    """Arguments that ask for one phone call, another each time."""
    keys = (upstream["api_id"], upstream["api_token"])
    found: list[int] = []
    while len(found) < count:
        page = {"per_page": 50, "page": len(found) // 50 + 1}
        answer = httpx2.get(
            f"{upstream['base_url']}/v1/calls", params=page, auth=keys, trust_env=False
        )
        found += [call["id"] for call in answer.raise_for_status().json()["calls"]]
    return [{"call_id": call_id} for call_id in found[:count]]


def kinds(upstream: Json) -> list[tuple[str, str, Asked, float]]:
    """What is called: its title, its kind, its arguments, and its aim in processor time."""
    numbers = count(1_600_000_000)
    single = single_calls(upstream, 100)

    def pages(size: int) -> Asked:
        return lambda most: [
            {"per_page": size, "order": "desc", "from": next(numbers)} for _ in range(most)
        ]

    def comments(most: int) -> list[Json]:
        notes = [next(numbers) for _ in range(most)]
        return [{**single[note % 100], "content": f"Note {note}."} for note in notes]

    return [
        ("a single read", "read", lambda most: [single[n % 100] for n in range(most)], 1.3),
        ("a page of 20 calls", "list", pages(20), 1.4),
        ("a page of 50 calls", "list", pages(50), 1.6),
        ("an effect, a comment", "effect", comments, 2.0),
    ]


LOADING = """
import json, time
from aircall_mcp import spec
from aircall_mcp.offer import Offer, Registry, Selection
started = time.process_time()
offer = Offer(Registry.of(spec.load()), Selection())
registry = offer.registry
loaded = time.process_time()
began = time.process_time()
from aircall_mcp.search import Index
index = Index(registry.known)
queries = [words for operation in registry.known for words in operation.utterances]
index.rank(queries[0])
first = time.process_time()
times = []
for query in queries:
    at = time.process_time()
    index.rank(query)
    times.append(time.process_time() - at)
print(json.dumps([loaded - started, first - began, sorted(times)[len(times) // 2]]))
"""


def alone(bench: Bench, rounds: int) -> Iterator[tuple[str, ...]]:
    """What has no floor: each round is a fresh process."""
    command = [sys.executable, "-c", LOADING]
    measured: list[Sequence[float]] = [
        json.loads(subprocess.check_output(command, env=bench.environment)) for _ in range(rounds)
    ]
    named = (
        ("registry load, processor time", 30), ("the first search, with its load", 15),
        ("search of one sentence, warm: p50", 0.6),
    )  # fmt: skip
    for (name, most), column in zip(named, zip(*measured, strict=True), strict=True):
        found = statistics.median(column) * 1000
        met = "met" if found <= most else "missed"
        yield (name, "", f"{found:,.2f} ms", "", f"≤ {most:g} ms", met, "", "")


def measured(rounds: int, calls: int) -> Iterator[tuple[str, ...]]:
    """The rows of the table, as they become known."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        with bench.upstream() as upstream:
            others = bench.others(upstream)
            for what in kinds(upstream)[:-1]:
                found = calling(bench, upstream, others, what, rounds, calls)
                yield from (figure.row() for figure in found)
        with bench.upstream() as upstream:  # one round: a call has room for five comments
            found = calling(bench, upstream, bench.others(upstream), kinds(upstream)[-1], 1, calls)
            yield from (figure.row() for figure in found)
        with bench.upstream("--latency-ms", str(LATENCY_MS)) as upstream:
            yield crowding(bench, upstream, bench.others(upstream), 2 * rounds).row()
        yield lists_over_http.row(bench, rounds)
        yield from alone(bench, rounds)


NOTES = """\
The floor (`floor.py`) is a bare low-level server of the SDK with the same tools and one shared HTTP
client that passes the upstream's text through. `fastmcp` and `@ivotoby/openapi-mcp-server` (Node)
make their tools of our API description by themselves. All are measured in the same run, turn by
turn, over stdio with raw JSON-RPC; values are medians over the rounds, the ratio is ours to the
floor's, round by round. The upstream is the project's own sandbox in a process of its own, on
loopback, which the two cores of a small machine feel: times of calls hold its work too, processor
times do not. The home of aircall-mcp is new each round but for the openings that an earlier start
kept there, which are made once and are no part of a call. An empty cell is a server that could not
be had, or that answered with an error.

[docs/performance.md](../docs/performance.md) says what the time of a call is spent on.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Ratios to a floor measured in the same run.")
    parser.add_argument("--quick", action="store_true", help="few rounds, nothing written")
    quick = parser.parse_args().quick
    rows: list[tuple[str, ...]] = []
    before = machine()
    began, told = starts.table(2 if quick else 7)
    print(began, flush=True)
    print(aligned(HEAD))
    for row in measured(rounds=2 if quick else 7, calls=30 if quick else 60):
        rows.append(row)
        print(aligned(row), flush=True)
    if not quick:
        (HERE / "results.md").write_text(page(rows, before, f"{began}\n\n{told}"), "utf-8")


def aligned(row: Sequence[str]) -> str:
    return " ".join(f"{cell:<{width}}" for cell, width in zip(row, WIDTHS, strict=True)).rstrip()


def page(rows: Sequence[Sequence[str]], machine: str, begun: str) -> str:
    table = "\n".join(f"| {' | '.join(row)} |" for row in (HEAD, ("---",) * len(HEAD), *rows))
    when = f"{datetime.now(UTC):%Y-%m-%d}, {machine}. `python benchmarks/run.py`"
    return f"# Results\n\n{when}\n\n## Starts\n\n{begun}\n## Calls\n\n{table}\n\n{NOTES}"


if __name__ == "__main__":
    main()
