"""An Aircall on a real socket, which does as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from ..harness import OwnGateway, auth_for
from .asking import KEY

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def aircall(
    behaviour: Behaviour, **more: Any
) -> AsyncGenerator[tuple[OwnGateway, list[bytes]]]:
    """A server that does as `behaviour` says, a gateway to it, and the requests it heard."""
    heard: list[bytes] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [
                line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
            ]
            heard.append(
                head + (await reader.readexactly(int(length[0].split(b":")[1])) if length else b"")
            )
            await behaviour(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    auth = auth_for(base_url, KEY)
    gateway = OwnGateway(base_url=base_url, auth=auth, **more)
    try:
        yield gateway, heard
    finally:
        await gateway.aclose()
        server.close()
        await server.wait_closed()


def saying(content: bytes) -> Behaviour:
    async def say(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()

    return say


GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"company": {}}'
