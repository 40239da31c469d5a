"""A proxy between us and the sandbox that does to a connection what networks do.

It understands just enough HTTP to know where a request ends. What to do with a request is asked of
`plan` when its first bytes come; how many bytes have passed is told to `passed` as they do.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote

Kind: TypeAlias = Literal[
    "hang up", "reset", "half-close", "silence", "cut request", "cut", "drip", "garbage", "html",
    "huge headers", "huge body", "bomb", "answer",
]  # fmt: skip
Direction: TypeAlias = Literal["up", "down"]
App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`at` is a byte position, or a status for "answer"; `after` the sandbox has performed it."""

    kind: Kind
    at: int = 0
    after: bool = True
    head: bytes = b""


_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Proxy:
    """Listens while it is entered. `requests` counts those that came whole; `step` bytes pass at
    a time; `pause` waits so many seconds between two bytes that drip."""

    def __init__(
        self,
        behind: int | Callable[[bytes], Awaitable[bytes]],
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`behind` is a port of this machine, or what turns a request into its answer."""
        self._pause = pause
        self._behind = behind
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.plan: Callable[[], Fault | None] = lambda: None
        self.passed: Callable[[Direction, int], None] = lambda _way, _bytes: None
        self.step = 4096
        self.connections = 0
        self.requests = 0
        self.base_url = ""

    def once(self, fault: Fault) -> None:
        """From now on, `fault` for the next request, and for none after it."""
        left = [fault]
        self.plan = lambda: left.pop() if left else None

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the fault that was asked for, or the other side's
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection lives on."""
        first = await reader.read(1)
        if not first:
            return False
        fault = self.plan()
        if fault and fault.kind == "hang up":
            return _reset(writer)
        request = await self._request(first, reader, fault)
        if request is None:
            return _reset(writer)
        self.requests += 1
        answer = b""
        if fault is None or fault.after:
            answer = await self._ask(request)
        if fault is None:
            await self._tell(writer, answer)
            return True
        return await self._spoil(fault, answer, reader, writer)

    async def _request(
        self, taken: bytes, reader: asyncio.StreamReader, fault: Fault | None
    ) -> bytes | None:
        """The whole request, byte by byte where somebody counts; None if it is cut before."""
        most = fault.at if fault and fault.kind == "cut request" else None
        while not _whole(taken):
            self.passed("up", len(taken))
            if most is not None and len(taken) >= most:
                return None
            more = await reader.read(1 if most is not None else self.step)
            if not more:
                return None
            taken += more
        self.passed("up", len(taken))
        return None if most is not None else taken

    async def _ask(self, request: bytes) -> bytes:
        """What the sandbox answers, as it comes, on a connection of its own."""
        if not isinstance(self._behind, int):
            return await self._behind(request)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._behind)
        try:
            writer.write(request)
            taken = b""
            while not _whole(taken):
                more = await reader.read(65_536)
                if not more:
                    break
                taken += more
            return taken
        finally:
            writer.close()

    async def _tell(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        for start in range(0, len(answer), self.step):
            self.passed("down", start)
            writer.write(answer[start : start + self.step])
            await writer.drain()
        self.passed("down", len(answer))

    async def _spoil(
        self,
        fault: Fault,
        answer: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        match fault.kind:
            case "reset":
                return _reset(writer)
            case "half-close":
                writer.write_eof()
                await reader.read()
            case "silence":
                await reader.read()
            case "cut":
                writer.write(answer[: fault.at])
                await writer.drain()
                self.passed("down", min(fault.at, len(answer)))
            case "drip":
                for byte in answer:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await self._pause(1)
            case "garbage":
                writer.write(b"\x16\x03\x01 no http at all\r\n\r\n" * 10)
                await writer.drain()
            case "html":
                page = b"<html>We will be right back</html>"
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(page), page))
                await writer.drain()
            case "huge headers":
                writer.write(_OK)
                await _flood(writer, b"X-Much: " + b"a" * 65_526 + b"\r\n", 10 * 2**20)
            case "huge body":
                writer.write(_OK + b"Transfer-Encoding: chunked\r\n\r\n")
                await _flood(writer, b"10000\r\n" + b" " * 65_536 + b"\r\n", 2**30)
            case "bomb":
                bomb = _bomb()
                writer.write(_OK + b"Content-Encoding: gzip\r\nContent-Length: ")
                writer.write(b"%d\r\n\r\n%b" % (len(bomb), bomb))
                await writer.drain()
            case _:
                writer.write(b"HTTP/1.1 %d Fault\r\nContent-Length: 2\r\n" % fault.at)
                writer.write(b"Connection: close\r\n" + fault.head + b"\r\n{}")
                await writer.drain()
        return False


async def asked(app: App, request: bytes) -> bytes:
    """What `app` answers, with no server before it: much cheaper where thousands are asked."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.split(b" ", 2)
    path, _, query = target.partition(b"?")
    named = [line.partition(b":") for line in lines]
    scope = {
        "type": "http", "method": method.decode(), "path": unquote(path.decode()),
        "raw_path": path, "query_string": query, "http_version": "1.1", "scheme": "http",
        "headers": [(name.lower(), value.strip()) for name, _, value in named],
        "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await app(scope, receive, send)
    start, content = said[0], b"".join(one.get("body", b"") for one in said[1:])
    answer = b"HTTP/1.1 %d Answer\r\n" % start["status"]
    for name, value in start["headers"]:
        if name.lower() != b"content-length":
            answer += name + b": " + value + b"\r\n"
    return answer + b"content-length: %d\r\n\r\n%b" % (len(content), content)


def _whole(taken: bytes) -> bool:
    head, blank, body = taken.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\ncontent-length:\s*(\d+)", head)
    return bool(blank) and len(body) >= (int(length[1]) if length else 0)


def _reset(writer: asyncio.StreamWriter) -> bool:
    """End the connection with a RST instead of a FIN."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


@cache
def _bomb() -> bytes:
    """A hundred megabytes in a hundredth of that."""
    return gzip.compress(b" " * (100 * 2**20), 1)


async def _flood(writer: asyncio.StreamWriter, piece: bytes, size: int) -> None:
    with suppress(OSError):
        for _ in range(0, size, len(piece)):
            writer.write(piece)
            await writer.drain()
