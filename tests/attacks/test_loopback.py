"""Somebody on loopback who says that he is our sandbox, before a real server over stdio.

He may lie, echo, repeat what a sandbox said, lead some paths to one, or sit on the port of one that
was killed: no effect arrives at him.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.ground import probe
from aircall_mcp.storage.sandboxes import Sandboxes

from ..foreign import ForeignServer, announced, foreign_server
from ..ground.test_probe import KEY, LIES, Routing
from ..harness import sandbox_with
from ..processes import Spoken, spoken, started
from ..served import served
from ..waiting import PATIENCE

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]

EFFECTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("start_outbound_call", {"user_id": 1, "number_id": 2, "to": "+33199001234"}),
    ("send_message", {"number_id": 2, "to": "+33199001234", "body": "hello"}),
    ("delete_tag", {"tag_id": 1}),
    ("create_webhook", {"url": "https://events.example.com/in"}),
    ("update_user_v2", {"user_id": 1, "role_ids": ["owner"]}),
)
SHORT = ("an echo",)


async def refused(server: Spoken) -> int:
    """Every effect is asked for, and refused for its word; how many there were."""
    for tool, arguments in EFFECTS:
        error = (await server.call(f"aircall_{tool}", **arguments))["error"]
        assert error["kind"] == "needs_confirmation", error
        assert "is taken for the real host" in error["message"]
    return len(EFFECTS)


@pytest.mark.parametrize("lie", LIES)
async def test_a_liar_gets_a_question_and_no_effect(lie: str, home: Path, full: bool) -> None:
    if not full and lie not in SHORT:
        pytest.skip("in the long form")
    with foreign_server(LIES[lie]) as there, Sandboxes(home).announced(there.url):
        async with spoken(AIRCALL_MCP_BASE_URL=there.url, **KEY) as server:
            tried = await refused(server)
        assert there.unasked == []
        assert len(there.probes) >= tried  # he was asked each time, and believed never
        assert not any("authorization" in headers for headers in there.probes)


class Replaying:
    """Passes the question on to a real sandbox, and its answer back; keeps the effects."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox, self.kept = sandbox, ForeignServer()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asks = scope["path"].startswith(probe.PATH)
        await (self.sandbox if asks else self.kept)(scope, receive, send)


@pytest.mark.usefixtures("at_length")
@pytest.mark.parametrize("between", [Routing, Replaying], ids=["by path", "the question alone"])
@pytest.mark.parametrize("stale", [False, True], ids=["another port", "the port of a killed one"])
async def test_one_who_passes_the_question_on_to_a_real_sandbox_gets_no_effect(
    between: Callable[[Any], Any], stale: bool, home: Path
) -> None:
    proxy = between(sandbox_with())
    with ExitStack() as stack:
        url = stack.enter_context(served(proxy))
        if stale:
            stack.enter_context(Sandboxes(home).announced(url))
        stack.enter_context(announced(proxy.sandbox))
        async with spoken(AIRCALL_MCP_BASE_URL=url, **KEY) as server:
            await refused(server)
    kept = proxy.aircall if isinstance(proxy, Routing) else proxy.kept
    assert kept.unasked == []
    assert not proxy.sandbox.arrivals


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal that kills")
async def test_who_takes_the_port_of_a_killed_sandbox_gets_what_it_had_and_no_effect(
    home: Path,
) -> None:
    """The process was the sandbox; its file is still there; he even has all that it ever said."""
    async with started("sandbox", pipe=False) as process:
        assert process.stdout
        line = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE))
        url = line["base_url"]
        known = {"AIRCALL_MCP_BASE_URL": url, **KEY}
        async with spoken(**known) as server:
            tags = (await server.call("aircall_list_tags"))["data"]["tags"]
            done = await server.call("aircall_delete_tag", tag_id=tags[0]["id"])
            assert "error" not in done, done  # so long as it was the sandbox
            process.send_signal(signal.SIGKILL)
            await asyncio.wait_for(process.wait(), PATIENCE)
            there = ForeignServer()
            with served(there, int(url.rpartition(":")[2])):
                assert Sandboxes(home).proof_at(url) is not None
                await refused(server)
                read = await server.call("aircall_get_company")
                assert "sandbox" not in read
    assert there.unasked == ["GET /v1/company"]


@pytest.mark.usefixtures("at_length")
async def test_nor_does_a_command_send_him_one(home: Path) -> None:
    with foreign_server(LIES["an echo"]) as there, Sandboxes(home).announced(there.url):
        for tool, arguments in EFFECTS[:2]:
            words = ("run", tool, "--args", json.dumps(arguments), "--json")
            known = {**os.environ, "AIRCALL_MCP_BASE_URL": there.url, **KEY}
            async with started(*words, pipe=False, **known) as process:
                out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
            assert process.returncode == 1
            assert json.loads(out)["error"]["kind"] == "needs_confirmation"
        assert there.unasked == []
