"""A result whose content the SDK never sees leaves as one that it dumped, in each version."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import anyio
import mcp_types as types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from mcp.shared.message import SessionMessage

from aircall_mcp.desk import Answer
from aircall_mcp.ground.secrets import Scrubber
from aircall_mcp.protocol.framed import Written, filled, frame_of, line_of
from aircall_mcp.protocol.mcp_server import AircallServer
from aircall_mcp.protocol.opening import LEGACY, MODERN
from aircall_mcp.protocol.rehearsal import CLIENT, ENVELOPE

from ..harness import Harness

pytestmark = pytest.mark.anyio
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("aircall_list_calls", {"per_page": 20}),
    ("aircall_list_tags", {"fresh": True}),
    ("aircall_get_call", {"call_id": 1}),  # which is no call: an error
    ("aircall_search", {"query": "who called"}),
)


async def answers(server: AircallServer, version: str) -> list[dict[str, Any]]:
    """What leaves for each of the calls, as the transport writes it."""
    send, heard = anyio.create_memory_object_stream[Any](1)
    told, receive = anyio.create_memory_object_stream[Any](1)
    found: list[dict[str, Any]] = []

    async def ask(method: str, params: dict[str, Any]) -> None:
        request = types.JSONRPCRequest(jsonrpc="2.0", id=0, method=method, params=params)
        await send.send(SessionMessage(request))
        message = (await receive.receive()).message
        found.append(message.model_dump(mode="json", by_alias=True, exclude_unset=True))

    async with anyio.create_task_group() as tasks, send, receive:
        tasks.start_soon(server.run, heard, told, server.create_initialization_options())
        if version != MODERN:
            hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT}
            await ask("initialize", hello)
            await send.send(
                SessionMessage(
                    types.JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")
                )
            )
        for name, arguments in CALLS:
            envelope = ENVELOPE if version == MODERN else {}
            await ask("tools/call", {"name": name, "arguments": arguments, **envelope})
        tasks.cancel_scope.cancel()
    return found


@pytest.mark.parametrize("version", [*LEGACY, MODERN])
async def test_the_same_leaves_as_what_the_sdk_dumps(harness: Harness, version: str) -> None:
    framed, dumped = AircallServer(harness.desk), AircallServer(harness.desk)
    dumped.middleware.remove(filled)
    told = await answers(framed, version)
    assert told == await answers(dumped, version)
    results = [answer["result"] for answer in told[-len(CALLS) :]]
    assert [bool(result["isError"]) for result in results] == [False, False, True, False]
    for result in results:
        assert result["structuredContent"]
        assert len(result["content"][0]["text"]) > 100


async def test_what_is_framed_is_not_copied() -> None:
    answer = Answer({"data": {"calls": [{"id": 1}]}}, '{"data":{"calls":[{"id":1}]}}')
    sizes: list[int] = []

    async def call_next(_: Any) -> dict[str, Any]:
        result = frame_of(answer).model_dump(by_alias=True, mode="json", exclude_none=True)
        sizes.append(len(str(result["structuredContent"])))
        return result

    result = await filled(SimpleNamespace(method="tools/call"), call_next)
    assert sizes == [2]
    assert result["structuredContent"] is answer.payload
    assert result["content"] == [{"type": "text", "text": answer.written}]
    assert frame_of(answer).structured_content == answer.payload  # outside, it is whole


texts = some.text(max_size=12) | some.sampled_from(
    ['"', "\\", "\u2028", "é\n", "\ud800x", "\x00", "{}"]
)
values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | texts,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    payload=some.dictionaries(texts, values, max_size=4),
    beside=some.dictionaries(some.sampled_from(["isError", "_meta", "é"]), values, max_size=3),
    at=some.integers(0, 3),
    number=some.integers() | texts.filter(str.isprintable),
)
def test_a_page_that_is_written_once_is_the_line_that_the_sdk_writes(
    payload: dict[str, Any], beside: dict[str, Any], at: int, number: int | str
) -> None:
    value, text = Scrubber().written(payload)
    beside = Scrubber().json(beside)
    fields = [*beside.items(), ("content", [{"type": "text", "text": Written(text)}])]
    fields.insert(at, ("structuredContent", value))
    once = types.JSONRPCResponse(jsonrpc="2.0", id=number, result=dict(fields))
    twice = once.model_dump_json(by_alias=True, exclude_unset=True).encode()
    assert line_of(once) == twice
    plain = {**dict(fields), "content": [{"type": "text", "text": text}]}
    assert line_of(types.JSONRPCResponse(jsonrpc="2.0", id=number, result=plain)) == twice
