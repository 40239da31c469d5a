"""Real processes of ours, and somebody who talks to them line by line."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

from .waiting import PATIENCE

META: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Spoken:
    """A server over stdio, driven by hand: what a client library would never send, too."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._number = 0

    async def send(self, line: bytes | str | Any) -> None:
        """One line: bytes and text as they are, anything else as JSON."""
        assert self.process.stdin
        if not isinstance(line, bytes):
            line = (line if isinstance(line, str) else json.dumps(line)).encode()
        self.process.stdin.write(line + b"\n")
        await self.process.stdin.drain()

    async def hear(self) -> Any:
        """The next line, which must be JSON."""
        assert self.process.stdout
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        assert line, "the server said no more"
        return json.loads(line)

    async def ask(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """A request of the legacy era, and its answer."""
        number = await self.post(method, params)
        while (answer := await self.hear()).get("id") != number:
            pass
        return answer

    async def post(self, method: str, params: dict[str, Any] | None = None) -> int:
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params or {}}
        await self.send(request)
        return self._number

    async def shake_hands(self) -> Any:
        answer = await self.ask(
            "initialize",
            {"protocolVersion": "2025-11-25", "capabilities": {},
             "clientInfo": {"name": "test", "version": "0"}},
        )  # fmt: skip
        await self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer["result"]

    async def call(self, tool: str, **arguments: Any) -> Any:
        answer = await self.ask("tools/call", {"name": tool, "arguments": arguments})
        return answer["result"]["structuredContent"]

    async def left(self, within: float) -> int:
        """The exit code, which must come within so many seconds."""
        return await asyncio.wait_for(self.process.wait(), within)


@asynccontextmanager
async def started(
    *arguments: str, code: str | None = None, pipe: bool = True, **environment: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """`aircall-mcp ARGUMENTS` (or a Python program with those arguments), ended at the end."""
    program = ["-c", code] if code else ["-m", "aircall_mcp"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *program, *arguments,
        stdin=asyncio.subprocess.PIPE if pipe else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
        limit=2**24,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        # Read what is left, so that no pipe outlives its loop.
        with suppress(ValueError, ConnectionError):
            await process.communicate()


@asynccontextmanager
async def spoken(*arguments: str, **more: Any) -> AsyncGenerator[Spoken]:
    """A server over stdio that has shaken hands."""
    async with started("serve", *arguments, **more) as process:
        server = Spoken(process)
        await server.shake_hands()
        yield server


@asynccontextmanager
async def small_aircall(*arguments: str) -> AsyncGenerator[dict[str, str]]:
    """A sandbox on a real port; gives the environment that leads a server to it."""
    async with started("sandbox", *arguments, pipe=False) as process:
        assert process.stdout
        line = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE))
        yield {
            "AIRCALL_MCP_BASE_URL": line["base_url"],
            "AIRCALL_API_ID": line["api_id"],
            "AIRCALL_API_TOKEN": line["api_token"],
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
