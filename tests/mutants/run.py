"""Do the tests see small mistakes? Plants those of `list.toml` in a checkout, one at a time.

A mutant meets the tests beside it first, then those of their folder, and all of them only if those
pass. It is `seen` where a test fails that passes without it, or the tests hang; `survived` where
all pass; and `invalid` where that says nothing: it cannot be planted, the tests cannot even be
collected, or the test fails without it, too. What was found out is kept for as long as the commit
is the same, so that a run can be broken off.

    make mutants
    python tests/mutants/run.py --check
    python tests/mutants/run.py --only g01 g02 --jobs 2
    python tests/mutants/run.py --near
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import tomllib
import venv
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path("server/aircall_mcp")
LIST = Path(__file__).with_name("list.toml")
RESULTS = ROOT / ".mutants.json"
NEAR_SECONDS, ALL_SECONDS = 900.0, 3600.0
"""After which tests are taken for hanging."""

NEAR = "the tests near it"

Verdict = Literal["seen", "survived", "invalid"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands once in `file`, of the package; `tests` are those beside it. Where no test can
    see it, `survives` says why."""

    id: str
    file: str
    mistake: str
    tests: str
    old: str
    new: str
    survives: str = ""

    @property
    def path(self) -> Path:
        return PACKAGE / self.file

    @property
    def stages(self) -> list[tuple[list[str], float]]:
        """The tests to run, the nearest first, each with the seconds it may take."""
        folder = str(Path(self.tests).parent)
        near = [] if folder == "tests" else [([folder], NEAR_SECONDS)]
        return [([self.tests], NEAR_SECONDS), *near, ([], ALL_SECONDS)]

    def planted(self, text: str) -> str:
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutant at a commit: `by` is the first test that failed, or why none is."""

    commit: str
    verdict: Verdict
    by: str = ""


def mutants(path: Path = LIST) -> list[Mutant]:
    return [Mutant(**one) for one in tomllib.loads(path.read_text("utf-8"))["mutant"]]


def faults(listed: Sequence[Mutant], root: Path = ROOT) -> list[str]:
    """What is wrong with the list, a line each."""
    counts = Counter(mutant.id for mutant in listed)
    found = [f"{name}: {count} mutants of this id" for name, count in counts.items() if count > 1]
    return found + [f"{mutant.id}: {fault}" for mutant in listed if (fault := _fault(mutant, root))]


def _fault(mutant: Mutant, root: Path) -> str:
    if not (root / mutant.tests).exists():
        return f"there is no {mutant.tests}"
    if not (root / mutant.path).is_file():
        return f"there is no {mutant.path}"
    text = (root / mutant.path).read_text("utf-8")
    if (count := text.count(mutant.old)) != 1:
        return f"its text stands {count} times in {mutant.file}"
    try:
        after = ast.parse(mutant.planted(text))
    except SyntaxError as error:
        return f"{mutant.file} is no Python with it: {error.msg}"
    return "it changes nothing" if ast.dump(after) == ast.dump(ast.parse(text)) else ""


class Stopped(Exception):
    """Somebody broke the run off."""


class Checkout:
    """A checkout of the commit with an environment of its own, so that processes that the tests
    start without our variables run the planted code, too."""

    def __init__(self, root: Path, commit: str) -> None:
        self._root = root
        for words in (["clone", "-q", "--shared", str(ROOT), str(root)],
                      ["-C", str(root), "checkout", "-q", "--detach", commit]):  # fmt: skip
            subprocess.run(["git", *words], check=True)
        self._python = self._environment()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def _environment(self) -> Path:
        """A venv that takes the package from here and all the rest from the running one."""
        place = self._root / ".venv"
        venv.create(place, symlinks=True, with_pip=False)
        python = place / "bin" / "python"
        asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        site = subprocess.run(asked, check=True, capture_output=True, text=True)
        paths = [self._root / "server", sysconfig.get_path("purelib")]
        (Path(site.stdout.strip()) / "mutants.pth").write_text("\n".join(map(str, paths)) + "\n")
        for tool in Path(sysconfig.get_path("scripts")).iterdir():
            here = place / "bin" / tool.name
            if tool.is_file() and not here.exists():
                here.symlink_to(tool)
        own = place / "bin" / "aircall-mcp"
        own.unlink(missing_ok=True)
        own.write_text(
            f"#!{python}\nimport sys\nfrom aircall_mcp.cli import main\nsys.exit(main())\n"
        )
        own.chmod(0o755)
        return python

    def judge(self, mutant: Mutant, near: bool) -> tuple[Verdict, str]:
        path = self._root / mutant.path
        text = path.read_text("utf-8")
        code, first = 0, ""
        path.write_text(mutant.planted(text), "utf-8")
        try:
            for tests, seconds in mutant.stages[:-1] if near else mutant.stages:
                code, first = self._tested(tests, seconds)
                if code != 0:
                    break
        finally:
            path.write_text(text, "utf-8")
        if code == 0:
            return "survived", NEAR if near else ""
        if code != 1:
            return "invalid", f"pytest ended with {code}"
        if "::" in first and self._tested([first], NEAR_SECONDS)[0] != 0:
            return "invalid", f"{first} fails without it, too"
        return "seen", first

    def stop(self) -> None:
        """End the tests that run, and begin no others."""
        self._stopped = True
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _tested(self, tests: Sequence[str], seconds: float) -> tuple[int, str]:
        """How pytest ended, and the first test that failed; one that hangs failed as well."""
        words = [str(self._python), "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
                 "-m", "not once", "--ignore=tests/mutants", *tests]  # fmt: skip
        environment = {**os.environ, "VIRTUAL_ENV": str(self._root / ".venv")}
        environment.pop("PYTHONPATH", None)
        if self._stopped:
            raise Stopped
        self._process = process = subprocess.Popen(
            words, cwd=self._root, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return 1, f"hangs for {seconds:.0f} seconds"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        if self._stopped:
            raise Stopped
        failed = [line for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return process.returncode, failed[0].split(" - ")[0].partition(" ")[2] if failed else ""


class Notes:
    """What was found out so far, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.of: dict[str, Result] = {}
        if path.exists():
            self.of = {name: Result(**one) for name, one in json.loads(path.read_text()).items()}

    def add(self, name: str, result: Result) -> None:
        with self._lock:
            self.of[name] = result
            text = json.dumps({name: asdict(one) for name, one in self.of.items()}, indent=1)
            beside = self._path.with_suffix(".new")
            beside.write_text(text)
            beside.replace(self._path)


