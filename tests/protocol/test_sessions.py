"""Sessions over HTTP: who has gone without a word keeps nobody out, and who works is left alone."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from aircall_mcp.protocol.sessions import Sessions

from ..harness import Harness
from ..journeys.test_http import HELLO, JSON, PING, client_of
from ..waiting import until

pytestmark = pytest.mark.anyio
MOST = 20
TAGS: dict[str, Any] = {
    "jsonrpc": "2.0", "id": 2, "method": "tools/call",
    "params": {"name": "aircall_list_tags", "arguments": {}},
}  # fmt: skip


async def opened(client: httpx2.AsyncClient) -> str:
    hello = await client.post("/mcp", json=HELLO, headers=JSON)
    assert hello.status_code == 200
    return hello.headers["mcp-session-id"]


async def status_of(client: httpx2.AsyncClient, session: str) -> int:
    headers = {**JSON, "Mcp-Session-Id": session}
    return (await client.post("/mcp", json=TAGS, headers=headers)).status_code


async def test_the_oldest_idle_session_makes_room_and_one_in_use_never(harness: Harness) -> None:
    async with client_of(harness, most_sessions=MOST) as client:
        first = [await opened(client) for _ in range(MOST)]
        listening, used, forgotten = first[0], first[1], first[2:12]
        stream = asyncio.create_task(
            client.get("/mcp", headers={"Accept": "text/event-stream", "Mcp-Session-Id": listening})
        )
        await asyncio.sleep(0)
        assert await status_of(client, used) == 200
        for number in range(10):
            await opened(client)
            assert (await client.post("/mcp", **PING)).status_code == 200
            if number % 3 == 0:
                assert await status_of(client, used) == 200
        assert [await status_of(client, one) for one in forgotten[:3]] == [404, 404, 404]
        assert await status_of(client, forgotten[-1]) == 404
        assert await status_of(client, first[12]) == 200
        assert await status_of(client, listening) == 200
        stream.cancel()
        await asyncio.gather(stream, return_exceptions=True)


async def test_what_opens_no_session_ends_none(harness: Harness) -> None:
    async with client_of(harness, most_sessions=MOST) as client:
        first = [await opened(client) for _ in range(MOST)]
        evil = {**JSON, "Host": "evil.example"}
        for _ in range(20):
            assert (await client.post("/mcp", json=HELLO, headers=evil)).status_code == 421
            assert (await client.post("/mcp", json=TAGS, headers=JSON)).status_code == 400
            assert await status_of(client, "f" * 32) == 404
            assert (await client.get("/healthz")).status_code == 200
        assert {await status_of(client, one) for one in first} == {200}


async def test_a_session_that_its_client_ended_is_forgotten() -> None:
    app = Fake()
    sessions = Sessions(app, 2)
    for name in ("a", "b"):
        await app.asked(sessions, "POST", opens=name)
    await app.asked(sessions, "DELETE", "a")
    await app.asked(sessions, "POST", opens="c")
    assert app.deleted == ["a"]
    await app.asked(sessions, "POST", opens="d")
    assert app.deleted == ["a", "b"]


async def test_where_all_are_in_use_whoever_comes_is_told_so() -> None:
    app = Fake()
    sessions = Sessions(app, 2)
    for name in ("a", "b"):
        await app.asked(sessions, "POST", opens=name)
    app.held = asyncio.Event()
    using = [asyncio.create_task(app.asked(sessions, "GET", name)) for name in ("a", "b")]
    await until(lambda: app.answering == 2)
    assert await app.asked(sessions, "POST", opens="c") == 503
    app.held.set()
    assert await asyncio.gather(*using) == [200, 200]
    assert await app.asked(sessions, "POST", opens="c") == 200
    assert app.deleted == ["a"]


class Fake:
    """Opens the session that it is told to, and waits while it is held."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.held: asyncio.Event | None = None
        self.answering = 0

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        named = dict(scope["headers"]).get(b"mcp-session-id", b"").decode()
        if scope["method"] == "DELETE":
            self.deleted.append(named)
        if self.held is not None and scope["method"] == "GET":
            self.answering += 1
            await self.held.wait()
        made = [(b"mcp-session-id", scope["opens"].encode())] if scope.get("opens") else []
        await send({"type": "http.response.start", "status": 200, "headers": made})
        await send({"type": "http.response.body", "body": b""})

    async def asked(self, app: Any, method: str, named: str = "", opens: str = "") -> int:
        headers = [(b"mcp-session-id", named.encode())] if named else []
        heard: list[Any] = []

        async def hear(message: Any) -> None:
            heard.append(message)

        async def nothing() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {"type": "http", "method": method, "path": "/mcp", "headers": headers,
                 "opens": opens}  # fmt: skip
        await app(scope, nothing, hear)
        return heard[0]["status"]
