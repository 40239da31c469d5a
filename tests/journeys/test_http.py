"""MCP over HTTP: loopback only, held against Host and Origin, both eras."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from aircall_mcp.cli.serve import CLOSE_SECONDS
from aircall_mcp.errors import SettingsError
from aircall_mcp.ground.asgi import DRAIN_SECONDS
from aircall_mcp.protocol.bearer import FILE
from aircall_mcp.protocol.http import LARGEST_REQUEST, mcp_app
from aircall_mcp.protocol.mcp_server import AircallServer

from ..harness import Harness
from ..processes import META, free_port, started
from ..waiting import PATIENCE, reachable, until
from .renewals import held_back, is_renewed_once

pytestmark = pytest.mark.anyio

PORT = 8000
HELLO: dict[str, Any] = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {},
               "clientInfo": {"name": "t", "version": "0"}},
}  # fmt: skip
JSON = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@asynccontextmanager
async def client_of(
    harness: Harness, key: bytes | None = None, **choices: Any
) -> AsyncGenerator[httpx2.AsyncClient]:
    app = mcp_app(AircallServer(harness.desk), "127.0.0.1", PORT, key=key, **choices)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url=f"http://127.0.0.1:{PORT}"
        ) as client,
    ):
        yield client


def modern(method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """A request of the 2026-07-28 era, with the headers that mirror it."""
    params = {**(params or {}), "_meta": META}
    headers = {**JSON, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
    if "name" in params:
        headers["Mcp-Name"] = params["name"]
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return {"json": body, "headers": headers}


PING = modern("tools/call", {"name": "aircall_ping", "arguments": {}})


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (f"127.0.0.1:{PORT}", 200),
        (f"localhost:{PORT}", 200),
        (f"[::1]:{PORT}", 200),
        ("evil.example", 421),
        (f"evil.example:{PORT}", 421),
        ("localhost:evil", 421),
        ("localhost", 421),
        (f"localhost:{PORT + 1}", 421),
        (f"localhost.evil.example:{PORT}", 421),
        (f"127.0.0.1:{PORT}.evil.example", 421),
        ("", 421),
    ],
)
async def test_only_our_own_host_is_answered(harness: Harness, host: str, status: int) -> None:
    async with client_of(harness) as client:
        answer = await client.post("/mcp", json=HELLO, headers={**JSON, "Host": host})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        (f"http://127.0.0.1:{PORT}", 200),
        (f"http://localhost:{PORT}", 200),
        ("null", 403),
        ("http://evil.example", 403),
        (f"https://localhost:{PORT}", 403),
        (f"http://localhost:{PORT + 1}", 403),
        (f"http://localhost:{PORT}.evil.example", 403),
        ("file://", 403),
    ],
)
async def test_only_our_own_pages_are_answered(
    harness: Harness, origin: str | None, status: int
) -> None:
    headers = {**JSON, **({"Origin": origin} if origin else {})}
    async with client_of(harness) as client:
        assert (await client.post("/mcp", json=HELLO, headers=headers)).status_code == status


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", "::", ""])
async def test_no_other_address_than_loopback_is_served(harness: Harness, host: str) -> None:
    with pytest.raises(SettingsError) as caught:
        mcp_app(AircallServer(harness.desk), host, PORT, key=None)
    assert "no authentication" in caught.value.message


async def test_the_health_check_says_nothing_but_that_it_is_well(harness: Harness) -> None:
    async with client_of(harness) as client:
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert (await client.get("/")).status_code == 404


async def test_a_body_over_the_limit_is_refused(harness: Harness) -> None:
    big = {**HELLO, "params": {**HELLO["params"], "x": "a" * LARGEST_REQUEST}}
    async with client_of(harness) as client:
        assert (await client.post("/mcp", json=big, headers=JSON)).status_code == 413
        assert (await client.post("/mcp", json=HELLO, headers=JSON)).status_code == 200


async def test_a_body_in_pieces_is_refused_once_they_are_too_much(harness: Harness) -> None:
    piece, taken = b"a" * 1024, 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(100 * LARGEST_REQUEST // len(piece)):
            taken += len(piece)
            yield piece

    async with client_of(harness) as client:
        answer = await client.post("/mcp", content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert taken <= LARGEST_REQUEST + 2 * len(piece)


async def test_the_modern_era_is_chosen_by_its_header(harness: Harness) -> None:
    async with client_of(harness) as client:
        listed = await client.post("/mcp", **modern("tools/list"))
        assert listed.status_code == 200
        result = listed.json()["result"]
        assert len(result["tools"]) > 80
        assert (result["ttlMs"], result["cacheScope"]) == (300_000, "private")
        refused = await client.post("/mcp", **modern("tools/list", {"cursor": "1"}))
        assert refused.json()["error"]["code"] == -32602
        unknown = await client.post("/mcp", **modern("tools/call", {"name": "aircall_none"}))
        assert unknown.json()["error"]["code"] == -32602
        call: dict[str, Any] = {"name": "aircall_ping", "arguments": {}}
        answer = await client.post("/mcp", **modern("tools/call", call))
        assert answer.json()["result"]["structuredContent"]["data"] == {"ping": "pong"}
        other = modern("tools/call", call)
        other["headers"]["Mcp-Name"] = "aircall_list_calls"
        assert (await client.post("/mcp", **other)).json()["error"]["code"] == -32020


async def test_nothing_of_an_inbound_request_reaches_aircall(harness: Harness) -> None:
    """Neither headers nor credentials: they are the client's, not the owner's."""
    request = modern("tools/call", {"name": "aircall_list_tags", "arguments": {}})
    for name in ("X-Canary", "Cookie", "Traceparent", "Authorization", "X-Forwarded-For"):
        request["headers"][name] = "canary"
    async with client_of(harness) as client:
        assert (await client.post("/mcp", **request)).status_code == 200
    (arrival,) = harness.sandbox.arrivals
    assert "canary" not in str(arrival.headers)
    assert set(arrival.headers) == {"host", "content-type", "accept", "accept-encoding",
                                    "connection", "user-agent"}  # fmt: skip


@pytest.mark.slow
async def test_a_real_server_is_spoken_to_in_both_eras_and_leaves_when_told() -> None:
    port = free_port()
    arguments = ("serve", "--transport", "http", "--port", str(port), "--sandbox")
    async with started(*arguments, pipe=False) as process:
        assert process.stderr
        line = await asyncio.wait_for(process.stderr.readline(), PATIENCE)
        assert f"http://127.0.0.1:{port}/mcp".encode() in line
        await until(lambda: reachable(port))
        for mode in ("legacy", "2026-07-28", "auto"):
            http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key_here()}"})
            reach = streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http)
            async with http, Client(reach, mode=mode) as client:
                assert len((await client.list_tools()).tools) > 80
                tags = await client.call_tool("aircall_list_tags", {})
                assert (tags.structured_content or {})["sandbox"] is True
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 6) == 0
        assert process.stdout
        assert await process.stdout.read() == b""


ENDINGS = ("SIGTERM", "SIGINT")


@pytest.mark.slow
@pytest.mark.parametrize("how", ENDINGS)
async def test_an_idle_server_leaves_in_order(how: str) -> None:
    async with served("--sandbox") as (process, _):
        process.send_signal(getattr(signal, how))
        assert await asyncio.wait_for(process.wait(), 3) == 0
        assert process.stderr
        assert (await process.stderr.read()).count(b"\n") == 1  # the line of the start


@pytest.mark.slow
@pytest.mark.parametrize("how", ENDINGS)
async def test_a_call_under_way_is_answered_before_the_server_leaves(how: str) -> None:
    async with patient_aircall() as there, served(**there.environment) as (process, client):
        asking = asyncio.create_task(client.post("/mcp", **PING))
        await asyncio.wait_for(there.asked.wait(), PATIENCE)
        process.send_signal(getattr(signal, how))
        await until(lambda: deaf(client.base_url.port or 0))
        assert process.returncode is None
        there.answers.set()
        answer = await asking
        assert answer.json()["result"]["structuredContent"]["data"] == {"ping": "pong"}
        assert await asyncio.wait_for(process.wait(), 3) == 0


@pytest.mark.slow
async def test_a_call_that_is_never_answered_holds_nobody_back() -> None:
    await asyncio.gather(*(leaves_while_busy(how) for how in ENDINGS))


async def leaves_while_busy(how: str) -> None:
    async with patient_aircall() as there, served(**there.environment) as (process, client):
        asking = asyncio.create_task(client.post("/mcp", **PING))
        await asyncio.wait_for(there.asked.wait(), PATIENCE)
        process.send_signal(getattr(signal, how))
        assert await asyncio.wait_for(process.wait(), DRAIN_SECONDS + CLOSE_SECONDS) == 0
        assert (await asking).status_code == 500
        assert process.stderr
        assert b"Traceback" not in await process.stderr.read()


@pytest.mark.slow
async def test_a_cancelled_call_does_not_hold_the_end_back() -> None:
    """In the legacy era a word cancels it, in the modern one whoever asked hangs up."""
    await asyncio.gather(*(leaves_after_cancelling(era) for era in ("legacy", "modern")))


async def leaves_after_cancelling(era: str) -> None:
    async with patient_aircall() as there, served(**there.environment) as (process, client):
        headers: dict[str, str] = JSON
        asked: dict[str, Any] = PING
        if era == "legacy":
            hello = await client.post("/mcp", json=HELLO, headers=JSON)
            headers = {**JSON, "Mcp-Session-Id": hello.headers["mcp-session-id"]}
            await client.post("/mcp", json=word("notifications/initialized"), headers=headers)
            params: dict[str, Any] = {"name": "aircall_ping", "arguments": {}}
            body: dict[str, Any] = {
                "jsonrpc": "2.0",
                "id": 2,
                "method": "tools/call",
                "params": params,
            }
            asked = {"json": body, "headers": headers}
        asking = asyncio.create_task(client.post("/mcp", **asked))
        await asyncio.wait_for(there.asked.wait(), PATIENCE)
        if era == "legacy":
            cancelled = word("notifications/cancelled", requestId=2)
            assert (await client.post("/mcp", json=cancelled, headers=headers)).is_success
        else:
            asking.cancel()
        await asyncio.wait_for(there.left.wait(), PATIENCE)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 3) == 0
        await asyncio.gather(asking, return_exceptions=True)
        assert process.stderr
        assert b"Traceback" not in await process.stderr.read()


def word(method: str, **params: Any) -> dict[str, Any]:
    """A notification of the legacy era."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


