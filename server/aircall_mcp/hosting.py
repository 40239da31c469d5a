"""Serve an ASGI app on a socket, until whoever asked for that is done with it.

Signals are left alone: one process may serve several things, and ends them in its own order.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import anyio

from .errors import SettingsError

DRAIN_SECONDS = 5
"""How long requests under way may take when the end has come."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on; port 0 is any free one.

    Raises `SettingsError`.
    """
    # Named, so that asyncio knows it for TCP and does not hold small answers back (Nagle).
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise SettingsError(
            f"Nothing can listen on {host}:{port} ({error.strerror}).",
            hint="Choose another --port, or find out who has it.",
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
