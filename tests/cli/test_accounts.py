from __future__ import annotations

import json
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.cli.accounts import listed
from aircall_mcp.ground.secrets import Secret

from ..vaults import again, vault_at
from .shell import CLIENT, KEY, Shell


def test_a_first_account(shell: Shell, home: Path) -> None:
    done = shell(
        "accounts", "add", "paris", "--key", "file", "--requests-per-minute", "120", given=KEY
    )
    assert "personal data" in done.stderr
    assert str(home / "vault.key") in done.stderr
    assert "120 requests a minute" in done.stderr
    assert done.stdout == ""
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    assert "accepts the credential of `paris`" in shell("accounts", "test").stderr
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
    found = json.loads(shell("vault", "check", "--json", ok=False).stdout)
    assert (found["sound"], [one["owner"] for one in found["findings"]]) == (False, ["main"])
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


def test_a_character_that_no_key_has(shell: Shell, home: Path) -> None:
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    for token, why in (("é", "The API token contains a character"), ("\udcff", "not text")):
        given = f"sandbox-api-id\nsandbox-{token}\n"
        done = shell("accounts", "add", "--key", "file", given=given, ok=False, variables=strict)
        assert why in done.stderr
    brought = {"AIRCALL_API_ID": "sandbox-api-id", "AIRCALL_API_TOKEN": "\udcff"}
    done = shell("accounts", "add", "--from-environment", ok=False, variables=brought)
    assert "AIRCALL_API_TOKEN contains a character that no key has" in done.stderr
    done = shell("accounts", "login", ok=False, variables={**CLIENT, "AIRCALL_CLIENT_ID": "é"})
    assert "AIRCALL_CLIENT_ID contains a character that no key has" in done.stderr
    assert again(home).owners("account") == ()


@pytest.mark.parametrize("command", ["add", "login"])
@pytest.mark.parametrize(
    ("name", "why"),
    [("env", "the account from the environment variables"), ("Paris!", "not a valid account name")],
)
def test_a_name_is_looked_at_before_anything_is_asked(
    shell: Shell, home: Path, command: str, name: str, why: str
) -> None:
    done = shell("accounts", command, name, "--key", "file", ok=False, variables=CLIENT)
    assert why in done.stderr
    assert not home.exists()
