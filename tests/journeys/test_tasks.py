"""The four journeys, in the words of who asked for them, through a real client over stdio."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from aircall_mcp.cli.demo import wishes
from aircall_mcp.cli.demo.sms import outside

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CUSTOMER = "+14155551234"


class Model:
    """Calls tools, and counts."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.calls: list[str] = []

    async def __call__(self, tool: str, /, **arguments: Any) -> Any:
        self.calls.append(tool)
        result = await self._client.call_tool(f"aircall_{tool}", arguments)
        assert not result.is_error, result.structured_content
        return result.structured_content

    async def looked(self, operation: str, **arguments: Any) -> Any:
        """What Aircall has, looked at beside the journey."""
        given = {"operation": operation, "arguments": arguments}
        result = await self._client.call_tool("aircall_read", given)
        assert not result.is_error, result.structured_content
        answer: Any = result.structured_content
        return answer["data"]


@asynccontextmanager
async def served(environment: dict[str, str], *words: str) -> AsyncGenerator[Model]:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "aircall_mcp", "serve", "--surface", "tasks", *words],
        env=environment,
    )
    async with Client(server) as client:
        assert 0 < len((await client.list_tools()).tools) <= 24
        yield Model(client)


@asynccontextmanager
async def in_the_sandbox(home: Path) -> AsyncGenerator[Model]:
    async with served({**os.environ, "AIRCALL_MCP_HOME": str(home)}, "--sandbox") as model:
        yield model


async def test_found_by_address_called_from_and_tagged_is_one_call(home: Path) -> None:
    assert "rep@example.com" in wishes.OUTBOUND
    assert CUSTOMER in wishes.OUTBOUND
    async with in_the_sandbox(home) as model:
        placed = await model("place_call", user="rep@example.com", to=CUSTOMER, tags=["follow_up"])
        assert model.calls == ["place_call"]
        call = (await model.looked("get_call", call_id=placed["data"]["call"]["id"]))["call"]
        assert call["direction"] == "outbound"
        assert call["user"]["email"] == "rep@example.com"
        assert [tag["name"] for tag in call["tags"]] == ["follow_up"]
        assert "not_done" not in placed["data"] or placed["data"]["not_done"] == []
        newest = (await model.looked("list_calls", max_items=2))["calls"]
        assert [one["id"] == call["id"] for one in newest] == [True, False], "placed once"


async def test_a_text_goes_out_and_its_reply_into_the_channel(home: Path) -> None:
    body = "Your callback is scheduled for 3pm"
    assert body in wishes.SMS
    assert "num_555" in wishes.SMS
    async with (
        outside(str(home)) as world,
        served(world.environment, "--allow", "exposes") as model,
    ):
        await model("forward_events", kinds=["message.received"], to="#support")
        sent = await model("send_text", **{"from": "num_555", "to": [CUSTOMER], "body": body})
        assert model.calls == ["forward_events", "send_text"]
        (text,) = sent["data"]["texts"]
        assert (text["to"], text["outcome"]) == (CUSTOMER, "done")
        assert sent["data"]["from"]["name"] == "num_555"
        await world.text("Perfect, talk to you at three.")
        arrived = json.loads(await world.slack.next())
        assert "Perfect, talk to you at three." in json.dumps(arrived)


async def test_yesterdays_calls_are_scanned_and_a_recording_pauses_and_goes_on(home: Path) -> None:
    assert "user_42 from yesterday" in wishes.REVIEW
    assert "'cancel my account'" in wishes.REVIEW
    async with in_the_sandbox(home) as model:
        found = await model(
            "scan_transcripts", user="user_42", period="yesterday", phrases=["cancel my account"]
        )
        assert model.calls == ["scan_transcripts"]
        assert "cancel my account" in json.dumps(found["data"])
        live = (await model.looked("list_calls", max_items=1))["calls"][0]
        assert live["status"] == "answered"
        given = {"arguments": {"call_id": live["id"]}}
        await model("write", operation="pause_call_recording", **given)
        await model("write", operation="resume_call_recording", **given)
        assert len(model.calls) == 3


async def test_what_an_operator_looks_for_is_found_loaded_done_and_noted(home: Path) -> None:
    assert "place an outbound call" in wishes.OPERATOR
    assert '"auto-dialed by agent"' in wishes.OPERATOR
    async with in_the_sandbox(home) as model:
        found = await model("search", query="place an outbound call")
        assert found["confident"]
        first = found["matches"][0]["tool"]
        assert first == "aircall_place_call"
        loaded = await model("describe", operation=first)
        assert {"user", "to"} <= loaded["input_schema"]["properties"].keys()
        placed = await model("place_call", user="user_42", to=CUSTOMER)
        call_id = placed["data"]["call"]["id"]
        note = {"call_id": call_id, "content": "auto-dialed by agent"}
        await model("write", operation="add_call_comment", arguments=note)
        assert model.calls == ["search", "describe", "place_call", "write"]
        call = (await model.looked("get_call", call_id=call_id))["call"]
        assert call["user"]["name"] == "user_42"
        assert [one["content"] for one in call["comments"]] == ["auto-dialed by agent"]
