"""Serve an ASGI app on a socket, until whoever asked for that is done with it.

Signals are left alone: one process may serve several things, and ends them in its own order.

Nobody's request keeps the event loop to itself, before the app has seen it or asked who sends it.
What parses HTTP goes on for as long as it has bytes, so it is given few at a time, and a body that
comes in many more chunks than its size explains is turned away. Whoever says `Content-Length`, as
Aircall does and every client of MCP that we know, has nothing to do with chunks.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

import anyio

from ..errors import SettingsError

DRAIN_SECONDS = 5
"""How long requests under way may take when the end has come."""

LARGEST_HEAD = 16 * 1024
"""Bytes of a request's line and headers, or of its trailers: some 4,000 headers, 10 ms."""

FREE_CHUNKS = 1_000
"""Chunks of one request, whatever is in them: 10 ms."""

SMALLEST_CHUNK = 64
"""Bytes that a chunk beyond those must have, in the mean of the whole body."""


_HINTS = {
    errno.EADDRINUSE: "Choose another --port, or find out who has it.",
    errno.EACCES: "Choose a --port of 1024 or more: those below are the system's.",
}


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on; port 0 is any free one.

    Raises `SettingsError`.
    """
    # Named, so that asyncio knows it for TCP and does not hold small answers back (Nagle).
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # So that a restart need not wait for connections of the last one to be forgotten. On Windows
    # the same option would let any other program take the port away.
    if sys.platform != "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise SettingsError(
            f"Nothing can listen on {host}:{port} ({error.strerror}).",
            hint=_HINTS.get(error.errno or 0, "Choose another --host: one of this machine's."),
        ) from None
    return listening


async def serve(app: Any, listening: socket.socket, **choices: Any) -> None:
    """Serve `app` on `listening` until cancelled; then requests under way are finished first.

    `choices` are uvicorn's.
    """
    import uvicorn

    class Quiet(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Generator[None]:
            yield

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        http=_protocol(),
        ws="none",
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **choices,
    )
    server = Quiet(config)
    try:
        await server.serve(sockets=[listening])
    except asyncio.CancelledError:
        server.should_exit = True
        with anyio.CancelScope(shield=True):
            await server.shutdown(sockets=[listening])
        raise
    finally:
        listening.close()


@cache
def _protocol() -> type[asyncio.Protocol]:
    """uvicorn's protocol, made when something is served: nothing else needs it."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Counting(h11.Connection):
        """Holds the chunks of each request against its size."""

        chunks = body = 0

        def next_event(self) -> Any:
            event = super().next_event()
            if isinstance(event, h11.Request):
                self.chunks = self.body = 0
            elif isinstance(event, h11.Data):
                self.chunks += event.chunk_start
                self.body += len(event.data)
                if self.chunks > FREE_CHUNKS + self.body // SMALLEST_CHUNK:
                    raise h11.RemoteProtocolError("the chunks are too small", 400)
            return event

    class InTurns(H11Protocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.conn = Counting(h11.SERVER, LARGEST_HEAD)

        def data_received(self, data: bytes) -> None:
            # In one piece its head would be parsed before anybody sees how long it is.
            for start in range(0, len(data), LARGEST_HEAD):
                if self.transport.is_closing():
                    return
                super().data_received(data[start : start + LARGEST_HEAD])

        def send_400_response(self, msg: str) -> None:
            if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                super().send_400_response(msg)
            else:  # it has its answer
                self.transport.close()

    return InTurns
