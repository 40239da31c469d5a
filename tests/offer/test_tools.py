from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from aircall_mcp.errors import (
    ArgumentError,
    BudgetExhausted,
    CredentialError,
    Duplicate,
    NeedsConfirmation,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    ToolError,
    Unreachable,
)
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Effect
from aircall_mcp.offer import Registry
from aircall_mcp.offer.tools import description_of, error_of, tool_for

from ..harness import Harness, answering, desk_over

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("effect", "read_only", "destructive", "open_world"),
    [
        ("read", True, False, False),
        ("write", False, True, False),
        ("reach", False, True, True),
        ("delete", False, True, False),
    ],
)
def test_the_four_hints_follow_from_the_effect(
    registry: Registry, effect: Effect, read_only: bool, destructive: bool, open_world: bool
) -> None:
    notes = tool_for(replace(registry.ids["get_tag"], effect=effect))["annotations"]
    assert notes["readOnlyHint"] is read_only
    assert notes["destructiveHint"] is destructive
    assert notes["openWorldHint"] is open_world


def test_a_write_that_only_adds_takes_nothing_away(registry: Registry) -> None:
    for name, destructive in (("create_tag", False), ("update_tag", True), ("archive_call", True)):
        assert tool_for(registry.ids[name])["annotations"]["destructiveHint"] is destructive


def test_idempotent_is_what_may_be_repeated(registry: Registry) -> None:
    for name, hint in (("list_tags", True), ("update_tag", True), ("create_tag", False)):
        assert tool_for(registry.ids[name])["annotations"]["idempotentHint"] is hint


def test_what_sends_the_companys_words_outside_is_open_world_too(registry: Registry) -> None:
    for name in ("create_webhook", "update_webhook", "create_message_configuration"):
        assert tool_for(registry.ids[name])["annotations"]["openWorldHint"] is True


@pytest.mark.parametrize(
    ("error", "more"),
    [
        (ArgumentError("m", hint="h"), {"kind": "argument"}),
        (NotAllowed("m", hint="h"), {"kind": "not_allowed"}),
        (NeedsConfirmation("m", hint="h"), {"kind": "needs_confirmation"}),
        (Duplicate("m", hint="h"), {"kind": "duplicate"}),
        (BudgetExhausted("m", retry_after=7.25, hint="h"),
         {"kind": "budget", "retry_after_seconds": 7.2}),
        (CredentialError("m", hint="h"), {"kind": "credential"}),
        (Refused("m", status=404, hint="h"), {"kind": "refused", "status": 404}),
        (Unreachable("m", hint="h"), {"kind": "unreachable"}),
        (OutcomeUnknown("m", hint="h"), {"kind": "outcome_unknown"}),
    ],
)  # fmt: skip
def test_every_error_a_model_hears_of_has_its_kind_words_and_hint(
    error: ToolError, more: dict[str, Any]
) -> None:
    assert error_of(error) == {"error": {"message": "m", "hint": "h", **more}}


def test_an_error_without_a_hint_has_none_and_no_invisible_words() -> None:
    assert error_of(Unreachable("a\u202eb\x1b[31m")) == {
        "error": {"kind": "unreachable", "message": "ab[31m"}
    }


async def test_a_success_without_content_says_that_it_is_done(harness: Harness) -> None:
    answer = await harness.call("delete_tag", tag_id=next(iter(harness.world.tags)))
    assert answer == {"data": {"done": True}, "sandbox": True}


async def test_a_created_thing_comes_back_whole(harness: Harness) -> None:
    answer = await harness.call("create_tag", name="Upsell", color="#123456")
    assert answer["data"]["tag"]["name"] == "Upsell"
    assert answer["data"]["tag"]["id"] in harness.world.tags


async def test_the_window_of_a_list_is_echoed(harness: Harness) -> None:
    answer = await harness.call("list_calls", **{"from": "2026-11-18T00:00:00Z", "to": 1795082400})
    assert answer["window"] == {
        "from": "2026-11-18T00:00:00Z",
        "to": "2026-11-19T10:00:00Z",
        "by": "started_at, from excluded, to included",
    }
    tags = await harness.call("list_tags", **{"from": "2026-11-18T00:00:00Z"})
    assert tags["window"] == {"from": "2026-11-18T00:00:00Z"}  # what it goes by is not known
    assert "window" not in await harness.call("list_calls")


async def test_nothing_over_twenty_thousand_tokens_is_given_and_what_was_cut_is_said(
    harness: Harness,
) -> None:
    answer = await harness.call("list_calls", max_items=300, detail="full")
    assert len(json.dumps(answer, ensure_ascii=False).encode()) / 4 < 20_000
    assert "No more has room in one answer; page.next goes on from here." in answer["notes"]
    assert answer["page"]["complete"] is False
    assert answer["page"]["returned"] == len(answer["data"]["calls"]) < 300
    rest = await harness.call("list_calls", **answer["page"]["next"])
    known = {call["id"] for call in answer["data"]["calls"]}
    assert not known & {call["id"] for call in rest["data"]["calls"]}


async def test_only_the_sandboxs_answers_are_marked(registry: Registry) -> None:
    app, _ = answering(200, {"company": {"name": "Brightleaf"}})
    desk = desk_over(app, registry, sandbox=False)
    result = await desk.call("aircall_get_company", {}, Caller())
    assert result.payload["data"] == {"company": {"name": "Brightleaf"}}
    assert "sandbox" not in result.payload
    await desk.aclose()


def test_a_description_tells_everything_about_one_operation(registry: Registry) -> None:
    about = description_of(registry.ids["get_call_summary"], registry.ids)
    assert about["operation"] == "GET /v1/calls/{call_id}/summary"
    assert about["needs_add_on"] == "AI Assist"
    assert about["required"] == ["call_id"]
    assert about["input_schema"]["properties"]["call_id"]["type"] == "integer"
    assert about["not_to_confuse"].startswith("aircall_")
    retired = description_of(registry.ids["list_users_v1"], registry.ids)
    assert retired["deprecated"] == {"sunset": "2026-09-30", "replacement": "list_users_v2"}
