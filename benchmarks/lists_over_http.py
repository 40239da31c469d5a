"""tools/list over HTTP in the newest version: from ready bytes, and as the SDK answers it.

Both apps stand in one process and are called in turn, straight through ASGI, so that no client and
no socket is measured with them.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

import anyio
from contenders import Bench
from measure import Json, percentile

from aircall_mcp.app import open_app
from aircall_mcp.ground.config import settings_from
from aircall_mcp.protocol.http import mcp_app
from aircall_mcp.protocol.mcp_server import AircallServer

PORT = 8000
VERSION = "2026-07-28"
REQUESTS = 60
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
ASKED: Json = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
HEADERS = {
    "host": f"127.0.0.1:{PORT}",
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": VERSION,
    "mcp-method": "tools/list",
}


async def asked(app: Any) -> float:
    """Seconds until the answer is complete. Raises `RuntimeError` for one that is no list."""
    body = json.dumps(ASKED).encode()
    scope: Json = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/mcp", "raw_path": b"/mcp", "query_string": b"",
        "root_path": "", "server": ("127.0.0.1", PORT), "client": ("127.0.0.1", 50_000),
        "headers": [(name.encode(), value.encode()) for name, value in HEADERS.items()],
    }  # fmt: skip
    sent: list[Json] = []
    told = False

    async def receive() -> Json:
        nonlocal told
        if told:
            await anyio.sleep_forever()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Json) -> None:
        sent.append(message)

    began = time.perf_counter()
    await app(scope, receive, send)
    elapsed = time.perf_counter() - began
    whole = b"".join(message.get("body", b"") for message in sent)
    if b'"aircall_search"' not in whole:
        raise RuntimeError(f"no list over HTTP: {sent[0]!r} {whole[:300]!r}")
    return elapsed


async def measured(home: str, rounds: int) -> tuple[list[float], list[float]]:
    environment = {"AIRCALL_MCP_HOME": home}
    settings = settings_from({"sandbox": True}, environment)
    ready: list[float] = []
    plain: list[float] = []
    async with open_app(settings, environment) as app:

        def server() -> AircallServer:
            return AircallServer(app.desk, news=app.news)

        ours = mcp_app(server(), "127.0.0.1", PORT, key=None)
        sdk = mcp_app(server(), "127.0.0.1", PORT, key=None, instant=False)
        async with ours.router.lifespan_context(ours), sdk.router.lifespan_context(sdk):
            for number in range(rounds + 1):
                for one, times in ((ours, ready), (sdk, plain)):
                    found = [await asked(one) for _ in range(REQUESTS)]
                    if number:  # the first round makes what is ready
                        times.append(percentile(found, 0.5) * 1000)
    return ready, plain


def row(bench: Bench, rounds: int) -> tuple[str, ...]:
    """The line of the table, with the SDK's own answer in the place of the floor."""
    ready, plain = anyio.run(measured, str(bench.folder / "home-http"), rounds)
    ratio = statistics.median(a / b for a, b in zip(ready, plain, strict=True))
    shown = [f"{statistics.median(times):,.2f} ms" for times in (plain, ready)]
    verdict = "met" if ratio <= 0.3 else "missed"
    return (
        "tools/list over HTTP: p50, to the SDK's",
        *shown,
        f"{ratio:.2f}",
        "≤ 0.3",
        verdict,
        "",
        "",
    )
