from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from aircall_mcp.errors import CredentialError
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.vault import Vault
from aircall_mcp.vault.keys.passphrase import Argon2id

from ...vaults import PHRASE, rows, value, vault_at


def test_a_passphrase(home: Path) -> None:
    def opened(phrase: str | None) -> Vault:
        return vault_at(home, {}, ask=lambda _new: Secret(phrase) if phrase else None)

    vault = opened(PHRASE)
    vault.create("passphrase")
    vault.write("company", "account", value(1))
    record = opened(PHRASE).read("company", "account")
    assert record is not None
    assert record.value == value(1)
    with pytest.raises(CredentialError, match="does not belong to this vault"):
        opened(PHRASE + "!").read("company", "account")
    with pytest.raises(CredentialError, match="locked by a passphrase") as caught:
        opened(None).read("company", "account")
    assert "AIRCALL_MCP_VAULT_PASSPHRASE" in caught.value.hint
    note = json.loads(str(rows(home, "SELECT key_note FROM vault")[0][0]))
    assert (note["memory"], note["passes"], note["lanes"]) == (65536, 3, 4)
    assert len(bytes.fromhex(note["salt"])) == 16


@pytest.mark.parametrize("asked", [True, False])
def test_a_passphrase_that_is_no_text(home: Path, asked: bool) -> None:
    """As a Latin-1 terminal or variable gives it under a UTF-8 locale."""
    phrase = os.fsdecode("quatre mots tr\xe8s priv\xe9s".encode("latin-1"))
    vault = (
        vault_at(home, {}, ask=lambda _new: Secret(phrase))
        if asked
        else vault_at(home, {"AIRCALL_MCP_VAULT_PASSPHRASE": phrase})
    )
    with pytest.raises(CredentialError, match="not a character") as caught:
        vault.create("passphrase")
    assert "AIRCALL_MCP_VAULT_PASSPHRASE" in caught.value.hint
    assert caught.value.__cause__ is None


def test_a_passphrase_of_the_environment(home: Path) -> None:
    usual, new = "AIRCALL_MCP_VAULT_PASSPHRASE", "AIRCALL_MCP_VAULT_NEW_PASSPHRASE"
    for replace in (False, True):
        vault_at(home, {usual: PHRASE}).create("passphrase", replace=replace)
    vault_at(home, {usual: PHRASE}).write("company", "account", value(1))
    with pytest.raises(CredentialError, match="new passphrase") as caught:
        vault_at(home, {usual: PHRASE}).rotate()
    assert new in caught.value.hint
    vault_at(home, {usual: PHRASE, new: f"{PHRASE}, and more"}).rotate()
    assert vault_at(home, {usual: f"{PHRASE}, and more"}).check() == []


def test_a_short_passphrase(home: Path) -> None:
    with pytest.raises(CredentialError, match="at least 12"):
        vault_at(home, {}, ask=lambda _new: Secret("too short")).create("passphrase")


@pytest.mark.parametrize(
    "weaker",
    [
        {"memory": 8}, {"memory": 1 << 40}, {"passes": 1}, {"passes": 10**9}, {"lanes": 0},
        {"salt": ""}, {"salt": "00" * 15}, {"salt": "zz"}, {"salt": 7}, {"memory": "65536"},
        {"memory": 65536.5}, {"passes": 3.5}, {"lanes": 1.0}, {"extra": 1},
    ],
)  # fmt: skip
def test_weaker_derivations_are_refused_before_they_run(weaker: dict[str, object]) -> None:
    right = {"salt": "00" * 16, "memory": 65536, "passes": 3, "lanes": 4}
    Argon2id.noted(json.dumps(right))
    start = time.perf_counter()
    with pytest.raises(CredentialError, match="weaker"):
        Argon2id.noted(json.dumps(right | weaker))
    assert time.perf_counter() - start < 0.1


@pytest.mark.parametrize("note", ["", "[]", "null", "[" * 9999, '{"salt":'])
def test_a_note_that_is_none(note: str) -> None:
    with pytest.raises(CredentialError):
        Argon2id.noted(note)


def test_the_derivation_stays() -> None:
    """A passphrase must open for ever what it opened once."""
    key = Argon2id(salt=(b"somesalt" * 2).hex()).key(Secret("password"))
    assert key.text() == "gduXp+Z6iReEolmbyHn5V8s1EtJzmEvZfYoY/Fn/AeI="
