"""Serve an ASGI app on a socket, until its caller is done with it.

Signals are left alone: one process may serve several things, and ends them in its own order.

Who may be connected, and for how long without a request, `admission` says.

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
from typing import TYPE_CHECKING, Any, cast

import anyio

from ..errors import SettingsError
from .admission import Admission, Visit, Waits

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

DRAIN_SECONDS = 5
"""How long requests under way may take when the end has come."""

LARGEST_HEAD = 16 * 1024
"""Bytes of a request's line and headers, or of its trailers: some 4,000 headers, 10 ms."""

FREE_CHUNKS = 1_000
"""Chunks of one request, whatever is in them: 10 ms."""

SMALLEST_CHUNK = 64
"""Bytes that a chunk beyond those must have, in the mean of the whole body."""

QUEUE = 2048
"""Connections that may wait for their turn. Those beyond would try again after a second."""

_TURNED_AWAY = {
    408: b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    503: b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n"
    b"retry-after: 5\r\n\r\n",
}
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


async def serve(
    app: Any,
    listening: socket.socket,
    *,
    admission: Admission | None = None,
    **choices: Any,
) -> None:
    """Serve `app` on `listening` until cancelled; then requests under way are finished first.

    `admission` bounds who is connected; `choices` are uvicorn's.
    """
    import uvicorn

    class Quiet(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Generator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            listening.listen(QUEUE)

    admission = admission or Admission()
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=_protocol(admission),
        ws="none",
        # So many are let in at once, before the first of them has been read from.
        backlog=max(4, admission.bounds.connections // 4),
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **choices,
    )
    server = Quiet(config)
    sweeping = asyncio.create_task(admission.keep())
    try:
        await server.serve(sockets=[listening])
    except asyncio.CancelledError:
        server.should_exit = True
        with anyio.CancelScope(shield=True):
            await server.shutdown(sockets=[listening])
        raise
    finally:
        sweeping.cancel()
        listening.close()


def _protocol(admission: Admission) -> type[asyncio.Protocol]:
    """uvicorn's protocol, made when something is served: nothing else needs it."""
    import h11
    from uvicorn.protocols.http.flow_control import CLOSE_HEADER
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Counting(h11.Connection):
        """Counts the requests, and holds the chunks of each against its size."""

        requests = chunks = body = 0

        def next_event(self) -> Any:
            event = super().next_event()
            if isinstance(event, h11.Request):
                if event.method == b"CONNECT":  # behind a yes to it no answer could be written
                    raise h11.RemoteProtocolError("no tunnel begins here", 400)
                self.requests += 1
                self.chunks = self.body = 0
            elif isinstance(event, h11.Data):
                self.chunks += event.chunk_start
                self.body += len(event.data)
                if self.chunks > FREE_CHUNKS + self.body // SMALLEST_CHUNK:
                    raise h11.RemoteProtocolError("the chunks are too small", 400)
            return event

    class Admitted(H11Protocol):
        conn: Counting

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.conn = Counting(h11.SERVER, LARGEST_HEAD)
            self.visit = Visit(self._end, stage=(0, False))

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            peer = transport.get_extra_info("peername")
            admission.enter(self.visit, str(peer[0]) if peer else "")

        def connection_lost(self, exc: Exception | None) -> None:
            admission.leave(self.visit)
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            # In one piece its head would be parsed before anybody sees how long it is.
            for start in range(0, len(data), LARGEST_HEAD):
                if self.transport.is_closing():
                    return
                piece = data[start : start + LARGEST_HEAD]
                super().data_received(piece)
                self._look(len(piece))

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._look()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._look()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._look()

        def send_400_response(self, msg: str) -> None:
            if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                cycle = cast("RequestResponseCycle | None", self.cycle)
                if cycle is not None and not cycle.response_complete:
                    # This is its answer now: that the app has one too is no fault to be told of.
                    cycle.disconnected = True
                    cycle.message_event.set()
                super().send_400_response(msg)
            else:  # it has its answer
                self.transport.close()

        def _look(self, came: int = 0) -> None:
            """Say what we wait for. What is dropped, since it has its answer, is not held."""
            cycle = cast("RequestResponseCycle | None", self.cycle)
            answered = cycle is None or cycle.response_complete
            held = len(self.conn.trailing_data[0])
            waits: Waits | None = None
            if self.transport.is_closing() or self.flow.write_paused:
                waits = "reader"
            elif self.conn.their_state is h11.SEND_BODY:
                waits, held = "body", held if answered else self.visit.held + came
            elif answered:
                waits = "head"
            if cycle is not None and not cycle.response_started and admission.crowded:
                cycle.default_headers = [*{*cycle.default_headers, CLOSE_HEADER}]
            # The time of the first head began with the connection, that of another one begins with
            # itself: between the two nobody stays for long.
            begun = waits == "head" and self.conn.requests > 0 and held > 0
            admission.waits(self.visit, waits, stage=(self.conn.requests, begun), held=held)

        def _end(self, status: int) -> None:
            early = self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE)
            if status and early and not self.transport.is_closing():
                self.transport.write(_TURNED_AWAY[status])
            self.transport.abort()

    return Admitted
