"""Run the tests on every Python of this machine that the project says it runs on.

All of them on the oldest; on the newest the main journeys of real processes and the quick unit
tests of what leans on Python; on those between some of these alone. The Pythons are the classifiers
of `pyproject.toml`, looked for on the path, in /usr/bin and at pyenv's: one that appears there is
taken from then on.

    make test-pythons
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
ASKED = """
import ensurepip, sqlite3, ssl, sys, sysconfig, venv
trial = sys.version_info.releaselevel != "final" or sysconfig.get_config_var("Py_GIL_DISABLED")
print("" if trial else "%d.%d" % sys.version_info[:2])
"""
DEEPEST = ("gateway", "protocol", "storage", "vault")
"""Folders of unit tests whose code leans most on what Pythons change: asyncio, sqlite3, typing."""
DEEP = (*DEEPEST, "events", "ground", "offer", "safety", "toolkit")
"""Folders whose code leans on it, too."""
JOURNEYS = tuple(f"journeys/test_{one}.py" for one in ("stdio", "http", "instant", "tasks"))
"""The ways through real processes that newer Pythons go, too: starts, signals, pipes and ends."""
SWEEPS = (
    "gateway/test_stakes.py",
    "gateway/test_long_reads.py",
    "gateway/test_pages.py",
    "gateway/test_periods.py",
    "ground/test_addresses.py",
    "events/test_envelope.py",
    "offer/test_shape.py",
    "offer/test_stubs.py",
)
"""What asks nothing that newer Pythons do otherwise: tables line by line, sums of pages, periods
and sizes, and what Node reads."""
LEAST_FREE = 2 * 1024**3
"""Bytes of memory before the tests write there."""
CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)")


def supported() -> list[str]:
    """`3.11` and so on, the oldest first."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        classifiers = tomllib.load(file)["project"]["classifiers"]
    known = [match[1] for one in classifiers if (match := CLASSIFIER.fullmatch(one))]
    return sorted(known, key=lambda version: int(version.partition(".")[2]))


def candidates(versions: Iterable[str]) -> Iterator[Path]:
    """Where a Python may be; the environment of this checkout first, since it is ready."""
    places = [Path(place) for place in os.get_exec_path() if place] + [Path("/usr/bin")]
    yield Path(sys.executable)
    for version in versions:
        yield from (place / f"python{version}" for place in places)
        yield from sorted(PYENV.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)


def version_of(python: Path) -> str:
    """Which release it is; nothing where it does not start, is incomplete, or is a trial."""
    try:
        done = subprocess.run(
            [python, "-c", ASKED], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def found(paths: Iterable[Path], versions: list[str]) -> dict[str, Path]:
    """The first that starts of each version, in the order of `versions`."""
    first: dict[str, Path] = {}
    for path in paths:
        if path.exists() and (version := version_of(path)) in versions:
            first.setdefault(version, path)
    return {version: first[version] for version in versions if version in first}


def selections(versions: list[str]) -> Iterator[tuple[str, list[str]]]:
    """What to run on each."""
    without = [f"--ignore=tests/{sweep}" for sweep in SWEEPS]
    for version in versions:
        if version == versions[0]:
            yield version, []
        elif version == versions[-1]:
            paths = [f"tests/{path}" for path in (*DEEP, *JOURNEYS)]
            yield version, ["-m", "not once and (not slow or journey)", *without, *paths]
        else:
            paths = [f"tests/{path}" for path in DEEPEST]
            yield version, ["-m", "not once and not slow", *without, *paths]


def environment(version: str, python: Path) -> Path:
    """The Python of an environment with all that these tests need, made where it is missing."""
    if python == Path(sys.executable):
        return python
    folder = f".venv-{version}"
    subprocess.run(
        ["make", "--silent", f"{folder}/test", f"VENV={folder}", f"PYTHON={python}"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"},
        check=True,
    )
    return ROOT / folder / "bin" / "python"


def in_memory() -> Path | None:
    """A place in memory for what the tests write: they wait for thousands of syncs to a disk, which
    prove nothing. None where there is none, where it is small, or where no program starts from it.
    """
    place = Path("/dev/shm")
    try:
        there = os.statvfs(place)
    except (OSError, AttributeError):
        return None
    free = there.f_bavail * there.f_frsize
    runs = not there.f_flag & os.ST_NOEXEC and os.access(place, os.W_OK)
    return place if runs and free > LEAST_FREE else None


def compile_all(runs: Iterable[tuple[Path, list[str]]]) -> None:
    """Collect every run once, beside each other: that keeps what the tests import compiled. Workers
    begin at the same moment, and each would compile all of it.
    """
    command = ("-m", "pytest", "--collect-only", "-qq")
    begun = [
        subprocess.Popen([python, *command, *selection], cwd=ROOT, stdout=subprocess.DEVNULL)
        for python, selection in runs
    ]
    for one in begun:
        one.wait()


def main(options: list[str]) -> int:
    versions = supported()
    pythons = found(candidates(versions), versions)
    if options == ["--ready"]:  # beside what needs one of the cores alone
        for version, python in pythons.items():
            environment(version, python)
        return 0
    missing = [version for version in versions if version not in pythons]
    if missing:
        print(f"Not on this machine: {', '.join(missing)}", flush=True)
    failed: list[str] = []
    runs = {
        version: (environment(version, pythons[version]), selection)
        for version, selection in selections(list(pythons))
    }
    compile_all(runs.values())
    for version, (python, selection) in runs.items():
        print(f"\nPython {version}: {' '.join(selection[:2]) or 'all'}", flush=True)
        began = time.monotonic()
        with TemporaryDirectory(prefix="aircall-mcp-tests-", dir=in_memory()) as temporary:
            done = subprocess.run(
                [python, "-m", "pytest", *options, *selection],
                cwd=ROOT,
                env={**os.environ, "PYTEST_DEBUG_TEMPROOT": temporary},
                check=False,
            )
        print(f"Python {version}: {time.monotonic() - began:.0f} s", flush=True)
        if done.returncode:
            failed.append(version)
    if failed:
        print(f"\nFailed on Python {', '.join(failed)}.")
    return 1 if failed or not pythons else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
