"""Requests that are cut up so that parsing them is work without end, before the app is asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from aircall_mcp.ground import asgi as hosting
from aircall_mcp.ground.asgi import FREE_CHUNKS, LARGEST_HEAD, SMALLEST_CHUNK

pytestmark = pytest.mark.anyio

POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


class App:
    """Answers once it has a body, or `early`, and counts what it was given."""

    def __init__(self, *, early: bool = False) -> None:
        self.early = early
        self.bytes = 0
        self.bodies: list[int] = []
        self.cut = 0
        self.port = 0
        self.faults: list[dict[str, Any]] = []

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, not self.early
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.cut += 1
                return
            size += len(message["body"])
            self.bytes += len(message["body"])
            more = message["more_body"]
        self.bodies.append(size)
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def served(*, early: bool = False) -> AsyncGenerator[App]:
    app = App(early=early)
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: app.faults.append(fault))
    listening = hosting.listen("127.0.0.1", 0)
    app.port = listening.getsockname()[1]
    serving = asyncio.create_task(hosting.serve(app, listening, lifespan="off"))
    try:
        yield app
    finally:
        serving.cancel()
        await asyncio.wait({serving})


async def statuses(port: int, *requests: bytes) -> list[int]:
    """What is answered on one connection, to each as it is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard: list[int] = []
    try:
        for request in requests:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            heard.append(int(head.split()[1]))
            if heard[-1] != 200:
                await reader.read()
                break
    except (ConnectionError, asyncio.IncompleteReadError):
        heard.append(0)
    finally:
        writer.close()
    return heard


def chunks(size: int, count: int) -> bytes:
    return (b"%x\r\n" % size + b"x" * size + b"\r\n") * count


async def test_a_body_of_tiny_chunks_is_not_read_on() -> None:
    async with served() as app:
        attack = CHUNKED + chunks(1, 240_000) + b"0\r\n\r\n"
        assert (await statuses(app.port, attack))[0] in (400, 0)
        assert await statuses(app.port, POST + b"Content-Length: 2\r\n\r\nab") == [200]
    assert app.bodies == [2]
    assert app.bytes <= FREE_CHUNKS + FREE_CHUNKS // SMALLEST_CHUNK + 2
    assert app.faults == []


async def test_nor_once_it_has_its_answer() -> None:
    async with served(early=True) as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(CHUNKED)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(chunks(1, 240_000))
        with suppress(ConnectionError):
            assert await reader.read() == b""  # it is closed, and nothing more is said
        writer.close()
    assert app.bodies == [0]
    assert app.faults == []


@pytest.mark.parametrize(
    "attack",
    [
        CHUNKED + b"0\r\n" + b"a:\r\n" * 15_000 + b"\r\n",
        POST + b"a:\r\n" * 60_000 + b"\r\n",
        POST + b"a: " + b"a" * 250_000 + b"\r\n\r\n",
        CHUNKED + b"1;" + b"x" * 250_000 + b"\r\n \r\n0\r\n\r\n",
    ],
    ids=["trailers", "headers", "a long header", "words on a chunk"],
)
async def test_a_head_or_a_tail_without_end_is_not_parsed(attack: bytes) -> None:
    async with served() as app:
        assert (await statuses(app.port, attack))[0] in (400, 0)
    assert app.bodies == []
    assert app.faults == []


async def test_whatever_clients_send_is_taken() -> None:
    size = 300_000
    long = b"X-Long: " + b"x" * (LARGEST_HEAD - 200) + b"\r\n"
    requests = [
        POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size,
        CHUNKED + chunks(8192, 30) + b"0\r\n\r\n",
        CHUNKED + chunks(SMALLEST_CHUNK, 4_000) + b"0\r\n\r\n",
        CHUNKED + chunks(1, FREE_CHUNKS) + b"0\r\nX-Sum: 1\r\n\r\n",
        CHUNKED + chunks(1, FREE_CHUNKS) + b"0\r\n\r\n",  # each has its own
        POST + long + b"Content-Length: 1\r\n\r\nx",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
    async with served() as app:
        assert await statuses(app.port, *requests) == [200] * len(requests)
    assert app.bodies == [size, 8192 * 30, SMALLEST_CHUNK * 4_000, FREE_CHUNKS, FREE_CHUNKS, 1, 0]
    assert app.faults == []


async def test_a_body_with_its_length_told_may_trickle_in() -> None:
    count = 2 * FREE_CHUNKS
    async with served() as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(POST + b"Content-Length: %d\r\n\r\n" % count)
        for _ in range(count):
            writer.write(b"x")
            await asyncio.sleep(0)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()
    assert app.bodies == [count]


ODD = {
    "a tunnel": b"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel in use": b"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no HTTP behind it": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\xff\xff\r\n\r\n",
    "another protocol": b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n"
    b"Connection: Upgrade\r\n\r\nxx",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a body that breaks off": CHUNKED + b"1\r\na\r\nzz\r\n",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_nothing_of_a_stranger_s_request_is_a_fault_of_ours(
    odd: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A traceback for each would wash everything else out of the log."""
    async with served() as app:
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
            writer.write(odd)
            writer.write_eof()
            with suppress(ConnectionError):
                await reader.read()
            writer.close()
        assert await statuses(app.port, POST + b"Content-Length: 2\r\n\r\nab") == [200]
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []
    assert app.faults == []
