"""What is imported until a first call is answered, by `python -X importtime`: the floor and we.

    python benchmarks/imports.py

prints a table and writes `benchmarks/imports.md`. Of each module the least of `ROUNDS` starts
counts, without what it imports itself. What may be loaded is held by
`tests/protocol/test_imports.py`.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import run
import starts
from contenders import US, Bench, Contender
from measure import Wire, machine

ROUNDS = 5
LONGEST = 25
"""Modules of ours that are listed, the dearest first."""
LISTENED = "PYTHONPROFILEIMPORTTIME"
"""As `-X importtime`, for whatever Python the command starts."""
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")

KEEPS = """\
Modules that both load, nearly all of the SDK and of Python, are no part of the difference. To
listen to each import costs a fifth of it: the times say what is dear, and `results.md` how long a
start takes. Tools for whole tasks, scripts, the search and the event log are loaded by the first
call of one of their tools."""


def imported(contender: Contender, call: run.Json, errors: Path) -> dict[str, int]:
    """Microseconds of each module, of one start."""
    command, environment = contender.start.args
    with errors.open("wb") as said:
        start = partial(Wire, command, {**environment, LISTENED: "1"}, said=said)
        _, wire = starts.begun(Contender(contender.name, start, contender.named), call)
        wire.close()
    return {name: int(taken) for taken, name in LINE.findall(errors.read_text("utf-8", "replace"))}


def least(contender: Contender, call: run.Json, errors: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for _ in range(ROUNDS):
        for name, taken in imported(contender, call, errors).items():
            found[name] = min(taken, found.get(name, taken))
    return found


def ms(modules: Mapping[str, int]) -> str:
    return f"{len(modules)} | {sum(modules.values()) / 1000:,.0f} ms"


def table(floor: Mapping[str, int], ours: Mapping[str, int]) -> str:
    own = {name: taken for name, taken in ours.items() if name.startswith("aircall_mcp")}
    besides = {name: ours[name] for name in ours.keys() - floor.keys() - own.keys()}
    packages = Counter[str]()
    for name, taken in own.items():
        packages[".".join(name.split(".")[:2])] += taken
    rows = [
        "| what | modules | their time |",
        "|---|---|---|",
        f"| the floor | {ms(floor)} |",
        f"| {US} | {ms(ours)} |",
        f"| of that our own | {ms(own)} |",
        f"| of that others' that the floor does without | {ms(besides)} |",
        "",
        "| package of ours | ms |",
        "|---|---|",
        *(f"| {name} | {taken / 1000:.1f} |" for name, taken in packages.most_common()),
        "",
        "| module of ours | ms |",
        "|---|---|",
        *(f"| {name} | {taken / 1000:.1f} |" for name, taken in Counter(own).most_common(LONGEST)),
    ]
    return "\n".join(rows)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        with bench.upstream() as upstream:
            call = run.single_calls(upstream, 1)[0]
            ours = bench.settled(upstream)
            errors = Path(folder) / "imports.txt"
            floor, mine = (least(one, call, errors) for one in (bench.floor(upstream), ours))
    written = table(floor, mine)
    print(written)
    page = (
        "# What a first call imports\n\n"
        f"`python benchmarks/imports.py`; {machine()}. Least of {ROUNDS} starts.\n\n{written}\n\n"
        f"{KEEPS}\n"
    )
    (Path(__file__).parent / "imports.md").write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
