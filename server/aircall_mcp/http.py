"""The HTTP door: the MCP app on loopback, and a health check."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .errors import AircallMCPError, SettingsError
from .secrets import LOOPBACK
from .server import AircallServer

if TYPE_CHECKING:
    from starlette.applications import Starlette

LARGEST_REQUEST = 1024 * 1024
"""Bytes of one MCP request."""
MOST_SESSIONS = 200
SESSION_IDLE_SECONDS = 300.0
DRAIN_SECONDS = 5


def mcp_app(server: AircallServer, host: str, port: int) -> Starlette:
    """The Starlette app: `/mcp` and `/healthz`. Raises `SettingsError` off the loopback address.

    Host and Origin are held against an explicit list, so that no page in a browser can talk to it
    by way of a rebound name.
    """
    if host not in LOOPBACK:
        raise SettingsError(
            f"{host} is not the loopback address, and this door has no authentication.",
            hint="Use --host 127.0.0.1, and a tunnel or a reverse proxy that authenticates.",
        )
    names = ("127.0.0.1", "localhost", "[::1]")
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}:{port}" for name in names],
        allowed_origins=[f"http://{name}:{port}" for name in names],
    )
    return server.streamable_http_app(
        streamable_http_path="/mcp",
        max_request_body_size=LARGEST_REQUEST,
        session_idle_timeout=SESSION_IDLE_SECONDS,
        max_sessions=MOST_SESSIONS,
        transport_security=security,
        host=host,
        custom_starlette_routes=[Route("/healthz", _health, methods=["GET"])],
    )


async def serve(server: AircallServer, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM. Raises `SettingsError` off the loopback address, and
    `AircallMCPError` when the port is taken."""
    import uvicorn

    app = mcp_app(server, host, port)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise AircallMCPError(
            f"port {port} is taken ({error.strerror})", hint="Choose another with --port."
        ) from None
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        server_header=False,
    )
    runner = uvicorn.Server(config)
    with listening:
        await runner.serve(sockets=[listening])
    # uvicorn raises the signal it caught again; a served end is a good end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})
