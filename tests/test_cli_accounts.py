from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.cli.accounts import listed
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.secrets import Secret
from aircall_mcp.vault import vault_at

from .vaults import again

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
    config = uvicorn.Config(Sandbox(), port=0, log_level="error", lifespan="off")
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
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", GROUPS, *words],
            input=given,
            capture_output=True,
            text=True,
            env={**self.environment, **(variables or {})},
            check=False,
        )
        assert (done.returncode == 0) == ok, done.stderr
        assert "Traceback" not in done.stderr
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
