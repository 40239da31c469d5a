from __future__ import annotations

import io

import pytest
from rich.console import Console

from aircall_mcp.cli.bars import bars_of

from ..workflows.conftest import harness
from ..workflows.harness import WorkflowHarness

pytestmark = pytest.mark.anyio
__all__ = ["harness"]


def drawn(data: dict[str, object], width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(bars_of(data, width))
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


async def test_the_longest_bar_is_that_of_most_calls(harness: WorkflowHarness) -> None:
    answer = await harness.call("call_stats", period="last week", by="user")
    lines = drawn(answer["data"]).splitlines()
    for group, calls, *_ in answer["data"]["rows"]:
        line = next(line for line in lines if f" {group} " in line)
        assert str(calls) in line
    longest = max(lines, key=lambda line: line.count("█"))
    assert " all " in longest or " before " in longest


@pytest.mark.parametrize("width", [60, 72, 80, 100, 140])
async def test_a_narrow_terminal_cuts_no_word_and_names_what_has_no_room(
    harness: WorkflowHarness, width: int
) -> None:
    answer = await harness.call("call_stats", period="last week", by="user")
    told = drawn(answer["data"], width)
    assert "…" not in told
    assert max(map(len, told.splitlines())) <= width
    assert all(name in told for name in answer["data"]["columns"])
    assert all(" ".join(str(row[0]).split()) in told for row in answer["data"]["rows"])


def test_what_is_no_such_table_has_no_bars() -> None:
    assert bars_of({"columns": ["id", "at"], "rows": [[1, "x"]]}, 80) is None
    assert bars_of({"calls": []}, 80) is None


def test_of_no_calls_there_is_a_table_without_bars() -> None:
    columns = ["group", "calls", "answered", "out", "missed"]
    assert "█" not in drawn({"columns": columns, "rows": [["all", 0, 0, 0, 0]], "summary": "0"})
