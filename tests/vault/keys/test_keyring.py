from __future__ import annotations

import inspect
import json
import threading
import time
from pathlib import Path

import pytest
from keyring.backends.null import Keyring as NullKeyring
from keyring.errors import InitError, KeyringLocked

from aircall_mcp.errors import CredentialError
from aircall_mcp.vault import KeyringHolder

from ...vaults import TOKEN, WORKS, Failing, Forgetful, Keyring, Locked, held_by, value, vault_at


def test_a_keyring_keeps_the_key_and_nothing_else(home: Path) -> None:
    keyring = Keyring()
    vault = vault_at(home, {}, keyring=held_by(keyring))
    assert "keyring" in vault.create("keyring")
    for number in range(5):
        vault.write("company", "account", value(number))
    assert all(len(entry) < 1280 for entry in keyring.entries.values())
    assert TOKEN not in str(keyring.entries)
    assert sorted(path.name for path in home.iterdir()) == ["vault.db", "vault.lock"]
    record = vault_at(home, {}, keyring=held_by(keyring)).read("company", "account")
    assert record is not None
    assert record.value == value(4)


def test_a_torn_keyring_entry_costs_nothing(home: Path) -> None:
    keyring = Keyring()
    vault = vault_at(home, {}, keyring=held_by(keyring))
    vault.create("keyring")
    for _ in range(2):
        vault.write("company", "account", value(1))
    newest = max(keyring.entries, key=lambda entry: json.loads(keyring.entries[entry])[0])
    for torn in ("", "[", "[1", '[1,"x"]', None):
        there = keyring.entries[newest]
        if torn is None:
            del keyring.entries[newest]
        else:
            keyring.entries[newest] = torn
        assert vault_at(home, {}, keyring=held_by(keyring)).read("company", "account")
        keyring.entries[newest] = there


def test_a_keyring_entry_without_a_key(home: Path) -> None:
    keyring = Keyring()
    entry = f"aircall-mcp vault of {home} / 1"
    keyring.set_password(entry, "aircall-mcp", json.dumps([3, ["no key"], []]))
    with pytest.raises(CredentialError, match="keyring is damaged") as caught:
        vault_at(home, {}, keyring=held_by(keyring)).create("keyring")
    assert entry in caught.value.hint


def test_a_rolled_back_directory_is_seen_through_the_keyring(home: Path) -> None:
    keyring = Keyring()
    vault = vault_at(home, {}, keyring=held_by(keyring))
    vault.create("keyring")
    vault.write("company", "account", value(1))
    backup = {path.name: path.read_bytes() for path in home.iterdir()}
    vault.write("company", "account", value(2))
    vault.close()
    for name, content in backup.items():
        (home / name).write_bytes(content)
    with pytest.raises(CredentialError, match="older than it was"):
        vault_at(home, {}, keyring=held_by(keyring)).read("company", "account")


@pytest.mark.parametrize(
    ("backend", "trust", "says"),
    [
        (Keyring(), False, "not one we trust"),
        (NullKeyring(), False, "keyring.backends.null.Keyring is not one we trust"),
        (Forgetful(), True, "does not keep"),
        (NullKeyring(), True, "does not keep"),
        (Failing(ConnectionResetError()), True, "failed .ConnectionResetError"),
        (Failing(KeyringLocked()), True, "may be locked"),
        (Failing(InitError()), True, "may be locked"),
    ],
)
def test_a_keyring_that_will_not_do(home: Path, backend: Keyring, trust: bool, says: str) -> None:
    vault = vault_at(home, {}, keyring=held_by(backend, trust=trust))
    with pytest.raises(CredentialError, match=says) as caught:
        vault.create("keyring")
    assert "--key file" in caught.value.hint
    assert not (home / "vault.db").exists()


def test_no_keyring_at_all(home: Path) -> None:
    vault = vault_at(home, {}, keyring=lambda h: KeyringHolder(h, find=lambda: None))
    with pytest.raises(CredentialError, match="no keyring we trust") as caught:
        vault.create("keyring")
    assert "--key file" in caught.value.hint


@pytest.mark.parametrize(
    "backend", [Failing(KeyringLocked()), Failing(InitError()), Failing(OSError()), None]
)
def test_a_keyring_that_does_not_open_a_vault_that_is_there(
    home: Path, backend: Keyring | None
) -> None:
    vault_at(home, {}, keyring=held_by(Keyring())).create("keyring")
    for work in WORKS.values():
        with pytest.raises(CredentialError) as caught:
            work(vault_at(home, {}, keyring=held_by(backend)))
        assert "Unlock it" in caught.value.hint
        assert "vault rotate --key file" in caught.value.hint
        assert "vault init" not in caught.value.hint


def test_a_locked_keyring_does_not_hold_up_a_server(home: Path) -> None:
    keyring = Locked()
    keyring.unlocked.set()
    vault = vault_at(home, {}, keyring=held_by(keyring))
    vault.create("keyring")
    vault.write("company", "account", value(1))
    keyring.unlocked.clear()
    now = [100.0]
    server = vault_at(home, {}, keyring=held_by(keyring, patience=0.2, clock=lambda: now[0]))
    taken: list[bool] = []
    for _ in range(6):
        start = time.perf_counter()
        with pytest.raises(CredentialError, match="may be locked"):
            server.read("company", "account")
        taken.append(time.perf_counter() - start >= 0.2)
        now[0] += 10
    # One waited; those who came after it did not, until it was worth another try.
    assert taken == [True, False, False, True, False, False]
    keyring.unlocked.set()
    for thread in threading.enumerate():
        if thread.name == "keyring":
            thread.join()
    record = server.read("company", "account")
    assert record is not None
    assert record.value == value(1)


def test_the_server_s_patience_is_five_seconds() -> None:
    assert inspect.signature(KeyringHolder).parameters["patience"].default == 5.0
    assert inspect.signature(vault_at).parameters["patience"].default == 5.0
