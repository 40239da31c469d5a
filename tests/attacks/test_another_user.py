"""Another user of this machine, who may connect to loopback and look at the home of ours."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.protocol.bearer import FILE

from ..foreign import ForeignServer, foreign_server
from ..gateway.test_stakes import KEY
from ..processes import META, free_port, started
from ..waiting import PATIENCE, reachable, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]

ALLOW = "reach,delete,exposes,administers"
NOBODY = 65_534
QUIET = 2.0
"""Seconds after which nothing more is said to who waits."""
CALL: dict[str, Any] = {
    "jsonrpc": "2.0", "id": 1, "method": "tools/call",
    "params": {"name": "aircall_delete_tag", "arguments": {"tag_id": 1}, "_meta": META},
}  # fmt: skip


@dataclass
class Served:
    """A server over HTTP whose owner allows all, and the Aircall behind it, which counts."""

    port: int
    there: ForeignServer
    home: Path

    @property
    def key(self) -> str:
        return (self.home / FILE).read_text("ascii").strip()

    async def said(self, raw: bytes) -> bytes:
        """What is answered to these bytes, until it ends or says no more for a while."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(raw)
        heard = b""
        with suppress(TimeoutError, ConnectionError):
            while more := await asyncio.wait_for(reader.read(65_536), QUIET):
                heard += more
        writer.transport.abort()
        return heard


@asynccontextmanager
async def serving(home: Path) -> AsyncGenerator[Served]:
    port = free_port()
    words = ("serve", "--transport", "http", "--port", str(port), "--allow", ALLOW)
    with foreign_server() as there:
        async with started(*words, pipe=False, AIRCALL_MCP_BASE_URL=there.url, **KEY):
            await until(lambda: reachable(port))
            yield Served(port, there, home)


def asking(port: int, *more: str, line: str = "POST /mcp HTTP/1.1", body: bytes = b"") -> bytes:
    """A tool call of the newer era, raw; with more headers."""
    body = body or json.dumps(CALL).encode()
    headers = [
        line, f"Host: 127.0.0.1:{port}", "Accept: application/json, text/event-stream",
        "Content-Type: application/json", "MCP-Protocol-Version: 2026-07-28",
        "Mcp-Method: tools/call", "Mcp-Name: aircall_delete_tag", f"Content-Length: {len(body)}",
        "Connection: close", *more,
    ]  # fmt: skip
    return "\r\n".join(headers).encode("latin-1") + b"\r\n\r\n" + body


def without(served: Served) -> Iterator[bytes]:
    """Every way to ask without having the key."""
    port, key = served.port, served.key
    other = "A" * len(key)
    digest = sha256(key.encode()).hexdigest()  # what the process keeps
    values = (
        "", "Bearer", "Bearer ", "Bearer  ", f"Bearer {other}", f"Bearer {key[:-1]}", "Bearer null",
        f"Bearer {key}x", f"Bearer {digest}", f"Basic {key}", f"Bearer {key.swapcase()}", key,
        f"Token {key}", f"Bearer{key}", f"Bearer {other}, Bearer {other}", "Bearer \xa0",
        "Bearer *",
    )  # fmt: skip
    for value in values:
        yield asking(port, f"Authorization: {value}")
    yield asking(port)
    yield asking(port, f"Authorization: Bearer {other}", f"Authorization: Bearer {key}")
    for name in ("X-Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "Authorisation"):
        yield asking(port, f"{name}: Bearer {other}")
    for path in (
        "//mcp", "/mcp/", "/MCP", "/./mcp", "/healthz/../mcp", "/health/../mcp", "/%6dcp", "/mcp?x",
        "/mcp%2f", "/mcp;/healthz", "http://127.0.0.1/mcp", "*", "/", f"/mcp?key={other}",
        f"/mcp?access_token={other}",
    ):  # fmt: skip
        yield asking(port, line=f"POST {path} HTTP/1.1")
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "post"):
        yield asking(port, line=f"{method} /mcp HTTP/1.1")
    upgrade = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + "A" * 24)
    yield asking(port, *upgrade, line="GET /mcp HTTP/1.1")
    # One request within another, for whoever reads their borders otherwise.
    inner = asking(port)
    yield asking(port, "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + inner)
    yield asking(port, "Content-Length: 0", body=inner)
    yield asking(port, line="GET /healthz HTTP/1.1", body=inner)
    yield asking(port, line="GET /healthz HTTP/1.1").replace(b"close", b"keep-alive") + inner
    yield inner.replace(b"HTTP/1.1", b"HTTP/1.0")
    yield inner.replace(b"\r\n", b"\n")


async def test_who_has_no_key_sends_nothing(home: Path) -> None:
    async with serving(home) as served:
        tried = 0
        for raw in without(served):
            said = await served.said(raw)
            tried += 1
            assert b'"result"' not in said, (raw, said)
            assert b"aircall_delete_tag" not in said, (raw, said)
            assert served.key.encode() not in said
        assert served.there.all == []
        with_it = await served.said(asking(served.port, f"Authorization: Bearer {served.key}"))
        assert b'"result"' in with_it
        assert served.there.arrivals == ["DELETE /v1/tags/1"]
        print(f"another user: {tried} requests without the key, 0 arrived")


LOOKS = textwrap.dedent("""
    import json, os, sys
    home, user = sys.argv[1], int(sys.argv[2])
    os.setgroups([]); os.setgid(user); os.setuid(user)
    read = []
    for file in json.loads(sys.argv[3]):
        for attempt in (lambda: open(file, "rb").read(), lambda: open(file, "ab"),
                        lambda: os.link(file, "/tmp/linked"), lambda: os.chmod(file, 0o666),
                        lambda: os.replace(file, file + "x"), lambda: os.unlink(file)):
            try:
                attempt()
            except OSError:
                continue
            read.append(file)
    try:
        read += os.listdir(home)
    except OSError:
        pass
    print(json.dumps(read))
""")


@pytest.mark.usefixtures("at_length")
@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can be somebody else"
)
async def test_the_key_and_all_beside_it_are_not_for_him(home: Path) -> None:
    """As a process of another user, who may even reach the home's directory."""
    async with serving(home) as served:
        await served.said(asking(served.port, f"Authorization: Bearer {served.key}"))
        looked = await asyncio.to_thread(looks, home)
    assert looked == []


def looks(home: Path) -> list[str]:
    """What another user could read, change or take away there."""
    files = [str(one) for one in home.rglob("*") if one.is_file()]
    assert str(home / FILE) in files
    ours = {above: above.stat().st_mode for above in home.parents if above.stat().st_uid == 0}
    try:
        for above, mode in ours.items():
            above.chmod(mode | 0o011)
        done = subprocess.run(
            ["/usr/bin/env", "python3", "-c", LOOKS, home, str(NOBODY), json.dumps(files)],
            capture_output=True, text=True, check=True, timeout=PATIENCE,
        )  # fmt: skip
    finally:
        for above, mode in ours.items():
            above.chmod(mode)
    return json.loads(done.stdout)
