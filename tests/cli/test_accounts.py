from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from aircall_mcp.accounts import Account, Accounts, ApiKey, Grant
from aircall_mcp.cli.accounts import listed
from aircall_mcp.ground.secrets import Secret

from ..canaries import sightings
from ..house import sandbox_with
from ..processes import PATIENCE, free_port, small_aircall, started
from ..vaults import again, vault_at

GROUPS = """
import sys, click
from importlib import import_module
from aircall_mcp.errors import AircallMCPError
try:
    group = import_module(f"aircall_mcp.cli.{sys.argv.pop(1)}").group
    sys.exit(group(standalone_mode=False))
except click.Abort:
    sys.exit(130)
except (AircallMCPError, click.ClickException) as error:
    sys.exit(f"{error.message} {getattr(error, 'hint', '')}")
"""
KEY = "sandbox-api-id\nsandbox-api-token\n"


@pytest.fixture(scope="module")
def aircall() -> Iterator[str]:
    """A sandbox on a real port."""
    with on_a_port(sandbox_with()) as url:
        yield url


@contextmanager
def on_a_port(app: Any) -> Generator[str]:
    config = uvicorn.Config(app, port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


class Shell:
    """Runs commands as a person's shell would, without a terminal."""

    def __init__(self, home: Path, aircall: str) -> None:
        self.home = home
        self.environment = {**os.environ, "AIRCALL_MCP_BASE_URL": aircall}

    def __call__(
        self,
        *words: str,
        given: str = "",
        ok: bool = True,
        variables: Mapping[str, str] | None = None,
        terminal: int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-W", "always::ResourceWarning", "-c", GROUPS, *words],
            input=given if terminal is None else None,
            stdin=terminal,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env={**self.environment, **(variables or {})},
            check=False,
        )
        assert (done.returncode == 0) == ok, done.stderr
        assert "Traceback" not in done.stderr
        assert "ResourceWarning" not in done.stderr
        for secret in ("sandbox-api-token", "sandbox-client-secret"):
            assert secret not in done.stdout + done.stderr
        return done


@pytest.fixture
def shell(home: Path, aircall: str) -> Shell:
    return Shell(home, aircall)


def test_a_first_account(shell: Shell, home: Path) -> None:
    done = shell(
        "accounts", "add", "paris", "--key", "file", "--requests-per-minute", "120", given=KEY
    )
    assert "personal data" in done.stderr
    assert str(home / "vault.key") in done.stderr
    assert "120 requests a minute" in done.stderr
    assert done.stdout == ""
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    assert "knows `paris`" in shell("accounts", "test").stderr
    (row,) = json.loads(shell("accounts", "list", "--json").stdout)["accounts"]
    assert row["credential"] == "API key …oken"
    assert (row["name"], row["default"], row["requests_per_minute"]) == ("paris", True, 120)
    assert "* paris" in shell("accounts", "list").stdout


def test_nothing_is_stored_that_aircall_does_not_know(shell: Shell, home: Path) -> None:
    done = shell("accounts", "add", "--key", "file", given="wrong-id\nwrong-token\n", ok=False)
    assert "403" in done.stderr
    assert "wrong-token" not in done.stderr
    assert again(home).owners("account") == ()


@pytest.mark.parametrize("given", ["", "only-an-id\n", "\n\n"])
def test_half_a_key(shell: Shell, given: str) -> None:
    assert (
        "one of them is missing"
        in shell("accounts", "add", "--key", "file", given=given, ok=False).stderr
    )


def test_from_the_environment(shell: Shell, home: Path) -> None:
    variables = {"AIRCALL_API_ID": "sandbox-api-id", "AIRCALL_API_TOKEN": "sandbox-api-token"}
    shell("accounts", "add", "rome", "--from-environment", "--key", "file", variables=variables)
    assert again(home).owners("account") == ("rome",)
    rows = json.loads(shell("accounts", "list", "--json", variables=variables).stdout)["accounts"]
    assert [(row["name"], row["from"]) for row in rows] == [
        ("env", "the environment"),
        ("rome", "the vault"),
    ]


def test_without_a_keyring_it_says_what_else_there_is(shell: Shell, home: Path) -> None:
    nowhere = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}
    done = shell("accounts", "add", given=KEY, ok=False, variables=nowhere)
    for other in ("--key file", "--key environment", "--key passphrase"):
        assert other in done.stderr
    assert not (home / "vault.db").exists()


def test_several_accounts(shell: Shell) -> None:
    for name in ("paris", "rome"):
        shell("accounts", "add", name, "--key", "file", given=KEY)
    assert "already" in shell("accounts", "add", "rome", given=KEY, ok=False).stderr
    shell("accounts", "default", "rome")
    assert "* rome" in shell("accounts", "list").stdout
    shell("accounts", "remove", "rome", given="n\n", ok=False)
    shell("accounts", "remove", "rome", given="y\n")
    shell("accounts", "remove", "rome", "--yes", ok=False)
    assert "rome" not in shell("accounts", "list").stdout


