"""MCP over HTTP: an app on loopback, and a health check."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ..errors import SettingsError
from ..ground import asgi as hosting
from ..ground.secrets import LOOPBACK
from ..ground.weight import MOST_ASKED, values_in
from .bearer import Bearer
from .frames import INVALID_REQUEST, Refusal, id_in, message_aside
from .mcp_server import AircallServer
from .sessions import Sessions

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_REQUEST = 1024 * 1024
"""Bytes of one MCP request."""
MOST_SESSIONS = 200
OPENING = 1_000
"""Sessions that may be just being opened beside those: more than there can be connections."""
SESSION_IDLE_SECONDS = 300.0


def mcp_app(
    server: AircallServer,
    host: str,
    port: int,
    *,
    key: bytes | None,
    most_sessions: int = MOST_SESSIONS,
) -> Starlette:
    """The Starlette app: `/mcp` and `/healthz`. Raises `SettingsError` off the loopback address.

    `key` is the digest of what a client must bring (`bearer.digest_in`), None for an open door.

    Host and Origin are held against an explicit list, so that no page in a browser can talk to it
    by way of a rebound name.
    """
    if host not in LOOPBACK:
        raise SettingsError(
            f"{host} is not the loopback address, and this server has no authentication of its own"
            " but one key.",
            hint="Use --host 127.0.0.1, and a tunnel or a reverse proxy that authenticates.",
        )
    names = ("127.0.0.1", "localhost", "[::1]")
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}:{port}" for name in names],
        allowed_origins=[f"http://{name}:{port}" for name in names],
    )
    app = server.streamable_http_app(
        streamable_http_path="/mcp",
        max_request_body_size=LARGEST_REQUEST,
        session_idle_timeout=SESSION_IDLE_SECONDS,
        max_sessions=most_sessions + OPENING,
        transport_security=security,
        host=host,
        custom_starlette_routes=[Route("/healthz", _health, methods=["GET"])],
    )
    app.add_middleware(Sessions, most=most_sessions)
    app.add_middleware(_Frames)
    if key is not None:
        url = f"http://{host}:{port}/mcp"
        free = frozenset({"/healthz"})
        app.add_middleware(Bearer, digest=key, url=url, free=free)  # before all others
    return app


async def serve(
    server: AircallServer,
    host: str,
    port: int,
    *,
    key: bytes | None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM; calls under way are answered before it returns. Raises
    `SettingsError` off the loopback address, and where the port is taken; `ready` hears when it is
    ours.
    """
    app = mcp_app(server, host, port, key=key)
    with hosting.listen(host, port) as listening:
        ready()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_signalled, tasks.cancel_scope)
            await hosting.serve(app, listening)


class _Frames:
    """Turns away what the SDK would parse for too long on the loop, and answers by its id what it
    cannot parse: it would name none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        text = bytearray()  # one piece: a message of a byte each would weigh 300 times as much
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # nobody waits for an answer any more
            text += message.get("body", b"")
            if len(text) > LARGEST_REQUEST:
                told = f"The message is over {LARGEST_REQUEST >> 20} MiB."
                end = b"" if message.get("more_body") else None  # what is not read has no id
                refused = Refusal(id_in(bytes(text), end), INVALID_REQUEST, told)
                await JSONResponse(refused.answer, status_code=413)(scope, receive, send)
                return
            more = bool(message.get("more_body"))

        whole = bytes(text)
        try:
            read = await message_aside(whole) if whole else b""
        except Refusal as refusal:
            status = 413 if values_in(whole) > MOST_ASKED else 400
            await JSONResponse(refusal.answer, status_code=status)(scope, receive, send)
            return
        heard: list[Message] = [{"type": "http.request", "body": read, "more_body": False}]

        async def again() -> Message:
            return heard.pop() if heard else await receive()

        await self._app(scope, again, send)


async def _until_signalled(scope: anyio.CancelScope) -> None:
    if sys.platform == "win32":
        return  # an interrupt ends the event loop itself there
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})