def run(wanted: Sequence[Mutant], jobs: int, notes: Notes, commit: str, near: bool) -> None:
    """Judge those of which nothing is known at this commit, or too little."""

    def known(mutant: Mutant) -> bool:
        result = notes.of.get(mutant.id)
        return result is not None and result.commit == commit and (near or result.by != NEAR)

    left = [one for one in wanted if not known(one)]
    if not left:
        return
    with tempfile.TemporaryDirectory(prefix="mutants-") as home:
        free = SimpleQueue[Checkout]()
        checkouts = [
            Checkout(Path(home).resolve() / str(number), commit)
            for number in range(min(jobs, len(left)))
        ]
        for checkout in checkouts:
            free.put(checkout)

        def judge(mutant: Mutant) -> None:
            checkout = free.get()
            try:
                verdict, by = checkout.judge(mutant, near)
            finally:
                free.put(checkout)
            notes.add(mutant.id, Result(commit, verdict, by))
            print(_line(mutant, notes.of[mutant.id]), flush=True)

        with ThreadPoolExecutor(jobs) as workers:
            try:
                list(workers.map(judge, left))
            except BaseException:
                workers.shutdown(wait=False, cancel_futures=True)
                for checkout in checkouts:
                    checkout.stop()
                raise


def _line(mutant: Mutant, result: Result) -> str:
    why = mutant.survives if result.verdict == "survived" else result.by
    return f"{mutant.id}  {result.verdict:8}  {mutant.file}: {mutant.mistake}  [{why}]"


def _interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Plant small mistakes and run the tests.")
    parser.add_argument("--check", action="store_true", help="only whether each can be planted")
    parser.add_argument("--only", nargs="+", metavar="ID", help="these mutants")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many at once")
    parser.add_argument("--near", action="store_true", help=f"only {NEAR}")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept")
    asked = parser.parse_args(given)
    listed = mutants()
    if found := faults(listed):
        print(*found, sep="\n", file=sys.stderr)
        return 1
    if asked.check:
        print(f"{len(listed)} mutants can be planted.")
        return 0
    names = {one.id for one in listed}
    if unknown := sorted(set(asked.only or ()) - names):
        parser.error(f"no such mutant: {', '.join(unknown)}")
    wanted = [one for one in listed if not asked.only or one.id in asked.only]
    # To be told to end is as good as an interrupt: the tests that run must not outlive us.
    signal.signal(signal.SIGTERM, _interrupted)
    words = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    commit = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    notes = Notes(asked.results)
    run(wanted, max(1, asked.jobs), notes, commit, asked.near)
    print()
    for mutant in wanted:
        print(_line(mutant, notes.of[mutant.id]))
    counts = Counter(notes.of[one.id].verdict for one in wanted)
    print(", ".join(f"{counts[one]} {one}" for one in ("seen", "survived", "invalid")))
    explained = [one for one in wanted if one.survives]
    return 0 if counts["seen"] >= len(wanted) - len(explained) else 1


if __name__ == "__main__":
    sys.exit(main())
