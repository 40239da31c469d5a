"""MCP over HTTP: an app on loopback, and a health check."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.streamable_http import check_accept_headers
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ..errors import SettingsError
from ..ground import asgi as hosting
from ..ground.secrets import LOOPBACK
from ..ground.weight import MOST_ASKED, values_in
from .bearer import Bearer
from .frames import INVALID_REQUEST, Refusal, id_in, message_aside
from .mcp_server import AircallServer
from .opening import MODERN, frame_in, modern
from .rehearsal import newest_of
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
    instant: bool = True,
) -> Starlette:
    """The Starlette app: `/mcp` and `/healthz`. Raises `SettingsError` off the loopback address.

    `key` is the digest of what a client must bring (`bearer.digest_in`), None for an open door.
    Where it is `instant`, the newest version's lists are answered from ready bytes.

    Host and Origin are held against an explicit list, so that no page in a browser can talk to it
    by way of a rebound name.
    """
    if host not in LOOPBACK:
        raise SettingsError(
            f"{host} is not the loopback address, and this server has no authentication except"
            " one key.",
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
    if instant:
        app.add_middleware(_Ready, server=server, security=TransportSecurityMiddleware(security))
    app.add_middleware(_Hosts, allowed=frozenset(security.allowed_hosts), told=f"{host}:{port}")
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


class _Hosts:
    """Turns away another Host as the SDK does, and says what a proxy has to pass on instead."""

    def __init__(self, app: ASGIApp, allowed: frozenset[str], told: str) -> None:
        self._app = app
        self._allowed = allowed
        self._words = (
            f"Invalid Host header. This server answers to {told} alone: a proxy in front of it"
            f" passes `Host: {told}` on, see docs/clients.md."
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        at_mcp = scope["type"] == "http" and scope["path"] == "/mcp"
        if at_mcp and Request(scope).headers.get("host") not in self._allowed:
            await PlainTextResponse(self._words, status_code=421)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class _Ready:
    """Answers what the newest version begins with from ready bytes, once host, origin and headers
    are as the SDK wants them. Whatever is not known by heart is the SDK's."""

    def __init__(
        self, app: ASGIApp, server: AircallServer, security: TransportSecurityMiddleware
    ) -> None:
        self._app = app
        self._server = server
        self._security = security
        self._ends: dict[str, bytes] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not await self._is_asked_well(scope):
            await self._app(scope, receive, send)
            return
        heard = await receive()  # all of it: `_Frames` has read it
        frame = None if heard.get("more_body") else frame_in(heard.get("body", b""))
        end = await self._end(scope, frame) if frame and "id" in frame else b""
        if frame and end:
            text = b'{"jsonrpc":"2.0","id":%b,%b}' % (json.dumps(frame["id"]).encode(), end)
            await Response(text, media_type="application/json")(scope, receive, send)
            return
        waiting = [heard]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, again, send)

    async def _is_asked_well(self, scope: Scope) -> bool:
        """Whether path and headers are what this version's clients send, each once."""
        if scope["method"] != "POST" or scope["path"] != "/mcp":
            return False
        request = Request(scope)
        names = [name for name, _ in scope["headers"]]
        if request.headers.get(MCP_PROTOCOL_VERSION_HEADER) != MODERN or len(names) > len(
            set(names)
        ):
            return False
        mirrored = MCP_METHOD_HEADER in request.headers and MCP_NAME_HEADER not in request.headers
        fine = mirrored and all(check_accept_headers(request))
        return fine and await self._security.validate_request(request, is_post=True) is None

    async def _end(self, scope: Scope, frame: dict[str, Any]) -> bytes:
        """The end of the answer, empty where there is none at hand."""
        method = frame["method"]
        if Request(scope).headers[MCP_METHOD_HEADER] != method or not modern(
            frame.get("params", {})
        ):
            return b""
        if self._ends is None:
            self._ends = {}  # whoever comes meanwhile is answered by the SDK
            found = await newest_of(self._server)
            plain = {name: end for name, end in found.items() if end.startswith(b'"result":')}
            self._ends = {name: _ascii(end) for name, end in plain.items()}
        return self._ends.get(f"{MODERN} {method}", b"")


def _ascii(end: bytes) -> bytes:
    """The end of an answer as the SDK writes it over HTTP."""
    text = json.dumps(json.loads(b"{%b}" % end), separators=(",", ":"))
    return text.removeprefix("{").removesuffix("}").encode()


async def _until_signalled(scope: anyio.CancelScope) -> None:
    if sys.platform == "win32":
        return  # an interrupt ends the event loop itself there
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})
