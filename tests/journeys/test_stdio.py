"""Over stdio, with real processes: the wire is ours alone, and nobody is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from mcp import Client, StdioServerParameters

from ..processes import META, Spoken, small_aircall, spoken, started
from ..waiting import PATIENCE
from .renewals import held_back, is_renewed_once

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ENDINGS = ("stdin closed", "SIGINT", "SIGTERM", "stdout closed")


async def end(server: Spoken, how: str) -> None:
    process = server.process
    if how == "stdin closed":
        assert process.stdin
        process.stdin.close()
    elif how == "stdout closed":
        transport: Any = vars(process)["_transport"]  # nothing else shuts one side of it
        transport.get_pipe_transport(1).close()
    else:
        process.send_signal(getattr(signal, how))


EXIT_CODES = {"stdin closed": 0, "stdout closed": 0, "SIGINT": 130, "SIGTERM": 143}


@pytest.mark.parametrize("how", ENDINGS)
async def test_an_idle_server_leaves_within_two_seconds(how: str) -> None:
    async with spoken("--sandbox") as server:
        await end(server, how)
        assert await server.left(within=2) == EXIT_CODES[how]


async def test_a_busy_server_leaves_within_six_seconds() -> None:
    async with small_aircall("--latency-ms", "60000") as environment:
        await asyncio.gather(*(leaves_while_busy(how, environment) for how in ENDINGS))


async def leaves_while_busy(how: str, environment: dict[str, str]) -> None:
    async with spoken(**environment) as server:
        await server.post("tools/call", {"name": "aircall_get_company", "arguments": {}})
        assert await server.ask("ping")  # by now the call is under way
        await end(server, how)
        assert await server.left(within=6) == EXIT_CODES[how]


@pytest.mark.parametrize("how", ["SIGTERM", "stdin closed"])
async def test_a_call_under_way_is_answered_before_the_server_leaves(how: str) -> None:
    async with (
        small_aircall("--latency-ms", "700") as environment,
        spoken(**environment) as server,
    ):
        number = await server.post("tools/call", {"name": "aircall_get_company", "arguments": {}})
        assert await server.ask("ping")
        await end(server, how)
        answer = await server.hear()
        assert answer["id"] == number
        assert answer["result"]["structuredContent"]["data"]["company"]
        await server.left(within=6)


async def test_a_cancelled_call_does_not_hold_the_end_back() -> None:
    """Nobody waits for its answer any more: the server is as idle as before it."""
    async with small_aircall("--latency-ms", "60000") as environment:
        await asyncio.gather(
            *(leaves_after_cancelling(how, environment) for how in ("SIGTERM", "stdin closed"))
        )


async def leaves_after_cancelling(how: str, environment: dict[str, str]) -> None:
    async with spoken(**environment) as server:
        asked: dict[str, Any] = {"name": "aircall_get_company", "arguments": {}}
        for _ in range(2):
            number = await server.post("tools/call", asked)
            assert await server.ask("ping")  # by now the call is under way
            await server.send(
                {"jsonrpc": "2.0", "method": "notifications/cancelled",
                 "params": {"requestId": number}}
            )  # fmt: skip
        assert await server.ask("ping")
        await end(server, how)
        assert await server.left(within=2) == EXIT_CODES[how]


async def test_a_call_beside_a_cancelled_one_is_still_waited_for() -> None:
    """One of two is cancelled: the other one is answered before the server leaves."""
    async with (
        small_aircall("--latency-ms", "700") as environment,
        spoken(**environment) as server,
    ):
        asked: dict[str, Any] = {"name": "aircall_get_company", "arguments": {}}
        cancelled = await server.post("tools/call", asked)
        kept = await server.post("tools/call", asked)
        assert await server.ask("ping")
        await server.send(
            {"jsonrpc": "2.0", "method": "notifications/cancelled",
             "params": {"requestId": cancelled}}
        )  # fmt: skip
        await end(server, "stdin closed")
        while (answer := await server.hear())["id"] != kept:
            assert answer["id"] == cancelled
        assert answer["result"]["structuredContent"]["data"]["company"]
        assert await server.left(within=3) == 0


@pytest.mark.parametrize("how", ["SIGTERM", "stdin closed"])
async def test_a_renewal_under_way_is_stored_before_the_server_leaves(how: str, home: Path) -> None:
    """Also after six seconds: the old token is spent, and the new one is told once."""
    async with held_back(home) as (running, gate):
        async with spoken(AIRCALL_MCP_BASE_URL=running.url) as server:
            await server.post("tools/call", {"name": "aircall_get_company", "arguments": {}})
            assert await asyncio.to_thread(gate.asked.wait, PATIENCE)
            await end(server, how)
            with pytest.raises(TimeoutError):
                await server.left(within=6)
            gate.opened.set()
            assert await server.left(within=3) == EXIT_CODES[how]
        assert is_renewed_once(home, running)


async def test_a_server_whose_parent_died_leaves_too() -> None:
    """A client that is killed may leave its end of the pipes open in a child of its own."""
    orphan = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'aircall_mcp', 'serve', '--sandbox'],"
        " stdin=0, stdout=1)\n"
        "print(child.pid, file=sys.stderr, flush=True)\n"
        "child.wait()\n"
    )
    async with started(code=orphan) as process:
        server = Spoken(process)
        await server.shake_hands()
        assert process.stderr
        child = psutil.Process(int(await asyncio.wait_for(process.stderr.readline(), PATIENCE)))
        process.kill()
        await asyncio.to_thread(child.wait, 3)


MALFORMED: list[tuple[Any, Any, int]] = [
    (b"[" + b"0," * 20_000 + b"0]", None, -32700),
        ("this is no json", None, -32700),
        (b"\xff\xfe\xfd", None, -32700),
        ("[" * 50_000, None, -32700),
        ('{"jsonrpc": "2.0", "id": 41, "method": "ping", "params": {"a": [}}', 41, -32700),
        ('{"jsonrpc": "2.0", "id": 42, "method": "ping", "params": {"\\ud800": 1}}', 42, -32700),
        ([], None, -32600),
        ([{"jsonrpc": "2.0", "id": 1, "method": "ping"}], None, -32600),
        ("42", None, -32600),
        ({"id": 43, "method": "ping"}, 43, -32600),
        ({"jsonrpc": "1.0", "id": 44, "method": "ping"}, 44, -32600),
        ({"jsonrpc": "2.0", "id": "x"}, "x", -32600),
        ({"jsonrpc": "2.0", "id": 45, "method": 7}, 45, -32600),
        ({"jsonrpc": "2.0", "id": 46, "method": "ping", "params": [1]}, 46, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, None, -32600),
        ({"jsonrpc": "2.0", "id": {"a": 1}, "method": "ping"}, None, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, None, -32600),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, None, -32600),
        ({"jsonrpc": "2.0", "id": 47, "method": "no/such/method"}, 47, -32601),
]  # fmt: skip


async def test_a_malformed_line_is_answered_and_the_next_one_too() -> None:
    async with spoken("--sandbox") as server:
        for line, number, code in MALFORMED:
            await server.send(line)
            answer = await server.hear()
            assert answer["jsonrpc"] == "2.0"
            assert answer["id"] == number, line
            assert type(answer["id"]) is type(number)
            assert answer["error"]["code"] == code
            assert (await server.ask("ping"))["result"] == {}


async def test_blank_lines_and_notifications_are_passed_over_in_silence() -> None:
    async with spoken("--sandbox") as server:
        for line in ("", "   ", {"jsonrpc": "2.0", "method": "notifications/unheard_of"}):
            await server.send(line)
        assert (await server.ask("ping"))["result"] == {}


async def test_an_oversized_line_is_refused_without_being_kept() -> None:
    async with spoken("--sandbox") as server:
        assert (await server.ask("unknown"))["error"]  # by now all is loaded
        before = psutil.Process(server.process.pid).memory_info().rss
        assert server.process.stdin
        chunk = b"x" * 2**20
        for _ in range(100):
            server.process.stdin.write(chunk)
            await server.process.stdin.drain()
        await server.send(b"")
        answer = await server.hear()
        assert answer["error"] == {"code": -32700, "message": "The message is over 4 MiB."}
        grown = psutil.Process(server.process.pid).memory_info().rss - before
        assert grown < 24 * 2**20
        assert (await server.ask("ping"))["result"] == {}


async def test_a_line_of_just_under_four_mebibytes_is_read() -> None:
    async with spoken("--sandbox") as server:
        answer = await server.call("aircall_search", query="x" * (4 * 2**20 - 200))
        assert answer["confident"] is False


async def test_what_anybody_prints_does_not_reach_the_wire() -> None:
    chatty = (
        "import os, subprocess, sys\n"
        "print('printed before the start')\n"
        "from aircall_mcp.desk import Desk\n"
        "quiet = Desk.call\n"
        "async def loud(self, *rest):\n"
        "    print('printed', flush=True)\n"
        "    os.write(1, b'written to descriptor 1\\n')\n"
        "    subprocess.run([sys.executable, '-c', 'print(1)'])\n"
        "    return await quiet(self, *rest)\n"
        "Desk.call = loud\n"
        "from aircall_mcp.cli import main\n"
        "sys.argv = ['aircall-mcp', 'serve', '--sandbox']\n"
        "main()\n"
    )
    async with started(code=chatty) as process:
        server = Spoken(process)
        await server.send("")  # the wire is not taken yet while the program still starts
        assert process.stdout
        first = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        assert first == b"printed before the start\n"  # nobody can stop what comes before us
        await server.shake_hands()
        assert (await server.call("aircall_ping"))["data"] == {"ping": "pong"}
        assert process.stdin
        process.stdin.close()
        assert await process.stdout.read() == b""
        assert process.stderr
        told = await process.stderr.read()
        assert b"printed\n" in told
        assert b"written to descriptor 1" in told


async def test_the_first_message_chooses_the_era() -> None:
    async with started("serve", "--sandbox") as process:
        server = Spoken(process)
        answer = await server.ask("server/discover", {"_meta": META})
        assert answer["result"]["supportedVersions"] == ["2026-07-28"]
        assert "instructions" in answer["result"]
        listed = await server.ask("tools/list", {"_meta": META})
        assert len(listed["result"]["tools"]) > 80
        assert listed["result"]["ttlMs"] == 300_000


@pytest.mark.parametrize("flags", [(), ("--no-instant",)], ids=["at once", "by the SDK"])
async def test_whoever_did_not_wait_for_discovery_may_begin_with_an_older_version(
    flags: tuple[str, ...],
) -> None:
    hello = {"protocolVersion": "2025-11-25", "capabilities": {},
             "clientInfo": {"name": "impatient", "version": "1"}}  # fmt: skip
    async with started("serve", "--sandbox", *flags) as process:
        server = Spoken(process)
        discovered = await server.post("server/discover", {"_meta": META})
        begun = await server.post("initialize", hello)
        heard = [await server.hear(), await server.hear()]
        assert [one["id"] for one in heard] == [discovered, begun]
        assert heard[1]["result"]["protocolVersion"] == "2025-11-25"
        await server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert (await server.ask("tools/list", {}))["result"]["tools"]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_lists_searches_and_calls(mode: str) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "aircall_mcp", "serve", "--sandbox"],
        env=dict(os.environ),
    )  # fmt: skip
    async with Client(server, mode=mode) as client:
        assert len((await client.list_tools()).tools) > 80
        found = await client.call_tool("aircall_search", {"query": "list the tags"})
        assert found.structured_content
        assert found.structured_content["matches"][0]["tool"] == "aircall_list_tags"
        tags = await client.call_tool("aircall_list_tags", {})
        assert tags.structured_content
        assert tags.structured_content["data"]["tags"]
        assert json.loads(getattr(tags.content[0], "text")) == tags.structured_content  # noqa: B009


async def test_logs_go_to_the_file_that_doctor_names_and_never_to_stdout(home: Any) -> None:
    async with spoken("--sandbox") as server:
        await server.call("aircall_get_call", call_id=1)
        await end(server, "stdin closed")
        await server.left(within=2)
    log = home / "log" / "server.log"
    text = log.read_text("utf-8")
    assert "aircall_get_call: refused" in text
    assert "ending: stdin is closed" in text
    assert log.stat().st_mode & 0o077 == 0


async def test_a_home_that_cannot_be_written_does_not_keep_the_server_from_serving() -> None:
    async with spoken("--sandbox", AIRCALL_MCP_HOME="/proc/nowhere") as server:
        assert (await server.call("aircall_ping"))["data"] == {"ping": "pong"}
        await end(server, "stdin closed")
        assert server.process.stderr
        assert b"no log is kept" in await server.process.stderr.read()
