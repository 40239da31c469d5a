from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.accounts import Accounts, Grant

from ..canaries import sightings
from ..harness import sandbox_with
from ..processes import free_port, small_aircall, started
from ..served import served
from ..vaults import again
from ..waiting import PATIENCE
from .shell import CLIENT, KEY, Shell

BROWSER = """#!{python}
import pathlib, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
with opener.open(sys.argv[1]) as page:
    pathlib.Path(__file__).with_suffix(".page").write_bytes(page.read())
"""
"""Goes where it is sent, and on to where that sends it; keeps the page it ends on."""

PROXY = """
import http.client, http.server, sys, urllib.parse

class Way(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.command, self.path, flush=True)
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        there = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
        path = urllib.parse.urlsplit(self.path).path
        there.request(self.command, path, content, dict(self.headers))
        answer = there.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Way)
print(server.server_port, flush=True)
server.serve_forever()
"""
"""Says its port, then what it is asked for; whatever that is, it asks the local port it was given.

A process of its own: what passes through a proxy of plain http is seen by the proxy.
"""

NOWHERE = "http://localhost:9"
"""Nobody is there: only by way of a proxy does anything answer."""


class Person:
    """Somebody at a terminal who knows the client of the sandbox, and has a browser.

    With `waits` the terminal does nothing else until the browser is closed.
    """

    def __init__(
        self, home: Path, aircall: str, *, waits: bool = False, **environment: str
    ) -> None:
        browser = home.with_name("browser")
        browser.write_text(BROWSER.format(python=sys.executable))
        browser.chmod(0o700)
        self.page = browser.with_suffix(".page")
        self.told = ""
        self._aircall = aircall
        self._environment = {
            "AIRCALL_MCP_BASE_URL": aircall,
            "AIRCALL_CLIENT_ID": "sandbox-client-id",
            "AIRCALL_CLIENT_SECRET": "sandbox-client-secret",
            "BROWSER": str(browser) if waits else f"{browser} %s &",
            **environment,
        }

    async def runs(self, *words: str) -> str:
        """What a command that must succeed prints; `told` is what it says beside that."""
        async with started(*words, pipe=False, **self._environment) as process:
            out, told = await asyncio.wait_for(process.communicate(), PATIENCE)
        self.told = told.decode()
        assert process.returncode == 0, self.told
        assert not sightings(out + told)
        assert b"sandbox-code-" not in out + told
        return out.decode()

    async def logs_in(self, *more: str) -> None:
        """Consents in the browser; the code is changed at the base URL."""
        authorize_url = f"{self._aircall}/oauth/authorize"
        token_url = f"{self._environment['AIRCALL_MCP_BASE_URL']}/v1/oauth/token"
        await self.runs(
            "accounts", "login", "paris", "--key", "file", *more,
            "--authorize-url", authorize_url, "--token-url", token_url,
        )  # fmt: skip


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.parametrize("waits", [False, True])
async def test_a_login_from_the_terminal_to_the_browser_and_back(home: Path, waits: bool) -> None:
    async with small_aircall("--oauth", "expiring") as known:
        person = Person(home, known["AIRCALL_MCP_BASE_URL"], waits=waits)
        await person.logs_in()
        assert "Allow access in your browser" in person.told
        assert "Logged `paris` in" in person.told
        assert "is renewed automatically" in person.told
        assert "go back to the terminal" in person.page.read_text()
        assert "sandbox-code-" not in person.page.read_text()
        (row,) = json.loads(await person.runs("accounts", "list", "--json"))["accounts"]
        assert row["credential"].startswith("OAuth grant …")
        assert (row["name"], row["state"], row["host"]) == ("paris", "ready", "127.0.0.1")
        await person.runs("accounts", "test", "paris")
        assert "Aircall accepts the credential of `paris`." in person.told
        granted = grant(home).access_token
        await person.logs_in("--port", str(free_port()))
        assert grant(home).access_token != granted


@pytest.mark.slow
@pytest.mark.anyio
async def test_tokens_are_asked_for_by_way_of_the_owner_s_proxy(home: Path) -> None:
    async with small_aircall("--oauth", "expiring") as known, proxy_to(known) as (url, process):
        person = Person(
            home, known["AIRCALL_MCP_BASE_URL"],
            AIRCALL_MCP_BASE_URL=NOWHERE, AIRCALL_MCP_PROXY=url,
        )  # fmt: skip
        way = [f"POST {NOWHERE}/v1/oauth/token", f"GET {NOWHERE}/v1/ping"]
        await person.logs_in()
        assert [await said(process), await said(process)] == way
        for words in (("accounts", "test"), ("run", "ping")):
            expire(home)
            await person.runs(*words)
            assert [await said(process), await said(process)] == way