@pytest.mark.slow
@pytest.mark.parametrize("how", ENDINGS)
async def test_a_renewal_under_way_is_stored_before_the_server_leaves(how: str, home: Path) -> None:
    """Also after the call that asked for it was given up: the old token is spent by then, and the
    new one is told once."""
    async with held_back(home) as (running, gate):
        async with served(AIRCALL_MCP_BASE_URL=running.url) as (process, client):
            asking = asyncio.create_task(client.post("/mcp", **PING))
            assert await asyncio.to_thread(gate.asked.wait, PATIENCE)
            process.send_signal(getattr(signal, how))
            assert (await asking).status_code == 500
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(process.wait(), 1.5)
            gate.opened.set()
            assert await asyncio.wait_for(process.wait(), 3) == 0
        assert is_renewed_once(home, running)


@asynccontextmanager
async def served(
    *arguments: str, **environment: str
) -> AsyncGenerator[tuple[Process, httpx2.AsyncClient]]:
    """A server that answers over HTTP by now, and a client of it."""
    port = free_port()
    arguments = ("serve", "--transport", "http", "--port", str(port), *arguments)
    async with (
        started(*arguments, pipe=False, **environment) as process,
        httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False
        ) as client,
    ):
        await until(lambda: reachable(port))
        client.headers["Authorization"] = f"Bearer {key_here()}"
        assert (await client.get("/healthz")).status_code == 200
        yield process, client


