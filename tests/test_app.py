"""Everything is put together so that it keeps to the account its owner named."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from aircall_mcp import spec
from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.app import App, open_app
from aircall_mcp.errors import NotOffered, SpecError
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.vault.mailbox import mailbox_of

from .authority import Authority
from .canaries import CANARIES
from .harness import THURSDAY
from .vaults import vault_at

pytestmark = pytest.mark.anyio

NOBODY = {
    "AIRCALL_MCP_BASE_URL": "http://127.0.0.1:9",
    "AIRCALL_API_ID": CANARIES["api id"],
    "AIRCALL_API_TOKEN": CANARIES["api token"],
}
"""An account, and an Aircall where nobody answers."""


def app_at(home: Path, account: str | None = None, **environment: str) -> App:
    """Everything over two accounts, `paris` and `rome`, in a vault with a key file."""
    variables = {"AIRCALL_MCP_HOME": str(home), **environment}
    vault = vault_at(home, variables)
    if not vault.exists:
        vault.create("file")
        for name in ("paris", "rome"):
            key = ApiKey(api_id=Secret(f"id-of-{name}-1234"), api_token=Secret(f"token-of-{name}"))
            Accounts(vault).add(Account(name=name, credential=key))
    vault.close()
    return open_app(settings_from({"account": account}, variables), variables)


def opened_under(home: Path) -> set[str]:
    """The files of `home` that this process holds open."""
    paths = [Path(file.path) for file in psutil.Process().open_files()]
    return {path.name for path in paths if path.is_relative_to(home)}


async def use_all_of(one: App) -> None:
    """Count, journal, read an account, and ask for events and rules."""
    await one.desk.call("aircall_create_tag", {"name": "VIP", "color": "#00B388"}, Caller())
    box = mailbox_of(one.events.vault, make=True)
    assert box is not None
    one.events.log.install(box.public)
    one.events.rules.try_again()


async def test_an_app_lets_go_of_all_that_it_opened(home: Path) -> None:
    async with app_at(home, "env", **NOBODY) as one:
        await use_all_of(one)
        names = opened_under(home)
        assert {"events.db", "forwarding.db", "journal.db", "vault.db"} < names
        assert any(name.startswith("state") for name in names)
    assert opened_under(home) == set()
    await one.aclose()


async def test_an_effect_that_is_on_its_way_is_journaled_before_the_app_has_closed(
    home: Path,
) -> None:
    heard, closing_began = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        heard.set()
        await closing_began.wait()
        writer.write(b'HTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\n{"id":1}')
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(slow, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        app = app_at(home, "env", **{**NOBODY, "AIRCALL_MCP_BASE_URL": url})
        tag = {"name": "VIP", "color": "#00B388"}
        asked = asyncio.ensure_future(app.desk.call("aircall_create_tag", tag, Caller()))
        await heard.wait()
        asked.cancel()
        closed = asyncio.ensure_future(app.aclose())
        await asyncio.sleep(0)
        assert not closed.done()
        closing_began.set()
        await closed
    assert opened_under(home) == set()
    with closing(sqlite3.connect(home / "journal.db")) as database:
        assert database.execute("SELECT outcome FROM intent").fetchall() == [("done",)]


async def test_an_app_leaves_the_vault_that_it_was_handed_to_whoever_opened_it(home: Path) -> None:
    app_at(home)
    variables = {"AIRCALL_MCP_HOME": str(home), **NOBODY}
    vault = vault_at(home, variables)
    settings = settings_from({"account": "env"}, variables)
    async with open_app(settings, variables, vault=vault) as one:
        await use_all_of(one)
    assert opened_under(home) == {"vault.db"}
    vault.close()
    assert opened_under(home) == set()


def test_where_it_cannot_be_put_together_no_file_stays_open(home: Path) -> None:
    app_at(home)
    variables = {"AIRCALL_MCP_HOME": str(home), **NOBODY}
    known = Registry.of(spec.load())
    more = replace(known.ids["read_events"], id="greet", tool="aircall_greet")
    offers = Offers(Registry([*known.known, more]))
    with pytest.raises(SpecError, match="greet"):
        open_app(settings_from({}, variables), variables, offers=offers)
    assert opened_under(home) == set()


async def test_one_clock_is_handed_down(home: Path) -> None:
    """What is journaled bears the time of the clock that the app was given."""
    variables = {"AIRCALL_MCP_HOME": str(home), **NOBODY}
    clock = Clock(monotonic=lambda: 1000.5, wall=lambda: THURSDAY + 0.25)
    settings = settings_from({"account": "env"}, variables)
    async with open_app(settings, variables, clock=clock) as one:
        await one.desk.call("aircall_create_tag", {"name": "VIP", "color": "#00B388"}, Caller())
    with closing(sqlite3.connect(home / "journal.db")) as database:
        found = database.execute("SELECT opened, wall FROM intent").fetchall()
    assert found == [(1000.5, THURSDAY + 0.25)]


async def test_a_person_who_is_there_is_asked_for_the_passphrase(home: Path) -> None:
    asked: list[bool] = []

    def ask(new: bool) -> Secret:
        asked.append(new)
        return Secret(CANARIES["passphrase"])

    variables = {"AIRCALL_MCP_HOME": str(home), "AIRCALL_MCP_BASE_URL": "http://127.0.0.1:9"}
    vault = vault_at(home, variables, ask=ask)
    vault.create("passphrase")
    key = ApiKey(api_id=Secret(CANARIES["api id"]), api_token=Secret(CANARIES["api token"]))
    Accounts(vault).add(Account(name="paris", host="127.0.0.1", credential=key))
    vault.close()
    asked.clear()
    settings = settings_from({}, variables)
    async with open_app(settings, variables) as one:
        result = await one.desk.call("aircall_ping", {}, Caller())
        assert result.payload["error"]["kind"] == "credential"
    assert asked == []
    async with open_app(settings, variables, ask=ask) as one:
        result = await one.desk.call("aircall_ping", {}, Caller())
        assert result.payload["error"]["kind"] == "unreachable"
        assert "vault.db" in opened_under(home)
    assert asked == [False]
    assert opened_under(home) == set()


async def test_an_app_of_the_sandbox_lets_go_of_its_own_vault(home: Path) -> None:
    settings = settings_from({"sandbox": True}, {"AIRCALL_MCP_HOME": str(home)})
    async with open_app(settings, {}) as one:
        one.events.vault.create("file")
        await use_all_of(one)
        assert opened_under(home) == {"events.db", "forwarding.db", "vault.db"}
    assert opened_under(home) == set()


async def test_with_several_accounts_each_tool_of_aircall_takes_one(home: Path) -> None:
    tools = {tool["name"]: tool["inputSchema"] for tool in app_at(home).desk.offer().tools}
    assert tools["aircall_list_calls"]["properties"]["account"]["enum"] == ["paris", "rome"]
    assert "account" not in tools["aircall_search"]["properties"]


async def test_read_only_and_the_owners_selection_hold_for_several_accounts(home: Path) -> None:
    app_at(home)
    variables = {"AIRCALL_MCP_HOME": str(home), "AIRCALL_MCP_BASE_URL": "http://127.0.0.1:9"}
    settings = settings_from({"read_only": True, "toolsets": ("tags",)}, variables)
    async with open_app(settings, variables) as one:
        tools = {tool["name"]: tool for tool in one.desk.offer().tools}
        assert tools["aircall_list_tags"]["inputSchema"]["properties"]["account"]["enum"] == [
            "paris", "rome",
        ]  # fmt: skip
        assert all(tool["annotations"]["readOnlyHint"] for tool in tools.values())
        assert "aircall_list_calls" not in tools
        tag = {"name": "VIP", "color": "#00B388", "account": "rome"}
        with pytest.raises(NotOffered):
            await one.desk.call("aircall_create_tag", tag, Caller())


async def test_a_named_account_is_the_only_one(home: Path) -> None:
    pinned = app_at(home, "rome")
    assert all("account" not in t["inputSchema"]["properties"] for t in pinned.desk.offer().tools)
    result = await pinned.desk.call("aircall_list_calls", {"account": "paris"}, Caller())
    assert result.payload["error"]["kind"] == "argument"
    await pinned.aclose()


async def test_half_a_key_in_the_environment_stops_no_start(home: Path) -> None:
    half = app_at(home, AIRCALL_API_ID="only-an-id-1234")
    result = await half.desk.call("aircall_ping", {}, Caller())
    assert result.payload["error"]["message"] == "AIRCALL_API_TOKEN is not set."
    await half.aclose()


@pytest.mark.parametrize("trusted", [True, False])
async def test_aircall_is_who_the_owners_authorities_say(
    home: Path, tmp_path: Path, trusted: bool
) -> None:
    authority, came = Authority(tmp_path), list[bytes]()

    async def pong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append((await reader.readuntil(b"\r\n\r\n")).splitlines()[0])
        body = b'{"ping": "pong"}'
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    context = authority.serves("localhost")
    async with await asyncio.start_server(pong, "127.0.0.1", 0, ssl=context) as server:
        variables = {
            **NOBODY,
            "AIRCALL_MCP_HOME": str(home),
            "AIRCALL_MCP_BASE_URL": f"https://localhost:{server.sockets[0].getsockname()[1]}",
            **({"AIRCALL_MCP_CA_BUNDLE": str(authority.bundle)} if trusted else {}),
        }
        async with open_app(settings_from({}, variables), variables) as one:
            answer = await one.desk.call("aircall_ping", {}, Caller(deadline=5))
    assert answer.is_error is not trusted
    assert came == ([b"GET /v1/ping HTTP/1.1"] if trusted else [])
