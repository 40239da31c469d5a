"""A framework's answer counts for what the person was shown, and for nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from aircall_mcp import Toolkit

pytestmark = pytest.mark.anyio


async def test_pydantic_ai_asks_again_where_nobody_was_shown_it() -> None:
    pydantic_ai = pytest.importorskip("pydantic_ai")
    approved: Any = SimpleNamespace(tool_call_approved=True)
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


async def _contact(aircall: Toolkit) -> str:
    contacts = (await aircall.execute("list_contacts", {"detail": "full"}))["data"]["contacts"]
    found = (one["value"] for row in contacts for one in row["phone_numbers"])
    return next("".join(value.split()) for value in found if value.startswith("+33"))
