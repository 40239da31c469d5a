"""Whatever the protocol's era, the same desk answers the same."""

from __future__ import annotations

import json
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from aircall_mcp import __version__
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offer, Offers, Registry, Selection
from aircall_mcp.offer.tools import tool_for
from aircall_mcp.protocol.mcp_server import LONGEST_CLIENT, AircallServer
from aircall_mcp.sandbox import Sandbox

from ..harness import Harness, desk_over

pytestmark = pytest.mark.anyio


def payload(result: types.CallToolResult) -> Any:
    """The one JSON object of a result."""
    return result.structured_content


ERAS = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28", "auto": "2026-07-28"}
both_eras = pytest.mark.parametrize("mode", ERAS)


@both_eras
async def test_the_era_is_the_one_asked_for_and_the_server_says_who_it_is(
    harness: Harness, mode: str
) -> None:
    async with Client(AircallServer(harness.desk), mode=mode) as client:
        assert client.protocol_version == ERAS[mode]
        if mode != "2026-07-28":  # a pinned version is not discovered
            assert client.server_info
            assert (client.server_info.name, client.server_info.version) == ("aircall", __version__)
            assert client.instructions
            assert len(client.instructions) < 2_048
            assert client.server_capabilities
            assert client.server_capabilities.prompts
            assert client.server_capabilities.completions


@both_eras
async def test_the_list_is_what_the_registry_offers_word_for_word(
    harness: Harness, registry: Registry, mode: str
) -> None:
    async with Client(AircallServer(harness.desk), mode=mode) as client:
        listed = await client.list_tools()
    assert listed.next_cursor is None
    wire = [tool.model_dump(by_alias=True, exclude_none=True) for tool in listed.tools]
    assert wire == json.loads(json.dumps([tool_for(operation) for operation in Offer(registry)]))


@both_eras
async def test_structured_content_and_text_are_the_same_json(harness: Harness, mode: str) -> None:
    async with Client(AircallServer(harness.desk), mode=mode) as client:
        for name, arguments in (
            ("aircall_list_calls", {"max_items": 3, "detail": "full"}),
            ("aircall_search", {"query": "text a customer"}),
            ("aircall_get_call", {"call_id": 1}),
            ("aircall_get_call", {"call_id": "one"}),
        ):
            result = await client.call_tool(name, arguments)
            (content,) = result.content
            assert isinstance(content, types.TextContent)
            assert json.loads(content.text) == result.structured_content


@both_eras
async def test_bad_arguments_are_an_error_of_the_tool_and_not_of_the_protocol(
    harness: Harness, mode: str
) -> None:
    async with Client(AircallServer(harness.desk), mode=mode) as client:
        result = await client.call_tool("aircall_get_call", {"call": 7})
        assert result.is_error
        error: Any = payload(result)["error"]
        assert error["kind"] == "argument"
        assert "unknown `call`" in error["message"]
        assert "Did you mean `call_id`?" in error["hint"]
    assert harness.arrivals() == []


@both_eras
async def test_an_unknown_tool_is_a_protocol_error_with_the_nearest_name(
    harness: Harness, mode: str
) -> None:
    async with Client(AircallServer(harness.desk), mode=mode) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("aircall_list_call", {})
    assert caught.value.error.code == -32602
    assert "Did you mean `aircall_list_calls`?" in caught.value.error.message


@both_eras
async def test_any_cursor_is_refused_since_the_list_has_one_page(
    harness: Harness, mode: str
) -> None:
    async with Client(AircallServer(harness.desk), mode=mode) as client:
        assert await client.list_tools(cursor="") == await client.list_tools()
        for cursor in ("1", " ", "abc"):
            with pytest.raises(MCPError) as caught:
                await client.list_tools(cursor=cursor)
            assert caught.value.error.code == -32602


@both_eras
async def test_several_pages_tell_how_far_they_are(harness: Harness, mode: str) -> None:
    heard: list[tuple[float, float | None]] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total))

    async with Client(AircallServer(harness.desk), mode=mode) as client:
        result = await client.call_tool(
            "aircall_list_contacts", {"max_items": 120}, progress_callback=listen
        )
    assert (result.structured_content or {})["page"]["returned"] == 120
    assert [done for done, _ in heard][:2] == [50, 100]
    assert {total for _, total in heard} == {120}


@both_eras
async def test_many_calls_at_once_are_each_given_their_own_answer(
    harness: Harness, mode: str
) -> None:
    calls = [call.id for call in harness.world.calls[:32]]
    answers: dict[int, Any] = {}

    async with Client(AircallServer(harness.desk), mode=mode) as client:

        async def one(call_id: int) -> None:
            result = await client.call_tool("aircall_get_call", {"call_id": call_id})
            answers[call_id] = (result.structured_content or {})["data"]["call"]["id"]

        async with anyio.create_task_group() as tasks:
            for call_id in calls:
                tasks.start_soon(one, call_id)
    assert answers == {call_id: call_id for call_id in calls}


@both_eras
async def test_each_principal_is_listed_and_given_its_own_offer(
    registry: Registry, sandbox: Sandbox, mode: str
) -> None:
    """Here the client's name stands for a login: who is who is handed to the server."""
    offers = Offers(
        registry,
        to_principal=lambda name: Selection(
            toolsets=("tags",), read_only=name.startswith("reader")
        ),
    )
    desk = desk_over(sandbox, offers)
    callers: list[Caller] = []

    class Heard(AircallServer):
        def _caller(self, ctx: Any) -> Caller:
            callers.append(super()._caller(ctx))
            return callers[-1]

    def principal_of(ctx: Any) -> str:
        return ctx.session.client_params.client_info.name

    server = Heard(desk, principal_of=principal_of)
    tag = {"name": "Newest", "color": "#00B388"}
    listed: dict[str, set[str]] = {}
    for name in ("reader", "writer", "reader"):
        info = types.Implementation(name=name, version="1.0\u202e\n" + "x" * 500)
        async with Client(server, mode=mode, client_info=info) as client:
            listed[name] = {tool.name for tool in (await client.list_tools()).tools}
            if name == "writer":
                assert not (await client.call_tool("aircall_create_tag", tag)).is_error
            else:
                with pytest.raises(MCPError) as caught:
                    await client.call_tool("aircall_create_tag", tag)
                assert caught.value.error.code == -32602
    assert listed["reader"] < listed["writer"]
    assert "aircall_create_tag" in listed["writer"] - listed["reader"]
    assert [arrival.method for arrival in sandbox.arrivals] == ["POST"]
    assert [(caller.principal, caller.interface) for caller in callers] == [
        ("reader", "mcp"), ("writer", "mcp"), ("reader", "mcp"),
    ]  # fmt: skip
    for caller in callers:
        assert caller.client.startswith(f"{caller.principal} 1.0 xxx")
        assert len(caller.client) == LONGEST_CLIENT
    await desk.aclose()
