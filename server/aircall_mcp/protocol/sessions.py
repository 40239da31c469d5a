"""Sessions over HTTP; the one that was idle for longest is closed for a new one.

The SDK refuses a newcomer where too many are open, so that clients that went without a word keep
the others out until their time is over. What ends one here is what its client would send: a DELETE.
A session is in use while a request of it is answered or its stream is open, and then never ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SESSION = MCP_SESSION_ID_HEADER.encode("ascii")
VERSION = MCP_PROTOCOL_VERSION_HEADER.encode("ascii")
FULL = {
    "jsonrpc": "2.0",
    "id": None,
    "error": {"code": -32603, "message": "Too many sessions are in use. Try again later."},
}


class Sessions:
    """At most so many, and those that are just being opened."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._idle: dict[str, None] = {}
        """The one that was used longest ago first."""
        self._used: Counter[str] = Counter()
        """How many requests of each are being answered."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        named = _header(scope, SESSION)
        if named is None and _opens(scope) and len(self._used) >= self._most:
            again = {"retry-after": "5"}
            await JSONResponse(FULL, status_code=503, headers=again)(scope, receive, send)
            return
        session = named if named in self._idle or named in self._used else None
        ended = False

        async def heard(message: Message) -> None:
            nonlocal session, ended
            if message["type"] == "http.response.start":
                status: int = message["status"]
                if named is None and status < 400 and (made := _header(message, SESSION)):
                    session = made
                    self._begin(session)
                    await self._make_room(scope)
                ended = status == 404 or (scope["method"] == "DELETE" and status < 300)
            await send(message)

        if session is not None:
            self._begin(session)
        try:
            await self._app(scope, receive, heard)
        finally:
            if session is not None:
                self._finish(session, ended=ended)

    def _begin(self, session: str) -> None:
        self._idle.pop(session, None)
        self._used[session] += 1

    def _finish(self, session: str, *, ended: bool) -> None:
        self._used[session] -= 1
        if not self._used[session]:
            del self._used[session]
            if not ended:
                self._idle[session] = None

    async def _make_room(self, scope: Scope) -> None:
        while self._idle and len(self._idle) + len(self._used) > self._most:
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            known = [(name, value) for name, value in scope["headers"]
                     if name in (b"host", b"origin")]  # fmt: skip
            delete = {**scope, "method": "DELETE",
                      "headers": [*known, (SESSION, oldest.encode("ascii"))]}  # fmt: skip
            await self._app(delete, _nothing, _to_nobody)


def _opens(scope: Scope) -> bool:
    """Whether this is of the older era, in which a session is opened."""
    version = _header(scope, VERSION)
    return version is None or version in HANDSHAKE_PROTOCOL_VERSIONS


def _header(holder: MutableMapping[str, Any], name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in holder["headers"] if key == name), None)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _to_nobody(_message: Message) -> None:
    """Whether it was still there is of no interest: it is gone."""
