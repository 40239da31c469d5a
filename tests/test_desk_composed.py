"""Tools made of operations: what they perform is judged, asked about and shown by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from aircall_mcp.desk import Question
from aircall_mcp.errors import ArgumentError
from aircall_mcp.gateway.ask import Aircall
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry

from .harness import AskingDesk, answering, asking_desk

pytestmark = pytest.mark.anyio

TEXT = {"number_id": 2, "to": "+33184880000", "body": "Hello"}


@pytest.fixture
async def desk(registry: Registry) -> AsyncIterator[AskingDesk]:
    """A desk with one tool more, which reads tags and then sends one text."""
    text = registry.ids["send_message"]
    composed = replace(text, id="greet", tool="aircall_greet", method="", toolset="workflows")
    known = Registry([*registry.known, composed], toolsets=registry.toolsets)
    app, arrived = answering(200, {"tags": []})

    async def greet(arguments: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        aircall = Aircall(made._gateway, known.ids, caller)  # pyright: ignore[reportPrivateUsage]
        await aircall.ask("list_tags")
        await aircall.ask("send_message", **arguments)
        return {"data": {"sent": True}}

    made = asking_desk(Offers(known), app, performers={"greet": greet})
    made.arrived = arrived  # pyright: ignore[reportAttributeAccessIssue]
    yield made
    await made.aclose()


def sent(desk: Any) -> list[str]:
    return [one["method"] for one in desk.arrived if one["method"] != "GET"]


async def test_the_question_is_about_what_would_be_sent(
    desk: AskingDesk, registry: Registry
) -> None:
    question = await desk.call("aircall_greet", TEXT, Caller())
    assert isinstance(question, Question)
    inner = registry.ids["send_message"]
    assert question.preview.startswith(f"{inner.title} ({inner.tool})")
    assert question.payload["error"]["approval"]["effect"] == inner.effect
    assert "the very same call of aircall_greet again" in question.payload["error"]["hint"]
    assert sent(desk) == []
    assert await desk.answer(question.approval, yes=True, grade=1, way="tests")
    other = await desk.call("aircall_greet", {**TEXT, "body": "Bye"}, Caller())
    assert isinstance(other, Question)
    assert sent(desk) == []
    answer = await desk.call("aircall_greet", TEXT, Caller())
    assert answer.payload["data"] == {"sent": True}
    assert sent(desk) == ["POST"]


async def test_a_dry_run_shows_the_first_effect_and_sends_nothing_but_reads(
    desk: AskingDesk,
) -> None:
    told = (await desk.call("aircall_greet", {**TEXT, "dry_run": True}, Caller())).payload
    assert told["data"]["operation"] == "aircall_send_message"
    assert told["data"]["say"] == "ask"
    assert told["data"]["request"]["body"]["body"] == "Hello"
    assert sent(desk) == []
    assert await desk.safety.approvals.waiting() == []


async def test_a_tool_for_a_task_acts_for_the_account_that_is_named(registry: Registry) -> None:
    """Of several companies a model says which, as with every operation."""
    several = registry.with_accounts(("paris", "rome"))
    acted: list[str | None] = []

    async def perform(arguments: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        acted.append(caller.account)
        raise ArgumentError("That is all.")

    app, _ = answering(200, {"id": 1})
    tools = ("place_call", "find_calls")
    desk = asking_desk(Offers(several), app, performers=dict.fromkeys(tools, perform))
    for account in ("rome", "paris"):
        await desk.call("aircall_place_call", {"to": "+33184880000", "account": account}, Caller())
        await desk.call("aircall_find_calls", {"period": "today", "account": account}, Caller())
    await desk.aclose()
    assert acted == ["rome", "rome", "paris", "paris"]
    properties = several.ids["plan"].input_schema["properties"]
    assert properties["account"]["enum"] == ["paris", "rome"]
    assert "account" not in several.ids["approval_status"].input_schema["properties"]


async def test_what_a_script_would_text_is_of_the_account_that_it_names(
    registry: Registry,
) -> None:
    """Its steps are looked up in that company: another one's numbers have these ids, too."""
    several = registry.with_accounts(("paris", "rome"))
    app, arrived = answering(200, {"id": 1})

    async def send_text(_: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        aircall = Aircall(desk._gateway, registry.ids, caller)  # pyright: ignore[reportPrivateUsage]
        return {"data": await aircall.ask("send_message", **TEXT)}

    desk = asking_desk(Offers(several), app, performers={"send_text": send_text})
    given = {"to": [TEXT["to"]], "body": TEXT["body"], "account": "rome"}
    steps = await desk.steps(several.ids["send_text"], given, Caller(account="paris"))
    await desk.aclose()
    assert [(step.account, step.arguments) for step in steps] == [
        ("rome", {**TEXT, "account": "rome"})
    ]
    assert arrived == []
