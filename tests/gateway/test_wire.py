"""The last link, over a transport: one request, one `Attempt`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.gateway.connections import Connections
from aircall_mcp.gateway.request import Answered, Lost, NotSent
from aircall_mcp.gateway.wire import Wire
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.weight import Aside

from ..harness import Clock, answering
from .links import request

pytestmark = pytest.mark.anyio


def wire(transport: httpx2.AsyncBaseTransport | None, clock: Clock) -> Wire:
    return Wire(Connections(transport=transport, secure=False), Aside(), clock.handed())


async def test_it_is_sent_as_it_was_bound_and_signed() -> None:
    app, asked = answering(201, {"tag": {"id": 1}})
    made = replace(request("create_tag", name="a", color="#123456"), signed={"authorization": "k"})
    attempt = await wire(httpx2.ASGITransport(app), Clock(5.0)).send(made)
    assert isinstance(attempt, Answered)
    assert (attempt.status, attempt.body) == (201, {"tag": {"id": 1}})
    assert (attempt.began, attempt.until) == (5.0, 30.0)
    assert json.loads(asked[0]["body"]) == {"name": "a", "color": "#123456"}
    assert asked[0]["headers"]["authorization"] == "k"


async def test_the_time_that_began_with_the_first_attempt_stands() -> None:
    app, _ = answering(200, {})
    attempt = await wire(httpx2.ASGITransport(app), Clock(5.0)).send(replace(request(), until=9.0))
    assert attempt.until == 9.0


async def test_whether_a_byte_left_is_what_became_of_it() -> None:
    class Broken(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ReadError("gone", request=request)

    heard: list[str] = []

    async def leaving() -> None:
        heard.append("leaves")

    asking = replace(request(), before_first_byte=leaving)
    assert isinstance(await wire(Broken(), Clock()).send(asking), Lost)
    nobody = replace(asking, url="http://127.0.0.1:1/v1/ping")
    assert isinstance(await wire(None, Clock()).send(nobody), NotSent)
    assert heard == ["leaves"]


async def test_if_the_call_upwards_raises_not_a_byte_leaves() -> None:
    async def full() -> None:
        raise StoreError("No room.")

    app, asked = answering(200, {})
    asking = replace(request(), before_first_byte=full)
    with pytest.raises(StoreError):
        await wire(httpx2.ASGITransport(app), Clock()).send(asking)
    assert asked == []


@pytest.mark.parametrize("body", [b"<html>", b'{"a": [' * 200])
async def test_a_success_that_is_no_json_is_lost_and_an_error_has_no_body(body: Any) -> None:
    for status in (200, 500):
        app, _ = answering(status, body)
        attempt = await wire(httpx2.ASGITransport(app), Clock()).send(request("ping", Caller()))
        if status == 200:
            assert isinstance(attempt, Lost)
        else:
            assert isinstance(attempt, Answered)
            assert attempt.body is None


async def test_what_is_said_to_a_proxy_is_no_byte_of_ours() -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n"))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def leaving() -> None:
        raise AssertionError("nothing of it left")

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        connections = Connections(proxy=f"http://127.0.0.1:{port}")
        asking = replace(request(), before_first_byte=leaving)
        attempt = await Wire(connections, Aside(), Clock().handed()).send(asking)
        await connections.aclose()
    assert isinstance(attempt, NotSent)
    assert asked == [b"CONNECT a.test:443 HTTP/1.1\r\n"]
