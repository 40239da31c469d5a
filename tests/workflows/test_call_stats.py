from __future__ import annotations

from typing import Any

import pytest
from pydantic_core import to_json

from aircall_mcp.workflows.call_stats import COLUMNS

from ..harness import THURSDAY
from .harness import WorkflowHarness

pytestmark = pytest.mark.anyio


def rows(answer: Any) -> dict[str, dict[str, Any]]:
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in answer["data"]["rows"]}


async def test_the_figures_are_those_of_the_calls_and_of_the_period_before(
    harness: WorkflowHarness,
) -> None:
    answer = await harness.call("call_stats", period="last week")
    # Thursday 19 November: last week is 9 to 15, before 2 to 8.
    midnight = int(THURSDAY) - 10 * 3600
    for name, begin in (("all", midnight - 10 * 86_400), ("before", midnight - 17 * 86_400)):
        calls = [c for c in harness.world.calls if begin <= c.started < begin + 7 * 86_400]
        row = rows(answer)[name]
        assert row["calls"] == len(calls)
        assert row["out"] == sum(c.direction == "outbound" for c in calls)
        assert row["answered"] == sum(
            c.direction == "inbound" and c.answered is not None for c in calls)  # fmt: skip
        assert row["talk_s"] == sum(c.ended - c.answered for c in calls if c.answered)
    missed = [c for c in harness.world.calls if c.missed and not c.voice_agent
              and midnight - 10 * 86_400 <= c.started < midnight - 3 * 86_400]  # fmt: skip
    assert sum(answer["data"]["missed_by_reason"].values()) == len(missed)
    assert answer["page"]["complete"]
    assert answer["window"]["begin"].startswith("2026-11-09T00:00")


@pytest.mark.parametrize("by", ["user", "team", "number", "tag", "hour", "weekday"])
async def test_every_grouping_fits_600_tokens(harness: WorkflowHarness, by: str) -> None:
    answer = await harness.call("call_stats", period="last 6 weeks", by=by)
    table = {name: answer["data"][name] for name in ("summary", "columns", "rows")}
    assert len(to_json(table)) / 4 <= 600 + 60
    assert len(to_json(answer["data"]["rows"])) / 4 <= 600
    whole = rows(answer)
    groups = [row for name, row in whole.items() if name not in ("all", "before")]
    if by in ("user", "number", "hour", "weekday"):  # each call is in one of these
        for name in ("calls", "in", "out", "answered", "missed", "talk_s", "called_back"):
            assert sum(row[name] for row in groups) == whole["all"][name]


async def test_a_user_a_line_and_a_team_have_figures_of_their_own(harness: WorkflowHarness) -> None:
    everything = rows(await harness.call("call_stats", period="last 6 weeks", by="user"))
    one = rows(await harness.call("call_stats", period="last 6 weeks", user="Ana"))["all"]
    assert one["calls"] >= everything["Ana Duarte"]["calls"] > 0
    line = next(iter(harness.world.numbers.values()))
    lines = rows(await harness.call("call_stats", period="last 6 weeks", by="number"))
    alone = rows(await harness.call("call_stats", period="last 6 weeks", number=line.name))["all"]
    assert alone["calls"] == lines[line.name]["calls"]
