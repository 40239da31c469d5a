"""Every Python that we say we run on is looked for, and told apart from what looks like one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .pythons import (
    DEEPEST,
    LEAST_FREE,
    ROOT,
    SWEEPS,
    candidates,
    found,
    in_memory,
    selections,
    supported,
    version_of,
)

HERE = f"3.{sys.version_info.minor}"


def program(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o700)
    return path


def test_this_very_python_is_one_of_those_we_say_we_run_on() -> None:
    assert version_of(Path(sys.executable)) == HERE
    assert HERE in supported()
    assert supported()[0] == "3.11"
    assert found(candidates(supported()), supported())[HERE] == Path(sys.executable)


def test_what_does_not_start_or_is_none_of_ours_is_passed_over(tmp_path: Path) -> None:
    shim = program(tmp_path / "shims" / "python3.13", "echo no such version >&2", "exit 127")
    trial = program(tmp_path / "trial" / "python3.13", "echo")
    ancient = program(tmp_path / "old" / "python3.9", "echo 3.9")
    good = program(tmp_path / "bin" / "python3.13", "echo 3.13")
    second = program(tmp_path / "more" / "python3.13", "echo 3.13")
    new = program(tmp_path / "bin" / "python3.14", "echo 3.14")
    paths = [shim, tmp_path / "gone", new, trial, ancient, good, second]
    assert found(paths, ["3.11", "3.13", "3.14"]) == {"3.13": good, "3.14": new}
    assert list(found(paths, ["3.11", "3.13", "3.14"])) == ["3.13", "3.14"]


def test_the_oldest_runs_all_the_newest_what_leans_on_it_and_those_between_some_of_that() -> None:
    chosen = dict(selections(["3.11", "3.12", "3.13"]))
    assert chosen["3.11"] == []
    without = [f"--ignore=tests/{sweep}" for sweep in SWEEPS]
    assert all((ROOT / "tests" / sweep).is_file() for sweep in SWEEPS)
    newest, between = (chosen[version][2 + len(without) :] for version in ("3.13", "3.12"))
    assert chosen["3.13"] == ["-m", "not once and (not slow or journey)", *without, *newest]
    assert all((ROOT / place).exists() for place in newest)
    assert chosen["3.12"] == ["-m", "not once and not slow", *without, *between]
    assert {*DEEPEST} == {folder.removeprefix("tests/") for folder in between}
    assert {*between, "tests/journeys/test_stdio.py"} < {*newest}
    assert dict(selections(["3.13"])) == {"3.13": []}


def test_what_the_tests_write_is_in_memory_only_where_there_is_enough_and_programs_start() -> None:
    place = in_memory()
    if place is not None:
        assert shutil.disk_usage(place).free > LEAST_FREE
        with TemporaryDirectory(dir=place) as folder:
            assert version_of(program(Path(folder) / "python3.11", "echo 3.11")) == "3.11"
