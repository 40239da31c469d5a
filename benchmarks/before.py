"""The same measurements against an older commit of our own instead of the floor, turn by turn.

    python benchmarks/before.py COMMIT [--quick]

prints a table and writes `benchmarks/before.md`. Both commits, that one and the present, are
installed with what they were locked to, in folders of their own that are gone afterwards.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import venv
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from contenders import Bench, Contender
from measure import Json, Wire, machine
from run import HEAD, OTHERS, Figure, calling, kinds

HERE = Path(__file__).parent
LIMIT = 1.05
"""No worse than before: what two runs of one commit differ by."""


class Against(Bench):
    """The older product in the place of the floor, both installed in the same way."""

    def __init__(self, folder: Path, older: Path, ours: Path) -> None:
        super().__init__(folder)
        self._older, self._ours = older, ours

    def floor(self, upstream: Json) -> Contender:
        return replace(self._started(self._older, upstream), name="floor")

    def ours(self, upstream: Json, *flags: str) -> Contender:
        return self._started(self._ours, upstream, *flags)

    def _started(self, python: Path, upstream: Json, *flags: str) -> Contender:
        found = super().ours(upstream, *flags)
        command = [str(python), "-m", "aircall_mcp", "serve", *flags]
        return replace(found, start=partial(Wire, command, found.start.args[1]))


def installed(commit: str, folder: Path) -> Path:
    """The Python of an environment in which `commit` is installed as it was locked."""
    tree = folder / "tree"
    root = subprocess.check_output(["git", "rev-parse", "--show-toplevel"], cwd=HERE, text=True)
    tree.mkdir(parents=True)
    archive = subprocess.check_output(["git", "archive", commit], cwd=root.strip())
    subprocess.run(["tar", "-x"], cwd=tree, input=archive, check=True)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    pip = [str(python), "-m", "pip", "-qq", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, "--require-hashes", "-r", "requirements.lock"], cwd=tree, check=True)
    subprocess.run([*pip, "--no-deps", "."], cwd=tree, check=True)
    return python


def figures(commit: str, rounds: int, calls: int) -> list[Figure]:
    """Held to be no worse than before rather than near the floor."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        older, ours = (installed(each, folder / each) for each in (commit, "HEAD"))
        bench = Against(folder, older, ours)
        with bench.upstream() as upstream:
            measured = [
                calling(bench, upstream, (), what, rounds, calls) for what in kinds(upstream)[:-1]
            ]
    return [replace(figure, limit=figure.limit and LIMIT) for part in measured for figure in part]


def main() -> None:
    parser = argparse.ArgumentParser(description="Ratios to an older commit, in the same run.")
    parser.add_argument("commit")
    parser.add_argument("--quick", action="store_true", help="few rounds, nothing written")
    arguments = parser.parse_args()
    head = (HEAD[0], arguments.commit, *HEAD[2 : -len(OTHERS)])
    rows: list[tuple[str, ...]] = []
    print(*head)
    rounds, calls = (3, 50) if arguments.quick else (9, 100)
    for figure in figures(arguments.commit, rounds, calls):
        rows.append(figure.row()[: -len(OTHERS)])
        print(*rows[-1], flush=True)
    if not arguments.quick:
        table = "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))
        when = f"{datetime.now(UTC):%Y-%m-%d}, {machine()}"
        command = f"`python benchmarks/before.py {arguments.commit}`"
        (HERE / "before.md").write_text(f"# Before and after\n\n{when}. {command}\n\n{table}\n")


if __name__ == "__main__":
    main()
