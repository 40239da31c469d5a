from __future__ import annotations

import io

import pytest
from rich.console import Console

from aircall_mcp.cli.bars import bars_of

from ..workflows.conftest import shift
from ..workflows.shift import Shift

pytestmark = pytest.mark.anyio
__all__ = ["shift"]


def drawn(data: dict[str, object]) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(bars_of(data))
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


async def test_the_longest_bar_is_that_of_most_calls(shift: Shift) -> None:
    answer = await shift.call("call_stats", period="last week", by="user")
    lines = drawn(answer["data"]).splitlines()
    for group, calls, *_ in answer["data"]["rows"]:
        line = next(line for line in lines if f" {group} " in line)
        assert str(calls) in line
    longest = max(lines, key=lambda line: line.count("█"))
    assert " all " in longest or " before " in longest


def test_what_is_no_such_table_has_no_bars() -> None:
    assert bars_of({"columns": ["id", "at"], "rows": [[1, "x"]]}) is None
    assert bars_of({"calls": []}) is None


def test_of_no_calls_there_is_a_table_without_bars() -> None:
    columns = ["group", "calls", "answered", "out", "missed"]
    assert "█" not in drawn({"columns": columns, "rows": [["all", 0, 0, 0, 0]], "summary": "0"})
