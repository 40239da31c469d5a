"""Connections that never ask, bodies that never end, and a genuine event all the while; sessions
that nobody uses."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from aircall_mcp.ground.admission import Bounds

from ..chaos.burst import HOST, ReceiverProcess, requests_of
from ..harness import Clock
from ..journeys.test_http import HELLO, JSON, served
from ..mail import PATH, log_in
from ..processes import free_port
from ..waiting import until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform == "win32", reason="the limit of open files is POSIX's"),
]

HEAD = f"POST {PATH} HTTP/1.1\r\nHost: events\r\n".encode()
FILES = 1024
"""What most systems let a process open."""
GROWTH = 64 * 1024 * 1024
"""Bytes by which memory may grow, whatever comes. It was 215 MB for 800 bodies of 270 KB."""
PATIENCE = 5.0
"""Seconds within which a genuine event has its 200: Aircall waits no longer."""


@dataclass
class AttackedReceiver:
    """A receiver, those who do it harm, and somebody who brings events as Aircall does."""

    port: int
    process: psutil.Process
    genuine: list[tuple[int, bytes]]
    base: int = 0
    peak: int = 0
    most: int = 0
    told: list[float] = field(default_factory=list[float])
    there: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])

    async def attack(self, start: bytes) -> None:
        _, writer = await asyncio.open_connection(HOST, self.port)
        self.there.append(writer)
        with suppress(ConnectionError):
            writer.write(start)
            await writer.drain()

    async def event(self) -> None:
        """A genuine one, on a connection of its own: it must be acknowledged."""
        _, request = self.genuine.pop()
        began = time.perf_counter()
        head = await asyncio.to_thread(answered, self.port, request)
        assert head.startswith(b"HTTP/1.1 200 "), head
        self.told.append(time.perf_counter() - began)
        self.peak = max(self.peak, self.process.memory_info().rss)
        self.most = max(self.most, len(self.process.net_connections("tcp")))

    def said(self, what: str) -> str:
        grown = (self.peak - self.base) / 2**20
        return (f"{what}: {len(self.told)} events acknowledged, the slowest after"
                f" {1000 * max(self.told):.0f} ms; at most {self.most} connections held,"
                f" {grown:.0f} MB more memory")  # fmt: skip


def answered(port: int, request: bytes) -> bytes:
    """On a thread, since Aircall does not wait for those who do harm."""
    with socket.create_connection((HOST, port), PATIENCE) as there:
        there.sendall(request)
        return there.recv(65_536)


@contextmanager
def files(limit: int) -> Generator[None]:
    """What is started in here may open so many; we ourselves as many as we are allowed."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@asynccontextmanager
async def attacked(home: Path, events: int) -> AsyncGenerator[AttackedReceiver]:
    log_in(home, Clock(time.time())).close()
    receiver = ReceiverProcess(home, free_port())
    with files(FILES):
        await receiver.start()
    (process,) = [one for one in psutil.Process().children(recursive=True)
                  if str(receiver.port) in one.cmdline()]  # fmt: skip
    ours = AttackedReceiver(
        receiver.port, process, requests_of(events + 3, duplicates=0, bad=0, seed=1)
    )
    for _ in range(3):
        await ours.event()
    ours.base = ours.process.memory_info().rss
    try:
        yield ours
        stored = len(ours.told)
    finally:
        for writer in ours.there:
            writer.transport.abort()
        await receiver.stop()
    with closing(sqlite3.connect(home / "events.db")) as database:
        assert database.execute("SELECT count(*) FROM event").fetchone() == (stored,)
    assert ours.peak - ours.base < GROWTH
    assert ours.most <= Bounds().connections + 200  # and what is just being taken in or let go