def key_here() -> str:
    """The key in the home of the test, which a server has made by now."""
    return (Path(os.environ["AIRCALL_MCP_HOME"]) / FILE).read_text("utf-8").strip()


@dataclass
class Patient:
    """An Aircall that says when it was `asked`, and `answers` when it is let; whoever asked may
    have `left` before."""

    environment: dict[str, str]
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    meetings: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.meetings.append(asyncio.create_task(self._meet(reader, writer)))

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked.set()
        leaving = asyncio.create_task(self._leave(reader))
        await self.answers.wait()
        leaving.cancel()
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"ping": "pong"}')
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _leave(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            await reader.read()
        self.left.set()


@asynccontextmanager
async def patient_aircall() -> AsyncGenerator[Patient]:
    there = Patient({"AIRCALL_API_ID": "sandbox-api-id", "AIRCALL_API_TOKEN": "sandbox-api-token"})
    server = await asyncio.start_server(there.meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    there.environment["AIRCALL_MCP_BASE_URL"] = f"http://127.0.0.1:{port}"
    try:
        yield there
    finally:
        server.close()
        there.answers.set()
        await asyncio.gather(*there.meetings)


async def deaf(port: int) -> bool:
    """Nobody listens there any more: the end has begun."""
    return not await reachable(port)


@pytest.mark.slow
async def test_a_port_that_is_taken_is_said_in_words() -> None:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with started("serve", "--transport", "http", "--port", str(port), "--sandbox") as process:
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 2
        assert process.stderr
        told = await process.stderr.read()
    server.close()
    assert b"Traceback" not in told
    assert f"Nothing can listen on 127.0.0.1:{port}".encode() in told


@pytest.mark.slow
async def test_serving_another_address_is_wrong_usage() -> None:
    arguments = ("serve", "--transport", "http", "--host", "0.0.0.0", "--sandbox")
    async with started(*arguments) as process:
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 2
        assert process.stderr
        assert b"no authentication" in await process.stderr.read()
