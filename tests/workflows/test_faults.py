"""What reads, before a faulty way: all of it, or an exact account of what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.desk import Answer, Outcome
from aircall_mcp.sandbox.entities import Call

from ..house import THURSDAY
from ..upstream import Upstream
from .faults import Case, run, same, whole_or_honest

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BEGIN = int(THURSDAY) - 40_000


async def crowded(up: Upstream) -> None:
    """Some pages of calls more."""
    world = up.sandbox.world
    number = next(iter(world.numbers))
    kept = [*world.calls]
    world.calls.clear()
    for n in range(260):
        at = BEGIN + n * 100
        kept.append(Call(world.next_id("call"), "inbound", number, None, "+33199001234", at, None,
                         at + 20, missed="agents_did_not_answer"))  # fmt: skip
    for call in sorted(kept, key=lambda call: call.started):
        world.add_call(call)


def status_of(outcome: Outcome, truth: Mapping[str, Any], up: Upstream) -> None:
    """As the others, but since when may be missing where a note says so."""
    if isinstance(outcome, Answer) and outcome.payload["page"]["complete"]:
        if not same(outcome.payload, truth):
            assert any("not known" in note for note in outcome.payload["notes"])
        return
    whole_or_honest("")(outcome, truth, up)


PERIOD = f"{BEGIN}..{BEGIN + 30_000}"
CASES = (
    Case("find_calls", {"period": PERIOD}, whole_or_honest("rows")),
    Case("find_calls", {"period": PERIOD, "user": "Ana Duarte"}, whole_or_honest("rows")),
    Case("missed_calls", {"period": PERIOD, "team": "Support"}, whole_or_honest("")),
    Case("missed_calls", {"period": "last 24 hours", "user": "Ana"}, whole_or_honest("")),
    Case("list_voicemails", {"period": "last 7 days"}, whole_or_honest("voicemails")),
    Case("call_stats", {"period": PERIOD, "by": "team"}, whole_or_honest("")),
    Case("team_status", {"team": "Support"}, status_of),
)


async def test_each_read_is_whole_or_says_what_is_missing(tmp_path: Path, full: bool) -> None:
    report = await run(CASES, tmp_path, most=2_800 if full else 21, world=crowded)
    print(report.runs, "runs:", report.whole, "whole,", report.partial, "in part,",
          report.refused, "refused")  # fmt: skip
    for one in report.wrong:
        print(one)
    assert report.wrong == []
    assert report.whole
    assert report.refused