def test_the_vault(shell: Shell, home: Path) -> None:
    assert "no vault yet" in shell("vault", "status", ok=False).stderr
    shell("vault", "init", "--key", "file")
    assert "already" in shell("vault", "init", "--key", "file", ok=False).stderr
    shell("accounts", "add", given=KEY)
    status = json.loads(shell("vault", "status", "--json").stdout)
    assert (status["kind"], status["accounts"]) == ("file", 1)
    before = (home / "vault.key").read_text()
    shell("vault", "rotate")
    assert (home / "vault.key").read_text() != before
    assert json.loads(shell("vault", "check", "--json").stdout) == {"sound": True, "findings": []}
    shell("accounts", "test")
    connection = sqlite3.connect(home / "vault.db")
    connection.execute("UPDATE record SET sealed = 'x' WHERE owner = 'main'")
    connection.commit()
    connection.close()
    assert "main: The record of main is damaged" in shell("vault", "check", ok=False).stderr
    shell("vault", "init", "--key", "file", "--replace", given="y\n")
    assert json.loads(shell("vault", "status", "--json").stdout)["accounts"] == 0


def test_a_restored_backup(shell: Shell, home: Path) -> None:
    shell("accounts", "add", "paris", "--key", "file", given=KEY)
    old = (home / "vault.db").read_bytes()
    shell("accounts", "add", "rome", given=KEY)
    (home / "vault.db").write_bytes(old)
    assert "older than it was" in shell("accounts", "test", ok=False).stderr
    shell("vault", "check", "--accept", given="y\n")
    shell("accounts", "test")


def test_what_cannot_be_read_is_listed_all_the_same(home: Path) -> None:
    vault = vault_at(home, {})
    vault.create("file")
    key = ApiKey(api_id=Secret("the-api-id-1234"), api_token=Secret("the-api-token-5678"))
    for name in ("paris", "rome"):
        Accounts(vault).add(Account(name=name, credential=key))
    connection = sqlite3.connect(home / "vault.db")
    connection.execute("UPDATE record SET sealed = 'x' WHERE owner = 'rome'")
    connection.commit()
    connection.close()
    rows: list[dict[str, Any]] = listed(Accounts(vault))
    assert [row["credential"] for row in rows] == ["API key …5678", "unreadable"]


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
        assert "Allow the access in your browser" in person.told
        assert "Logged `paris` in" in person.told
        assert "is renewed by itself" in person.told
        assert "go back to the terminal" in person.page.read_text()
        assert "sandbox-code-" not in person.page.read_text()
        (row,) = json.loads(await person.runs("accounts", "list", "--json"))["accounts"]
        assert row["credential"].startswith("OAuth grant …")
        assert (row["name"], row["state"], row["host"]) == ("paris", "ready", "127.0.0.1")
        await person.runs("accounts", "test", "paris")
        assert "Aircall knows `paris`." in person.told
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


def test_a_character_that_no_key_has(shell: Shell, home: Path) -> None:
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    for token, why in (("é", "The API token holds a character"), ("\udcff", "no text")):
        given = f"sandbox-api-id\nsandbox-{token}\n"
        done = shell("accounts", "add", "--key", "file", given=given, ok=False, variables=strict)
        assert why in done.stderr
    brought = {"AIRCALL_API_ID": "sandbox-api-id", "AIRCALL_API_TOKEN": "\udcff"}
    done = shell("accounts", "add", "--from-environment", ok=False, variables=brought)
    assert "AIRCALL_API_TOKEN holds a character that no key has" in done.stderr
    done = shell("accounts", "login", ok=False, variables={**CLIENT, "AIRCALL_CLIENT_ID": "é"})
    assert "AIRCALL_CLIENT_ID holds a character that no key has" in done.stderr
    assert again(home).owners("account") == ()


@pytest.mark.parametrize("command", ["add", "login"])
@pytest.mark.parametrize(
    ("name", "why"), [("env", "the environment's own"), ("Paris!", "no name of an account")]
)
def test_a_name_is_looked_at_before_anything_is_asked(
    shell: Shell, home: Path, command: str, name: str, why: str
) -> None:
    done = shell("accounts", command, name, "--key", "file", ok=False, variables=CLIENT)
    assert why in done.stderr
    assert not home.exists()


CLIENT = {
    "AIRCALL_CLIENT_ID": "sandbox-client-id",
    "AIRCALL_CLIENT_SECRET": "sandbox-client-secret",
}


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
    assert "Client id" in done.stderr
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

    with on_a_port(aircall) as url:
        visitor = Visitor(home, url)
        done = visitor.log_in(ok=kept, variables=CLIENT)
    assert str(status) in done.stderr
    assert ("accounts test paris" in done.stderr) == kept
    assert again(home).owners("account") == (("paris",) if kept else ())