@asynccontextmanager
async def proxy_to(known: Mapping[str, str]) -> AsyncGenerator[tuple[str, Process]]:
    """The URL of a proxy that leads to a sandbox, and its process."""
    port = known["AIRCALL_MCP_BASE_URL"].rpartition(":")[2]
    async with started(port, code=PROXY, pipe=False) as process:
        yield f"http://127.0.0.1:{await said(process)}", process


async def said(process: Process) -> str:
    """The next line."""
    assert process.stdout
    return (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode().strip()


def grant(home: Path) -> Grant:
    credential = Accounts(again(home)).load("paris").account.credential
    assert isinstance(credential, Grant)
    return credential


def expire(home: Path) -> None:
    """The grant of `paris` is due from now on."""
    accounts = Accounts(again(home))
    held = accounts.load("paris")
    due = grant(home).model_copy(update={"issued_at": 0.0, "expires_at": 1.0})
    assert accounts.store(held.account.model_copy(update={"credential": due}), held.generation)


class Visitor(Shell):
    """A shell with a browser that consents, and knows no client of Aircall by itself."""

    def __init__(self, home: Path, aircall: str) -> None:
        super().__init__(home, aircall)
        browser = home.with_name("browser")
        browser.write_text(BROWSER.format(python=sys.executable))
        browser.chmod(0o700)
        self.environment["BROWSER"] = str(browser)
        self.urls = ("--authorize-url", f"{aircall}/oauth/authorize")
        self.token_url = f"{aircall}/v1/oauth/token"

    def log_in(
        self, *more: str, token_url: str = "", **choices: Any
    ) -> subprocess.CompletedProcess[str]:
        asked = ("--key", "file", *self.urls, "--token-url", token_url or self.token_url)
        return self("accounts", "login", "paris", *asked, *more, **choices)


def test_a_login_replaces_a_grant_and_no_key_unasked(home: Path, aircall: str) -> None:
    visitor = Visitor(home, aircall)
    visitor("accounts", "add", "paris", "--key", "file", given=KEY)
    done = visitor.log_in(given="y\n", ok=False, variables=CLIENT)
    assert "`paris` is an account with an API key" in done.stderr
    assert "accounts login NAME" in done.stderr
    assert "accounts remove paris" in done.stderr
    for answer in ("n", "y"):
        keyboard, terminal = os.openpty()
        try:
            os.write(keyboard, f"{answer}\n".encode())
            done = visitor.log_in(terminal=terminal, ok=answer == "y", variables=CLIENT)
        finally:
            os.close(keyboard)
            os.close(terminal)
        assert "Replace the key?" in done.stderr
        assert ("in your browser" in done.stderr) == (answer == "y")
    granted = grant(home).access_token
    visitor.log_in(variables=CLIENT)
    assert grant(home).access_token != granted


def test_a_kept_client_is_shown_to_its_own_token_url_alone(home: Path, aircall: str) -> None:
    visitor = Visitor(home, aircall)
    visitor.log_in(variables=CLIENT)
    granted = grant(home).access_token
    done = visitor.log_in(token_url=f"{visitor.token_url}?other", ok=False)
    assert "An OAuth client has an id and a secret" in done.stderr
    assert grant(home).access_token == granted
    visitor.log_in()
    assert grant(home).access_token != granted


@pytest.mark.parametrize(("status", "kept"), [(500, True), (403, False), (401, False)])
def test_a_grant_is_kept_unless_aircall_refuses_it(home: Path, status: int, kept: bool) -> None:
    sandbox = sandbox_with()

    async def aircall(scope: Any, receive: Any, send: Any) -> None:
        """The sandbox, but for its answer to a ping."""
        if scope["path"] != "/v1/ping":
            await sandbox(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    with served(aircall) as url:
        visitor = Visitor(home, url)
        done = visitor.log_in(ok=kept, variables=CLIENT)
    assert str(status) in done.stderr
    assert ("accounts test paris" in done.stderr) == kept
    assert again(home).owners("account") == (("paris",) if kept else ())
