"""What needs a person's yes, asked for by a model over real stdio, whichever way it is spelled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aircall_mcp.protocol.bearer import FILE

from ..foreign import ForeignServer, foreign_server
from ..gateway.test_stakes import KEY, SHUT, ways
from ..processes import META, free_port, spoken, started
from ..waiting import PATIENCE, reachable, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]

SHORT = frozenset({
    "start_outbound_call", "send_message", "delete_tag", "create_webhook", "delete_user",
    "update_user_v2.role_ids", "list_calls.fetch_short_urls",
})  # fmt: skip
"""What the short form asks for; the long one asks for all."""


@pytest.fixture(scope="module")
def there() -> Iterator[ForeignServer]:
    """No sandbox of ours, so the real host; counts."""
    with foreign_server() as stands:
        yield stands


def tried(surface: str, chosen: frozenset[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tool and arguments of every way to ask for it, but for the old names that a test makes up."""
    for asked in SHUT:
        if asked.name in chosen:
            for way, tool, arguments in ways(asked):
                if way == surface and "_old_" not in tool + str(arguments.get("operation")):
                    yield tool, arguments


@pytest.mark.parametrize("surface", ["full", "search"])
async def test_nothing_arrives_that_nobody_said_yes_to(
    surface: str, there: ForeignServer, full: bool
) -> None:
    chosen = frozenset(one.name for one in SHUT) if full else SHORT
    before, count = len(there.unasked), 0
    environment = {"AIRCALL_MCP_BASE_URL": there.url, **KEY}
    async with spoken("--surface", surface, "--include-deprecated", **environment) as server:
        for tool, arguments in tried(surface, chosen):
            error = (await server.call(tool, **arguments))["error"]
            assert error["kind"] == "needs_confirmation", (tool, arguments, error)
            count += 1
        assert there.unasked[before:] == []
        if surface == "full":
            await server.call("aircall_get_company")
        else:
            await server.call("aircall_read", operation="get_company", arguments={})
    assert there.unasked[before:] == ["GET /v1/company"]  # it was there all the while
    assert count >= len(chosen)
    print(f"unasked, {surface}: {count} tried, 0 arrived")


async def over_http(port: int, key: str, tool: str, arguments: dict[str, Any]) -> Any:
    params = {"name": tool, "arguments": arguments, "_meta": META}
    headers = {
        "Accept": "application/json, text/event-stream", "Authorization": f"Bearer {key}",
        "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool,
    }  # fmt: skip
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with httpx2.AsyncClient(timeout=PATIENCE) as client:
        said = await client.post(f"http://127.0.0.1:{port}/mcp", json=body, headers=headers)
    return said.json()["result"]["structuredContent"]


@pytest.mark.usefixtures("at_length")
async def test_nor_over_http(there: ForeignServer, home: Path) -> None:
    before, count, port = len(there.unasked), 0, free_port()
    known = {"AIRCALL_MCP_BASE_URL": there.url, **KEY}
    words = ("serve", "--transport", "http", "--port", str(port), "--include-deprecated")
    async with started(*words, pipe=False, **known):
        await until(lambda: reachable(port))
        key = (home / FILE).read_text("ascii").strip()
        for tool, arguments in tried("full", frozenset(one.name for one in SHUT)):
            error = (await over_http(port, key, tool, arguments))["error"]
            assert error["kind"] == "needs_confirmation", (tool, arguments, error)
            count += 1
        assert there.unasked[before:] == []
        await over_http(port, key, "aircall_get_company", {})
    assert there.unasked[before:] == ["GET /v1/company"]
    print(f"unasked, over HTTP: {count} tried, 0 arrived")


@pytest.mark.usefixtures("at_length")
async def test_nor_by_a_command_of_a_model_with_a_shell(there: ForeignServer) -> None:
    before, count = len(there.unasked), 0
    known = {"AIRCALL_MCP_BASE_URL": there.url, **KEY}
    for asked in SHUT:
        if asked.name in SHORT:
            for name in (asked.operation.id, asked.operation.tool, asked.operation.route):
                words = ("run", name, "--args", json.dumps(asked.arguments), "--json")
                async with started(*words, pipe=False, **known) as process:
                    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
                assert process.returncode == 1
                assert json.loads(out)["error"]["kind"] == "needs_confirmation", (name, out)
                count += 1
    assert there.unasked[before:] == []
    assert count >= 3 * len(SHORT)
    print(f"unasked, by a command: {count} tried, 0 arrived")
