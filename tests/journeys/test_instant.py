"""Over stdio, with real processes: what is answered before a server is there, and what follows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.protocol import ready

from ..processes import META, Spoken, started
from ..waiting import PATIENCE, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"roots": {"listChanged": True}},
    "clientInfo": {"name": "journey", "version": "1"},
}
CALL: dict[str, Any] = {"name": "aircall_get_company", "arguments": {}}


def asked(number: int, method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


OLDER = [
    asked(1, "initialize", HELLO),
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    asked(2, "tools/list", {}),
    asked(3, "ping", {}),
    asked(4, "tools/call", CALL),
    asked(5, "resources/list", {}),
    asked(1, "tools/list", {}),  # an id a second time
]
NEWEST = [
    asked(1, "server/discover", {"_meta": META}),
    asked(2, "tools/list", {"_meta": META}),
    asked(3, "tools/call", {**CALL, "_meta": META}),
    asked(4, "resources/templates/list", {"_meta": META}),
]


def kept(home: Path) -> list[Path]:
    return list(home.glob("instant/*.jsonl"))


async def answers(session: list[dict[str, Any]], *flags: str) -> list[Any]:
    """What comes back when all of a session is written at once: by id, and within one in order."""
    async with started("serve", "--sandbox", *flags) as process:
        server = Spoken(process)
        for message in session:
            await server.send(message)
        heard = [await server.hear() for message in session if "id" in message]
        assert process.stdin
        process.stdin.close()
        assert process.stdout
        assert await process.stdout.read() == b""  # and nothing twice
        assert await server.left(within=PATIENCE) == 0
        return heard


@pytest.mark.parametrize("session", [OLDER, NEWEST], ids=["older", "newest"])
async def test_a_session_hears_what_it_would_hear_without_and_once(
    session: list[dict[str, Any]],
) -> None:
    at_once = await answers(session)
    waited = await answers(session, "--no-instant")
    assert sorted(map(json.dumps, at_once)) == sorted(map(json.dumps, waited))
    lists = [one["id"] for one in at_once][:2]
    assert lists == [1, 2]


async def test_what_a_selection_answers_is_there_at_the_next_start(tmp_path: Path) -> None:
    argv, environment = ["serve", "--read-only"], {"AIRCALL_MCP_HOME": str(tmp_path)}
    assert ready.ready_for(argv, environment) is None
    async with started(*argv, AIRCALL_MCP_HOME=str(tmp_path)) as process:
        server = Spoken(process)
        told = await server.ask("initialize", HELLO)
        tools = await server.ask("tools/list")
        await until(lambda: kept(tmp_path))
    known = ready.ready_for(argv, environment)
    assert known
    assert json.loads(b"{%b}" % known["2025-06-18 initialize"])["result"] == told["result"]
    assert json.loads(b"{%b}" % known["2025-06-18 tools/list"])["result"] == tools["result"]

    assert ready.ready_for(["serve"], environment) != known
    assert ready.ready_for([*argv, "--surface", "search"], environment) is None
    assert ready.ready_for(argv, {**environment, "AIRCALL_MCP_TOOLS": "ping"}) is None
    (file,) = kept(tmp_path)
    whole = file.read_bytes()
    for torn in (whole[:-1], whole[:40], b"", whole.replace(b"Aircall", b"aircall", 1)):
        file.write_bytes(torn)
        assert ready.ready_for(argv, environment) is None, torn[:60]
    file.write_bytes(whole)
    assert ready.ready_for(argv, environment) == known
    (tmp_path / "config.toml").write_text("read_only = true\n")
    assert ready.ready_for(argv, environment) is None


async def test_whoever_leaves_after_the_opening_leaves_nothing(tmp_path: Path) -> None:
    async with started("serve", AIRCALL_MCP_HOME=str(tmp_path)) as process:
        server = Spoken(process)
        assert (await server.shake_hands())["serverInfo"]["name"] == "aircall"
        assert process.stdin
        process.stdin.close()
        assert await server.left(within=PATIENCE) == 0
