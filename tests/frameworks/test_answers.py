"""A framework's answer counts for what the person was shown, and for nothing else."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from aircall_mcp import Toolkit

pytestmark = pytest.mark.anyio


async def test_pydantic_ai_asks_again_where_nobody_was_shown_it() -> None:
    pydantic_ai = pytest.importorskip("pydantic_ai")
    approved: Any = SimpleNamespace(tool_call_approved=True, tool_call_id="call-1")
    async with Toolkit.sandbox(ask=True) as aircall:
        numbers = (await aircall.execute("list_numbers"))["data"]["numbers"]
        tools = {
            tool.name: tool
            for tool in aircall.only(names=["send_message_in_conversation"]).pydantic_ai()
        }
        perform = tools["aircall_send_message_in_conversation"].function
        given = {"number_id": numbers[0]["id"], "to": await _contact(aircall), "body": "At nine."}
        with pytest.raises(pydantic_ai.ApprovalRequired):
            await perform(approved, **given)
        assert "data" in await perform(approved, **given)
        with pytest.raises(pydantic_ai.ApprovalRequired):
            await perform(approved, **{**given, "body": "At ten."})


async def test_pydantic_ai_takes_a_yes_for_what_this_very_call_was_shown_for() -> None:
    """A person says no to one and yes to the other: by the time of the answer the name that they
    were shown means the first."""
    pydantic_ai = pytest.importorskip("pydantic_ai")
    refused: Any = SimpleNamespace(tool_call_approved=False, tool_call_id="call-1")
    approved: Any = SimpleNamespace(tool_call_approved=True, tool_call_id="call-2")
    async with Toolkit.sandbox(ask=True) as aircall:
        tools = {tool.name: tool for tool in aircall.only(names=["place_call"]).pydantic_ai()}
        perform, to = tools["aircall_place_call"].function, await _contact(aircall)
        users = (await aircall.execute("team_status"))["data"]["users"]
        maya = next(user for user in users if user["name"] == "Maya Brooks")
        with pytest.raises(pydantic_ai.ApprovalRequired):
            await perform(refused, to=to, user="Maya Brooks")
        with pytest.raises(pydantic_ai.ApprovalRequired):
            await perform(approved, to=to, user=str(maya["id"]))


async def test_the_agents_sdk_refuses_for_nobody_what_nobody_was_asked() -> None:
    pytest.importorskip("agents")
    run: Any = SimpleNamespace(
        tool_name="aircall_plan", tool_call_id="call-1", is_tool_approved=lambda *_: None
    )
    async with Toolkit.sandbox(ask=True) as aircall:
        numbers = (await aircall.execute("list_numbers"))["data"]["numbers"]
        text = {"number_id": numbers[0]["id"], "to": await _contact(aircall), "body": "At nine."}
        steps = [{"operation": "send_message_in_conversation", "arguments": text}]
        plan = next(tool for tool in aircall.agents_sdk() if tool.name == "aircall_plan")
        told = json.loads(await plan.on_invoke_tool(run, json.dumps({"steps": steps})))
        assert told["error"]["approval"]["grade"] == 1
        standing = await aircall.execute("approval_status", {"id": told["error"]["approval"]["id"]})
        assert standing["data"]["standing"] == "waiting"


async def _contact(aircall: Toolkit) -> str:
    contacts = (await aircall.execute("list_contacts", {"detail": "full"}))["data"]["contacts"]
    found = (one["value"] for row in contacts for one in row["phone_numbers"])
    return next("".join(value.split()) for value in found if value.startswith("+33"))
