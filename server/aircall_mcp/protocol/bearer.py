"""The key of MCP over HTTP, in a file that only its owner can read.

Loopback is open to every user of the machine, and whoever is answered acts with the owner's
credentials. So a request brings the key as a bearer token, which its client reads from that file or
from the environment. Here only its digest stays in memory.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import StoreError
from ..ground.private_files import Modes
from ..storage.lock import Lock

FILE = "http.key"
VARIABLE = "AIRCALL_MCP_HTTP_KEY"
"""Where a client has the key from that reads no files."""
REALM = b'Bearer realm="aircall-mcp"'
SHORTEST = 32
"""Characters of a key, so that none is guessed."""
NEEDED = (
    "This server answers whoever has its key, so that no other user of this machine acts as you."
    " Run: aircall-mcp config CLIENT --write --url {url}"
)

_VERSION = "2026-07-28"
_META: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": _VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
}

_Scope: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App: TypeAlias = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


def digest_in(
    home: Path,
    *,
    modes: Modes | None = None,
    make: Callable[[], str] = lambda: secrets.token_urlsafe(32),
) -> bytes:
    """The digest of the key in `home`, which is made where there is none. Raises `StoreError`."""
    modes = modes or Modes()
    modes.directory(home)
    file = home / FILE
    with Lock(home / "http.lock", modes=modes).held():  # two may start for the first time at once
        found = modes.read(file)
        if found is None:
            found = make().encode("ascii")
            modes.replace(file, found + b"\n")
    key = found.strip()
    if len(key) < SHORTEST:
        raise StoreError(
            f"{file} holds no key.", hint=f"Run: rm '{file}'. The next start makes a new one."
        )
    return sha256(key).digest()


def open_at(host: str, port: int, *, patience: float = 2.0) -> bool:
    """Whether a server of ours listens there and answers without a key."""
    from http.client import HTTPConnection, HTTPException

    asked: dict[str, Any] = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "server/discover",
        "params": {"_meta": _META},
    }
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": _VERSION,
        "mcp-method": "server/discover",
    }
    connection = HTTPConnection(host, port, timeout=patience)
    try:
        connection.request("POST", "/mcp", json.dumps(asked), headers)
        answer = connection.getresponse()
        return answer.status == 200 and b'"name":"aircall"' in answer.read(65_536)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class Bearer:
    """Lets through who has the key, and hears of the others before a byte of their bodies. What
    says only that the server is up is for all."""

    def __init__(
        self, app: _App, digest: bytes, url: str, *, free: frozenset[str] = frozenset()
    ) -> None:
        error = {"code": -32001, "message": NEEDED.format(url=url)}
        self._answer = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
        self._app = app
        self._digest = digest
        self._free = free

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._free or self._has_key(scope):
            await self._app(scope, receive, send)
            return
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(self._answer)).encode()),
            (b"www-authenticate", REALM),
        ]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": self._answer})

    def _has_key(self, scope: _Scope) -> bool:
        brought = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, key = (brought[0] if len(brought) == 1 else b"").partition(b" ")
        given = sha256(key.strip()).digest()
        return hmac.compare_digest(given, self._digest) and scheme.lower() == b"bearer"
