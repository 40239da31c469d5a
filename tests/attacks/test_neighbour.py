"""Another user of this machine, at MCP over HTTP: he has the port, and not the key."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aircall_mcp.protocol.bearer import FILE, digest_in

from ..journeys.test_http import HELLO, JSON, key_here, modern, served
from ..stranger import stranger

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]

CALL = modern("tools/call", {"name": "aircall_list_tags", "arguments": {}})
KEY = {"AIRCALL_API_ID": "sandbox-api-id", "AIRCALL_API_TOKEN": "sandbox-api-token"}


def near(key: str, chance: random.Random) -> str:
    """A guess, or almost the key."""
    at = chance.randrange(len(key))
    return chance.choice((
        key[:at], key[at:], key[:at] + "A" + key[at + 1 :] + "B", key + key, key.swapcase(),
        "".join(chance.choices(key, k=len(key))), "", "x" * chance.randrange(4_000),
    ))  # fmt: skip


async def test_nothing_arrives_at_aircall_for_who_has_not_the_key(home: Path, full: bool) -> None:
    chance, tried = random.Random(1), 2_000 if full else 100
    with stranger() as there:
        async with served(AIRCALL_MCP_BASE_URL=there.url, **KEY) as (_, client):
            key = key_here()
            for number in range(tried):
                guess = near(key, chance)
                if guess == key:
                    continue
                client.headers["Authorization"] = (
                    f"{('Bearer', 'Basic')[number % 2]} {guess}".strip()
                )
                answer = await client.post("/mcp", **CALL)
                assert answer.status_code == 401
                assert key not in answer.text
            assert there.arrivals == []
            client.headers["Authorization"] = f"Bearer {key}"
            assert (await client.post("/mcp", **CALL)).status_code == 200
            assert there.arrivals != []
    print(f"{tried} without the key: 0 arrivals")


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can be somebody else"
)
def test_nor_can_he_read_it(home: Path) -> None:
    digest_in(home)
    for folder in (home, *home.parents):  # it is the file that must not let him in
        if folder.stat().st_uid == os.geteuid() and folder.is_relative_to("/tmp"):
            folder.chmod(0o755)
    for file, read in ((home / FILE, False), (home / "known", True)):
        if read:
            file.write_text("to all")
        done = subprocess.run(
            ["/bin/cat", str(file)], capture_output=True, text=True, check=False,
            user=65_534, group=65_534, extra_groups=[],
        )  # fmt: skip
        assert (done.returncode == 0) is read, done.stderr
        assert done.stdout == ("to all" if read else "")


async def test_sessions_that_nobody_uses_keep_nobody_out(home: Path, full: bool) -> None:
    if not full:
        pytest.skip("tests/protocol/test_sessions.py has it with fewer")
    count = 1_000
    async with served("--sandbox") as (_, client):
        mine = await opened(client)
        for number in range(count):
            await opened(client)
            if number % 20 == 0:
                assert (await tags(client, mine)).status_code == 200
        assert (await tags(client, mine)).status_code == 200
    print(f"{count} sessions left idle: each next one was opened, and the one in use went on")


async def opened(client: httpx2.AsyncClient) -> str:
    hello = await client.post("/mcp", json=HELLO, headers=JSON)
    assert hello.status_code == 200
    return hello.headers["mcp-session-id"]


async def tags(client: httpx2.AsyncClient, session: str) -> httpx2.Response:
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
                            "params": {"name": "aircall_list_tags", "arguments": {}}}  # fmt: skip
    return await client.post("/mcp", json=body, headers={**JSON, "Mcp-Session-Id": session})
