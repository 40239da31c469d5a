"""Two servers of one home, an account and no webhook: one asks, both hear."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path

import pytest

from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.app import open_app
from aircall_mcp.cli.serve import BEFORE_POLLING
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.sandbox.edge import Keys

from ..harness import Clock, sandbox_with
from ..processes import spoken
from ..served import served
from ..vaults import vault_at
from ..waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(300)]


def with_account(home: Path) -> None:
    keys = Keys()
    with closing(vault_at(home, {})) as vault:
        vault.create("file")
        key = ApiKey(api_id=Secret(keys.api_id), api_token=Secret(keys.api_token))
        Accounts(vault).add(Account(name="acme", host="127.0.0.1", credential=key))


def ring(sandbox: Sandbox) -> int:
    """Somebody calls, nobody answers, and it is over."""
    number = next(iter(sandbox.world.numbers.values()))
    call = sandbox.world.ring(number, "+33199001234", time.time(), answer=False)
    call.ended = call.started + 1
    return call.id


async def test_one_of_them_asks_and_both_hear_of_a_missed_call(home: Path) -> None:
    with_account(home)
    sandbox = sandbox_with(requests_per_minute=None)
    with served(sandbox) as url:
        where = {"AIRCALL_MCP_BASE_URL": url, "AIRCALL_MCP_HOME": str(home)}
        async with spoken(**where) as one, spoken(**where) as two:
            await until(lambda: sandbox.arrivals)
            missed = ring(sandbox)
            answers = await asyncio.gather(
                *(
                    server.call(
                        "aircall_wait_for_event",
                        kinds=["call.ended"], match={"call_id": missed}, timeout_seconds=120,
                    )
                    for server in (one, two)
                )
            )  # fmt: skip
            for answer in answers:
                assert answer["data"]["event"]["data"]["missed_call_reason"]
                assert any("Texts" in note for note in answer["notes"])
            assert len(sandbox.arrivals) <= 4  # of one, and not of each
            texts = await one.call("aircall_list_messages")
            assert any("need the webhook" in note for note in texts["notes"])
            for server in (one, two):
                assert server.process.stdin
                server.process.stdin.close()
                assert await server.left(6) == 0


async def test_nothing_is_asked_where_it_is_off(home: Path) -> None:
    with_account(home)
    sandbox = sandbox_with(requests_per_minute=None)
    with served(sandbox) as url:
        where = {"AIRCALL_MCP_BASE_URL": url, "AIRCALL_MCP_HOME": str(home)}
        async with spoken("--no-poll", **where):
            with pytest.raises(TimeoutError):  # longer than it would take to begin
                await until(lambda: sandbox.arrivals, patience=BEFORE_POLLING + 2)
    assert len(sandbox.arrivals) == 0


class Over(Exception):
    """Nobody waits any longer."""


async def test_without_a_vault_nothing_is_asked_and_nothing_made(home: Path) -> None:
    async def pause(_seconds: float) -> None:
        raise Over

    sandbox = sandbox_with(requests_per_minute=None)
    with served(sandbox) as url:
        environment = {
            "AIRCALL_MCP_HOME": str(home), "AIRCALL_MCP_BASE_URL": url,
            "AIRCALL_API_ID": "sandbox-api-id", "AIRCALL_API_TOKEN": "sandbox-api-token",
        }  # fmt: skip
        clock = Clock().handed(pause)
        async with open_app(settings_from({}, environment), environment, clock=clock) as app:
            with pytest.raises(ExceptionGroup) as ended:
                await app.events.poll()
            assert ended.group_contains(Over)
    assert len(sandbox.arrivals) == 0
    assert names_in(home) == set()


def names_in(home: Path) -> set[str]:
    return {one.name for one in home.iterdir()} if home.exists() else set()
