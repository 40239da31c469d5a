"""What the SDK leaves open, closed."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import mcp_types as types
import pydantic
import pytest
from mcp import Client
from mcp.server import NotificationOptions
from mcp.shared.exceptions import MCPError

from aircall_mcp.desk import Desk, Outcome
from aircall_mcp.offer import Offer, Offers, Registry
from aircall_mcp.offer.tools import INSTRUCTIONS, tool_for
from aircall_mcp.protocol.mcp_server import AircallServer

from ..harness import Harness, answering, desk_over, gateway_to

pytestmark = pytest.mark.anyio

both_eras = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])


class Broken(Desk):
    """A desk with a bug: it raises what nobody foresaw."""

    def __init__(self, registry: Registry, error: BaseException) -> None:
        super().__init__(Offers(registry), gateway_to(answering(200, {"id": 1})[0]))
        self._error = error

    async def call(self, name: str, arguments: Any, caller: Any) -> Outcome:  # noqa: ARG002
        raise self._error


def foreign_validation_error() -> pydantic.ValidationError:
    class Model(pydantic.BaseModel):
        number: int

    with pytest.raises(pydantic.ValidationError) as caught:
        Model.model_validate({"number": "CANARY"})
    return caught.value


@both_eras
@pytest.mark.parametrize(
    "error",
    [RuntimeError("CANARY"), KeyError("CANARY"), ExceptionGroup("CANARY", [ValueError("CANARY")]),
     UnicodeDecodeError("utf-8", b"CANARY", 0, 1, "CANARY"), foreign_validation_error()],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
async def test_the_text_of_an_unforeseen_error_stays_inside(
    registry: Registry, mode: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "aircall_mcp"):
        async with Client(AircallServer(Broken(registry, error)), mode=mode) as client:
            with pytest.raises(MCPError) as caught:
                await client.call_tool("aircall_ping", {})
            assert len((await client.list_tools()).tools) > 80
    told = caught.value.error
    assert "CANARY" not in f"{told.message} {told.data}"
    assert told.code == -32603
    assert "CANARY" in caplog.text


@both_eras
async def test_the_whole_list_is_valid_in_this_era(harness: Harness, mode: str) -> None:
    """One bad tool would take the whole list with it."""
    async with Client(AircallServer(harness.desk), mode=mode) as client:
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == [tool["name"] for tool in harness.desk.offer().tools]
    for tool in tools:
        assert tool.input_schema["type"] == "object"
        ours = harness.desk.registry.find(tool.name).ours
        assert (tool.output_schema is not None) is ours
        assert tool.output_schema is None or tool.output_schema["type"] == "object"
        assert isinstance(tool.input_schema.get("required", []), list)
        types.Tool.model_validate(tool.model_dump(by_alias=True))


async def test_no_schema_uses_the_header_extension_that_makes_clients_drop_tools(
    registry: Registry,
) -> None:
    assert "x-mcp-header" not in json.dumps([tool_for(operation) for operation in Offer(registry)])


async def test_every_schema_is_known_without_running_the_list(harness: Harness) -> None:
    server = AircallServer(harness.desk)
    known: Any = server.get_tool_input_schema
    assert known is not None
    for tool in harness.desk.offer().tools:
        assert known(tool["name"]) == tool["inputSchema"]
    assert known("aircall_no_such_tool") is None


async def test_the_instructions_fit_where_clients_cut_them() -> None:
    assert len(INSTRUCTIONS) < 2_048
    assert len(INSTRUCTIONS.encode()) < 2_048


async def test_the_instructions_only_name_tools_that_there_are(registry: Registry) -> None:
    known = {operation.tool for operation in registry.known}
    assert set(re.findall(r"aircall_[a-z0-9_]+", INSTRUCTIONS)) <= known


async def test_a_list_that_never_changes_is_not_announced_as_changing(harness: Harness) -> None:
    server = AircallServer(harness.desk)
    options = server.create_initialization_options()
    assert options.capabilities.tools
    assert options.capabilities.tools.list_changed is False
    told = server.create_initialization_options(NotificationOptions(tools_changed=True))
    assert told.capabilities.tools
    assert told.capabilities.tools.list_changed is True


@both_eras
async def test_what_json_cannot_hold_never_leaves_us(registry: Registry, mode: str) -> None:
    """Python reads NaN where JSON has none; Aircall's or anybody's is no number for a client."""
    app, _ = answering(200, b'{"company": {"a": NaN, "b": Infinity, "c": 1}}')
    desk = desk_over(app, registry)
    async with Client(AircallServer(desk), mode=mode) as client:
        result = await client.call_tool("aircall_get_company", {})
        (content,) = result.content
        assert isinstance(content, types.TextContent)
        json.loads(content.text, parse_constant=pytest.fail)
        assert json.loads(content.text) == result.structured_content
    await desk.aclose()


@both_eras
async def test_arguments_that_are_left_out_are_none(harness: Harness, mode: str) -> None:
    async with Client(AircallServer(harness.desk), mode=mode) as client:
        result = await client.call_tool("aircall_ping")
        assert (result.structured_content or {})["data"] == {"ping": "pong"}


@both_eras
async def test_a_hostile_answer_is_an_error_and_the_next_call_is_answered(
    registry: Registry, mode: str
) -> None:
    for body in (b"[" * 900 + b"]" * 900, b'{"calls": 7, "meta": []}', b'{"calls": {"a": 1}}', b"7",
                 b'{"calls": [1, null, "x", [], {"id": {}}], "meta": {"total": "many"}}', b"null",
                 b'{"calls": [' + b'{"a":' * 400 + b"1" + b"}" * 400 + b"]}",
                 b'{"calls": [{"id": 1, "started_at": 1e400, "tags": "\\ud800"}]}'):  # fmt: skip
        app, _ = answering(200, body)
        desk = desk_over(app, registry)
        async with Client(AircallServer(desk), mode=mode) as client:
            for arguments in ({}, {"detail": "full"}, {"max_items": 60}):
                result = await client.call_tool("aircall_list_calls", arguments)
                assert result.structured_content, body[:40]
        await desk.aclose()
