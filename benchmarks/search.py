"""What a search costs: warm, first, in memory, and as the registry grows.

    python benchmarks/search.py

Every figure stands beside a plain BM25 over name, title and summary, measured in the same run: the
least that any search over tools must do.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.search.bm25 import Plain

from aircall_mcp import spec
from aircall_mcp.ground.operation import Operation
from aircall_mcp.search import Index

SIZES = (100, 300, 1000)
ROUNDS = 5

COLD = """
import json, time, psutil
from aircall_mcp import spec
operations = spec.load().operations
weight = psutil.Process().memory_info().rss
started = time.process_time()
from aircall_mcp.search import Index
imported = time.process_time()
index = Index(operations)
made = time.process_time()
index.rank("pause the recording while she reads her card number")
done = time.process_time()
print(json.dumps({
    "import_ms": 1e3 * (imported - started), "made_ms": 1e3 * (made - imported),
    "first_ms": 1e3 * (done - started),
    "memory_mb": (psutil.Process().memory_info().rss - weight) / 2**20,
}))
"""


def said_of(operation: Operation) -> str:
    return " ".join((operation.tool, operation.title, operation.summary, operation.description))


def made(count: int) -> Iterator[Operation]:
    """Our operations, and so many like them with other names that there are `count` of them."""
    known = spec.load().operations
    yield from known
    for n in range(count - len(known)):
        one = known[n % len(known)]
        yield replace(
            one,
            id=f"{one.id}_{n}",
            tool=f"{one.tool}_{n}",
            path=f"{one.path}/more{n}",
            title=f"{one.title} of kind{n}",
        )


def timed(rank: Callable[[str], object], queries: Sequence[str]) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds, the best of several rounds each."""
    best = [math.inf] * len(queries)
    for _ in range(ROUNDS):
        for n, query in enumerate(queries):
            started = time.perf_counter()
            rank(query)
            best[n] = min(best[n], 1e3 * (time.perf_counter() - started))
    best.sort()
    return statistics.median(best), best[math.ceil(0.99 * len(best)) - 1]


def main() -> None:
    operations = spec.load().operations
    queries = [said for operation in operations for said in operation.utterances]
    queries += ["find Ana, call her from Paul's line and tag it follow_up", "POST users calls"]
    print(f"{len(queries)} queries, each the best of {ROUNDS}\n")
    print("| operations | p50 ms | p99 ms | plain BM25 p50 ms | ratio |\n|---|---|---|---|---|")
    for size in (len(operations), *SIZES):
        listed = list(made(size))[:size]
        half, most = timed(Index(listed).rank, queries)
        plain, _ = timed(Plain({one.id: said_of(one) for one in listed}).rank, queries)
        print(f"| {size} | {half:.2f} | {most:.2f} | {plain:.2f} | {half / plain:.1f} |")
    compiled = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    cold = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", COLD], check=True, capture_output=True, env=compiled
            ).stdout
        )
        for _ in range(ROUNDS)
    ]
    best = {name: min(one[name] for one in cold) for name in cold[0]}
    print(
        f"\nfirst search, processor time {best['first_ms']:.0f} ms (import {best['import_ms']:.0f},"
        f" index {best['made_ms']:.0f}), {best['memory_mb']:.1f} MB"
    )


if __name__ == "__main__":
    main()