async def test_half_open_connections_shut_nobody_out(home: Path, full: bool) -> None:
    count = 1_200 if full else 450
    async with attacked(home, count // 20) as ours:
        for number in range(count):
            await ours.attack((b"", b"P", HEAD, HEAD + b"X-Long: ")[number % 4])
            if number % 20 == 19:
                await ours.event()
        print(ours.said(f"{count} half-open connections"))


async def test_nor_do_they_all_at_once(home: Path, full: bool) -> None:
    count = 1_200 if full else 700
    async with attacked(home, 20) as ours:
        for _ in range(5 if full else 1):
            flood = asyncio.gather(*(ours.attack(b"") for _ in range(count)))
            for _ in range(4):
                await ours.event()
            await flood
        print(ours.said(f"{len(ours.there)} connections at once"))


async def test_bodies_without_an_end_cost_little_memory(home: Path, full: bool) -> None:
    count = 800 if full else 100
    body = HEAD + b"Content-Length: 1000000\r\n\r\n" + b" " * 270_000
    async with attacked(home, count // 10) as ours:
        for number in range(count):
            await ours.attack(body)
            if number % 10 == 9:
                await ours.event()
        print(ours.said(f"{count} unfinished bodies of 270 KB"))


async def test_requests_again_and_again_leave_room(home: Path, full: bool) -> None:
    """Each is answered, and followed by the beginning of the next: they are never the oldest."""
    count = 600 if full else 180
    async with attacked(home, count // 10) as ours:
        for number in range(count):
            await ours.attack(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nG")
            for writer in ours.there[-300:] if number % (5 if full else 30) == 0 else ():
                if not writer.transport.is_closing():
                    writer.write(b"ET /healthz HTTP/1.1\r\nHost: x\r\n\r\nG")
            if number % 10 == 9:
                await ours.event()
        print(ours.said(f"{count} connections that ask again and again"))


async def test_a_byte_now_and_then_does_not_hold_a_place(home: Path, full: bool) -> None:
    """In true time; what moves the clock by hand is `tests/ground/test_admission.py`."""
    if not full:
        pytest.skip("takes 15 s of true time")
    async with attacked(home, 200) as ours:
        for number in range(100):
            await ours.attack((HEAD, HEAD + b"Content-Length: 1000000\r\n\r\n")[number % 2])
        began, over = time.monotonic(), list[float]()

        async def dripped() -> bool:
            for writer in ours.there:
                if not writer.transport.is_closing():
                    writer.write(b"a")
            ended = sum(writer.transport.is_closing() for writer in ours.there)
            over.extend([time.monotonic() - began] * (ended - len(over)))
            if len(ours.told) < 10 * (time.monotonic() - began):
                await ours.event()
            return len(over) == 100

        await until(dripped, 30)
        print(ours.said("100 that send a byte now and then"))
        print(
            f"ended after {over[0]:.1f} to {over[49]:.1f} s and {over[50]:.1f} to {over[-1]:.1f} s"
        )
        assert 9.5 < over[0] <= over[49] < 12
        assert 14.5 < over[50] <= over[-1] < 17


async def test_sessions_that_nobody_uses_keep_nobody_out(home: Path, full: bool) -> None:
    if not full:
        pytest.skip("tests/protocol/test_sessions.py has it with fewer")
    count = 1_000
    async with served("--sandbox") as (_, client):
        mine = await opened(client)
        for number in range(count):
            await opened(client)
            if number % 20 == 0:
                assert (await tags(client, mine)).status_code == 200
        assert (await tags(client, mine)).status_code == 200
    print(f"{count} sessions left idle: each next one was opened, and the one in use went on")


async def opened(client: httpx2.AsyncClient) -> str:
    hello = await client.post("/mcp", json=HELLO, headers=JSON)
    assert hello.status_code == 200
    return hello.headers["mcp-session-id"]


async def tags(client: httpx2.AsyncClient, session: str) -> httpx2.Response:
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
                            "params": {"name": "aircall_list_tags", "arguments": {}}}  # fmt: skip
    return await client.post("/mcp", json=body, headers={**JSON, "Mcp-Session-Id": session})
