"""Starts, as a client lives through them: of the floor, of us, and of other servers.

`run.py` measures them first.

From the spawn to tools/list, to the answer of a first call; what that took of the processor and of
memory; and four clients that start at once. Turn by turn, so that what slows one slows all.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import run
from contenders import US, Bench, Contender
from measure import Json, Wire, paired

AT_ONCE = 4
COLUMNS = ("tools/list", "first call", "processor", "memory", f"{AT_ONCE} at once")
UNITS = ("ms", "ms", "ms", "MB", "ms")
AIMS = (0.25, 1.05, None, 1.2, None)
NOTES = """\
Medians over the rounds, turn by turn, over stdio with raw JSON-RPC, from the spawn on: until the
answer to tools/list, until that of a first call, the processor time and the resident memory by
then, and how long the last of four waits that start at the same moment. The last line is ours to
the floor's, round by round. Our second start with the same settings is what is measured: the first
one waits for everything, as with `--no-instant`, and keeps its answers.
"""


def begun(one: Contender, call: Json) -> tuple[list[float], Wire]:
    """Milliseconds to tools/list and to the first call, those of the processor, and megabytes."""
    began = time.perf_counter()
    wire = one.start()
    wire.initialize()
    wire.ask("tools/list", {})
    listed = time.perf_counter() - began
    wire.ask("tools/call", one.call("read", call))
    called = time.perf_counter() - began
    return [listed * 1000, called * 1000, wire.cpu() * 1000, wire.memory()], wire


def at_once(one: Contender) -> float:
    """Milliseconds until the last of several clients has its list."""

    def listed(_: int) -> float:
        began = time.perf_counter()
        wire = one.start()
        wire.initialize()
        wire.ask("tools/list", {})
        elapsed = time.perf_counter() - began
        wire.close()
        return elapsed * 1000

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return max(pool.map(listed, range(AT_ONCE)))


def table(rounds: int) -> tuple[str, str]:
    """The table, and what is to be said of it."""
    figures: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        with bench.upstream() as upstream:
            call = run.single_calls(upstream, 1)[0]
            ours = [bench.settled(upstream), bench.ours(upstream, "--no-instant")]
            every = [bench.floor(upstream), *ours, *bench.others(upstream)]
            for number in range(rounds + 1):
                for one in every:
                    try:
                        found, wire = begun(one, call)
                    except RuntimeError as error:
                        print(f"a start without {one.name}: {error}"[:300], file=sys.stderr)
                        continue
                    wire.close()
                    if number:  # the first round only warms the caches of the disk
                        figures.setdefault(one.name, []).append([*found, at_once(one)])
    head = f"| start | {' | '.join(COLUMNS)} |\n|{' --- |' * (len(COLUMNS) + 1)}"
    rows = [row(name, found) for name, found in figures.items()]
    return "\n".join([head, *rows, verdicts(figures[US], figures["floor"])]), NOTES


def row(name: str, rounds: list[list[float]]) -> str:
    """The medians of one contender."""
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    cells = [f"{median:,.0f} {unit}" for median, unit in zip(medians, UNITS, strict=True)]
    return f"| {name} | {' | '.join(cells)} |"


def verdicts(ours: list[list[float]], floor: list[list[float]]) -> str:
    """How many times the floor, and whether that is what is aimed at."""
    cells: list[str] = []
    for mine, bare, aim in zip(zip(*ours), zip(*floor), AIMS, strict=True):  # noqa: B905
        ratio = paired(mine, bare)
        met = "" if aim is None else f" (≤ {aim:g}: {'met' if ratio <= aim else 'missed'})"
        cells.append(f"{ratio:.2f}{met}")
    return f"| {US} to the floor | {' | '.join(cells)} |"
