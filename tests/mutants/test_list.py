"""Every mutant of the list can be planted: code that changes takes its mutants along."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .run import faults, main, mutants


def test_a_hundred_mutants_can_be_planted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == "100 mutants can be planted.\n"


def test_what_cannot_be_planted_is_told() -> None:
    one = mutants()[0]
    broken = [
        one,
        one,
        replace(one, id="gone", old="no such text"),
        replace(one, id="odd", new="def ("),
        replace(one, id="same", new=one.old),
        replace(one, id="nowhere", file="nowhere.py"),
        replace(one, id="untested", tests="tests/nowhere"),
    ]

    told = dict(line.split(": ", 1) for line in faults(broken))

    assert told[one.id] == "2 mutants of this id"
    assert told["gone"] == f"its text stands 0 times in {one.file}"
    assert told["odd"].startswith(f"{one.file} is no Python with it")
    assert told["same"] == "it changes nothing"
    assert told["nowhere"] == "there is no server/aircall_mcp/nowhere.py"
    assert told["untested"] == "there is no tests/nowhere"
