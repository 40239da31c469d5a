"""A delivery trusts whom its owner trusts, and goes where it was found to go, by no proxy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from aircall_mcp.cli import group
from aircall_mcp.events.forwarding import Forwarder
from aircall_mcp.events.forwarding.rules import Rule
from aircall_mcp.ground.clients import Clients
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.vault.mailbox import mailbox_of

from ..authority import Authority
from ..forwarding import opened
from ..mail import call, log_in
from ..vaults import vault_at

pytestmark = pytest.mark.anyio

HOST = "crm.example.com"


class Listener:
    """A server that takes every request, and knows the first lines of those that came."""

    def __init__(self) -> None:
        self.port = 0
        self.came: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.append((await reader.readuntil(b"\r\n\r\n")).splitlines()[0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(authority: Authority | None) -> AsyncGenerator[Listener]:
    listener = Listener()
    context = authority.serves(HOST) if authority else None
    server = await asyncio.start_server(listener, "127.0.0.1", 0, ssl=context)
    async with server:
        listener.port = server.sockets[0].getsockname()[1]
        yield listener


async def delivered(home: Path, clients: Clients, port: int) -> Rule:
    """How a rule stands after one event was to be brought to `HOST`, which is this machine."""

    async def resolve(host: str, _port: int) -> Sequence[str]:
        assert host == HOST
        return ["127.0.0.1"]

    async with opened(home) as forwarding:
        url = Secret(f"https://{HOST}:{port}/in")
        forwarding.rules.name_destination("https:crm", url, forwarding.vault, private=True)
        forwarding.rules.add(["call.*"], "https:crm")
        forwarding.log.append([call("ended", 42)])
        forwarder = Forwarder(
            forwarding.rules,
            forwarding.log,
            forwarding.vault,
            clock=forwarding.clock.handed(),
            resolve=resolve,
            clients=clients,
        )
        await forwarder.step()
        await forwarder.aclose()
        (rule,) = forwarding.rules.status()
        return rule


async def test_the_owners_authorities_are_trusted(home: Path, tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    async with listening(ours) as there:
        rule = await delivered(home, Clients(ca_bundle=ours.bundle), there.port)
    assert there.came == [b"POST /in HTTP/1.1"]
    assert (rule.sent, rule.waiting) == (1, 0)


async def test_nobody_else_is(home: Path, tmp_path: Path) -> None:
    async with listening(Authority(tmp_path)) as there:
        rule = await delivered(home, Clients(), there.port)
    assert there.came == []
    assert (rule.sent, rule.waiting, rule.fault) == (0, 1, "no answer (ConnectError)")


async def test_no_proxy_is_asked(home: Path, tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    async with listening(ours) as there, listening(None) as proxy:
        by = Clients(f"http://127.0.0.1:{proxy.port}", ours.bundle)
        rule = await delivered(home, by, there.port)
    assert (there.came, proxy.came) == ([b"POST /in HTTP/1.1"], [])
    assert rule.sent == 1


async def test_what_is_not_direct_goes_by_the_proxy() -> None:
    async with (
        listening(None) as proxy,
        Clients(f"http://127.0.0.1:{proxy.port}").client(timeout=5) as client,
    ):
        response = await client.get("http://crm.example.com/out")
    assert response.status_code == 200
    assert proxy.came == [b"GET http://crm.example.com/out HTTP/1.1"]


def test_the_status_says_that_the_proxy_is_not_used(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = vault_at(home, {})
    vault.create("file")
    log_in(home, box=mailbox_of(vault, make=True))
    monkeypatch.setenv("AIRCALL_MCP_FORWARD_URL", "https://crm.example.com/in")
    status = ["forward", "status", "--json"]
    monkeypatch.setenv("AIRCALL_MCP_PROXY", "http://proxy.example:8080")
    assert "note" not in json.loads(CliRunner().invoke(group, status).stdout)  # nothing is sent
    CliRunner().invoke(group, ["forward", "add", "--kinds", "call.*", "--to", "https:crm"])
    found = json.loads(CliRunner().invoke(group, status).stdout)
    assert len(found["rules"]) == 1
    assert "do not go by the proxy" in found["note"]
    assert "proxy" in CliRunner().invoke(group, ["forward", "status"]).stderr
    monkeypatch.delenv("AIRCALL_MCP_PROXY")
    assert "note" not in json.loads(CliRunner().invoke(group, status).stdout)
