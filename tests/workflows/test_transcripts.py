"""Calls in brief, and phrases over many of them: whole, or saying what is missing and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aircall_mcp.errors import BudgetExhausted
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry
from aircall_mcp.workflows.kit import told_of

from ..harness import Clock, sandbox_with
from .advancing import AdvancingHarness, advancing_harness

pytestmark = pytest.mark.anyio


async def calls_of(workflows: AdvancingHarness, **arguments: str) -> list[int]:
    told = await workflows.call("find_calls", **arguments)
    return [row[0] for row in told["data"]["rows"] if row[7] == "answered"]


async def test_a_phrase_is_found_with_who_said_it_and_when(workflows: AdvancingHarness) -> None:
    told = await workflows.call(
        "scan_transcripts", phrases=["cancelling my account"], user="user_42", period="yesterday"
    )
    (call,) = told["data"]["calls"]
    (quote,) = call["quotes"]
    assert "cancel my account" in quote["text"]
    assert quote["speaker"] == "customer"
    assert quote["at"].startswith("0:")
    assert told["page"]["complete"]
    assert told["data"]["transcripts_read"] == told["page"]["total"] == 3


async def test_all_phrases_or_any_of_them(workflows: AdvancingHarness) -> None:
    both = {"phrases": ["cancel my account", "no such words here"], "user": "user_42"}
    any_of = await workflows.call("scan_transcripts", **both, period="yesterday")
    all_of = await workflows.call("scan_transcripts", **both, period="yesterday", match="all")
    assert len(any_of["data"]["calls"]) == 1
    assert all_of["data"]["calls"] == []
    error = await workflows.refused("scan_transcripts", phrases=["..."])
    assert "contains no word" in error["message"]


async def test_calls_without_a_transcript_are_counted_by_reason(
    workflows: AdvancingHarness,
) -> None:
    told = await workflows.call("scan_transcripts", phrases=["invoice"], period="last 7 days")
    without = told["data"]["without_transcript"]
    assert without["calls"] == sum(without["why"].values())
    assert without["why"]["was not answered"] > 0
    read = told["data"]["transcripts_read"]
    assert read + without["calls"] == told["page"]["total"]
    assert told["page"]["complete"]


async def test_a_scan_that_runs_out_of_time_goes_on_where_it_was(
    registry: Registry, clock: Clock, tmp_path: Path
) -> None:
    sandbox = sandbox_with(clock=clock, requests_per_minute=None)
    async with advancing_harness(registry, sandbox, clock, tmp_path) as workflows:
        wish = {"phrases": ["invoice", "price"], "period": "last 30 days"}
        whole = await workflows.call("scan_transcripts", **wish)

        async def slowly(_done: float, _total: float | None, what: str) -> None:
            if what == "transcripts read":
                clock.pass_by(2)

        workflows.caller = Caller(progress=slowly)
        found: list[int] = []
        turns, next_ = 0, wish
        while next_ is not None:
            part = await workflows.call("scan_transcripts", **next_)
            found += [call["id"] for call in part["data"]["calls"]]
            turns, next_ = turns + 1, part["page"].get("next")
        assert turns > 2
        assert found == [call["id"] for call in whole["data"]["calls"]]
        assert found


async def test_a_brief_holds_what_was_made_of_the_call(workflows: AdvancingHarness) -> None:
    (call_id, *_) = await calls_of(workflows, user="user_42", period="yesterday")
    told = await workflows.call("call_brief", call_ids=[call_id])
    (one,) = told["data"]["calls"]
    assert one["call"]["contact"]["first_name"]
    assert one["summary"]
    assert one["topics"]
    assert set(one["sentiments"]) == {"agent", "customer"}
    assert one["action_items"]
    assert one["transcript"][0].startswith("0:00 agent: ")
    assert "transcript_goes_on" not in one


async def test_a_brief_keeps_to_its_tokens_and_says_where_it_goes_on(
    workflows: AdvancingHarness,
) -> None:
    ids = await calls_of(workflows, user="user_42", period="yesterday")
    told = await workflows.call("call_brief", call_ids=ids, max_tokens=1200)
    assert len(json.dumps(told["data"])) <= 4 * 1200
    one = next(one for one in told["data"]["calls"] if "transcript_goes_on" in one)
    since = one["transcript_goes_on"]["from_seconds"]
    told = await workflows.call("call_brief", call_ids=[one["id"]], from_seconds=since)
    (rest,) = told["data"]["calls"]
    first = rest["transcript"][0].split(" ")[0].split(":")
    assert int(first[0]) * 60 + int(first[1]) >= since


async def test_a_call_that_cannot_be_read_is_named_and_hides_no_other(
    workflows: AdvancingHarness,
) -> None:
    (call_id, *_) = await calls_of(workflows, user="user_42", period="yesterday")
    missed = next(one.id for one in workflows.world.calls if one.missed)
    told = await workflows.call("call_brief", call_ids=[1, call_id, missed])
    nothing, there, unanswered = told["data"]["calls"]
    assert "error" in nothing
    assert there["summary"]
    assert unanswered["nothing_said"]
    assert "Not read: 1; `error` says why." in told["notes"]


async def test_a_missing_add_on_is_named_once(
    registry: Registry, clock: Clock, tmp_path: Path
) -> None:
    sandbox = sandbox_with(clock=clock, requests_per_minute=None, add_ons=frozenset())
    async with advancing_harness(registry, sandbox, clock, tmp_path) as workflows:
        ids = await calls_of(workflows, user="user_42", period="yesterday")
        told = await workflows.call("call_brief", call_ids=ids)
        (said,) = [note for note in told["notes"] if "Without it" in note]
        assert "AI Assist" in said
        assert "summary, topics, sentiments, action_items, transcript" in said
        assert workflows.asked("get_call_summary") == 1
        error = await workflows.refused("scan_transcripts", phrases=["refund"], period="yesterday")
        assert "AI Assist" in error["hint"]


def test_what_waits_for_the_budget_says_how_long() -> None:
    error = BudgetExhausted("It is used up.", retry_after=11.2, hint="Wait that long.")
    assert told_of(error) == "It is used up. Ask again in 12 s."
