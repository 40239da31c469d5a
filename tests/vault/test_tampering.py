"""Somebody can write to the file, and has no key."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aircall_mcp.cli.vault import create_if_missing
from aircall_mcp.errors import AircallMCPError, CredentialError, StoreError
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.vault import Kind, Vault

from ..vaults import (
    ONE,
    PHRASE,
    TWO,
    Keyring,
    again,
    copied,
    filled,
    held_by,
    rows,
    value,
    vault_at,
)


@pytest.mark.timeout(1800)
def test_bit_flips(home: Path, full: bool) -> None:
    filled(home).close()
    original = (home / "vault.db").read_bytes()
    truth = {f"company-{n}": value(n) for n in range(3)}
    chance = random.Random(4)
    flips = 10_000 if full else 700
    refused = 0
    for number in range(flips):
        changed = bytearray(original)
        bit = chance.randrange(len(changed) * 8)
        changed[bit // 8] ^= 1 << bit % 8
        (home / "vault.db").write_bytes(changed)
        vault = again(home)
        try:
            read = {owner: vault.read(owner, "account") for owner in truth}
        except AircallMCPError:
            refused += 1
            continue
        finally:
            vault.close()
            (home / "vault.db-journal").unlink(missing_ok=True)
        for owner, record in read.items():
            assert record is not None, (number, bit, owner)
            assert record.value == truth[owner], (number, bit, owner)
    assert 0 < refused < flips


@pytest.mark.timeout(1800)
def test_every_truncation(home: Path, full: bool) -> None:
    filled(home).close()
    original = (home / "vault.db").read_bytes()
    lengths = range(0, len(original), 1 if full else 211)
    for length in lengths:
        (home / "vault.db").write_bytes(original[:length])
        vault, refused = again(home), False
        for number in range(3):
            try:
                record = vault.read(f"company-{number}", "account")
            except AircallMCPError:
                refused = True
            else:
                assert record is not None
                assert record.value == value(number)
        vault.close()
        assert refused, length


@pytest.mark.parametrize("kind", ["file", "keyring", "environment", "passphrase"])
def test_an_emptied_vault_is_never_a_new_one(home: Path, kind: Kind) -> None:
    keyring = Keyring()

    def opened() -> Vault:
        secrets = {"AIRCALL_MCP_VAULT_KEY": ONE, "AIRCALL_MCP_VAULT_PASSPHRASE": PHRASE}
        return vault_at(home, secrets, keyring=held_by(keyring))

    vault = opened()
    vault.create(kind)
    vault.write("company", "account", value(1))
    vault.close()
    (home / "vault.db").write_bytes(b"")
    for vault in (opened(), opened()):
        with pytest.raises(CredentialError, match="emptied, cut or replaced"):
            vault.read("company", "account")
        with pytest.raises(CredentialError, match="emptied, cut or replaced"):
            vault.create(kind)
        vault.close()
    (home / "vault.db").unlink()
    with pytest.raises(CredentialError, match="emptied, cut or replaced"):
        opened().create(kind)
    assert opened().read("company", "account") is None


@pytest.mark.parametrize(
    ("kind", "others"),
    [("keyring", ("file", "environment")), ("file", ("keyring", "environment"))],
)
def test_an_emptied_vault_is_no_new_one_for_another_holder_either(
    home: Path, kind: Kind, others: tuple[Kind, ...]
) -> None:
    keyring = Keyring()
    vault = vault_at(home, {}, keyring=held_by(keyring))
    vault.create(kind)
    vault.write("company", "account", value(1))
    vault.close()
    (home / "vault.db").write_bytes(b"")
    for other in others:
        vault = vault_at(home, {"AIRCALL_MCP_VAULT_KEY": TWO}, keyring=held_by(keyring))
        with pytest.raises(CredentialError, match="emptied, cut or replaced"):
            create_if_missing(vault, other, {}, lambda _said: None)


def test_rows_do_not_change_places(home: Path) -> None:
    filled(home).close()
    (one,), (two,) = rows(home, "SELECT sealed FROM record ORDER BY owner LIMIT 2")
    rows(home, "UPDATE record SET sealed = ? WHERE owner = 'company-0'", two)
    rows(home, "UPDATE record SET sealed = ? WHERE owner = 'company-1'", one)
    for owner in ("company-0", "company-1"):
        with pytest.raises(CredentialError, match=f"record of {owner} is damaged"):
            again(home).read(owner, "account")
    record = again(home).read("company-2", "account")
    assert record is not None
    assert record.value == value(2)
    assert {finding.owner for finding in again(home).check()} == {"company-0", "company-1"}


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM record WHERE owner = 'company-0'",
        "UPDATE record SET owner = 'other' WHERE owner = 'company-0'",
        "UPDATE record SET field = 'other' WHERE owner = 'company-0'",
        "UPDATE record SET generation = 9 WHERE owner = 'company-0'",
        "UPDATE record SET generation = 'x' WHERE owner = 'company-0'",
        "UPDATE record SET digest = '' WHERE owner = 'company-0'",
        "UPDATE record SET owner = x'ff' WHERE owner = 'company-0'",
        "INSERT INTO record SELECT 'x', field, generation, digest, sealed FROM record LIMIT 1",
        "UPDATE vault SET epoch = epoch + 1",
        "UPDATE vault SET epoch = epoch - 1",
        "UPDATE vault SET epoch = 1e300",
        "UPDATE vault SET manifest = ''",
        "UPDATE vault SET manifest = 'é'",
        "UPDATE vault SET vault_id = 'other'",
        "UPDATE vault SET key_check = ''",
        "UPDATE vault SET key_id = ''",
        "UPDATE vault SET key_kind = 'environment'",
        "UPDATE vault SET key_kind = 'none'",
        "UPDATE vault SET key_note = 'x'",
        "DELETE FROM vault",
        "DROP TABLE record",
        "DROP TABLE vault",
    ],
)
def test_the_manifest_and_the_head(home: Path, sql: str) -> None:
    filled(home).close()
    rows(home, sql)
    with pytest.raises((CredentialError, StoreError)):
        again(home).read("company-1", "account")
    with pytest.raises((CredentialError, StoreError)):
        again(home).write("company-1", "account", {})
    assert again(home).check()


def test_a_rolled_back_row(home: Path) -> None:
    vault = filled(home)
    past = "SELECT generation, digest, sealed FROM record WHERE owner = 'company-0'"
    before = rows(home, past)[0]
    vault.write("company-0", "account", {"token": Secret("newer-token-of-company")})
    vault.close()
    back = "UPDATE record SET generation = ?, digest = ?, sealed = ? WHERE owner = 'company-0'"
    rows(home, back, *before)
    with pytest.raises(CredentialError, match="damaged"):
        again(home).read("company-0", "account")


@pytest.mark.parametrize("running", [True, False])
def test_a_rolled_back_file(home: Path, running: bool) -> None:
    vault = filled(home)
    old = (home / "vault.db").read_bytes()
    vault.write("company-0", "account", {"n": 2})
    if not running:
        vault.close()
        vault = again(home)
    (home / "vault.db").write_bytes(old)
    for attempt in (
        lambda: vault.read("company-0", "account"),
        lambda: vault.write("company-0", "account", {}),
        vault.rotate,
    ):
        with pytest.raises(CredentialError, match="older than it was"):
            attempt()
    assert "older" in vault.check()[0].problem


def takes_no_change(vault: Vault) -> None:
    for change in (
        lambda: vault.write("company-0", "account", {"n": 3}),
        lambda: vault.remove("company-0"),
    ):
        with pytest.raises(CredentialError, match="older than it was"):
            change()


def test_a_write_after_the_file_went_back_to_what_the_writer_knew(home: Path) -> None:
    """Another process wrote since: the writer has to ask the anchor, not its memory."""
    vault = filled(home)
    assert vault.read("company-0", "account")
    old = (home / "vault.db").read_bytes()
    another = again(home)
    another.write("company-0", "account", {"n": 2})
    another.close()
    (home / "vault.db").write_bytes(old)
    takes_no_change(vault)
    assert (home / "vault.db").read_bytes() == old


def test_a_write_after_the_file_and_its_anchor_went_back(home: Path) -> None:
    """The writer has to ask its memory, too, not the anchor alone."""
    vault = filled(home)
    old = {name: (home / name).read_bytes() for name in ("vault.db", "vault.anchor")}
    vault.write("company-0", "account", {"n": 2})
    for name, content in old.items():
        (home / name).write_bytes(content)
    takes_no_change(vault)
    assert {name: (home / name).read_bytes() for name in old} == old


def test_another_past(home: Path, tmp_path: Path) -> None:
    """Two vaults that went different ways from the same state, with as many steps."""
    filled(home).close()
    fork = copied(home, tmp_path / "fork")
    here, there = again(home), vault_at(fork, {})
    here.write("company-0", "account", {"n": 1})
    there.write("company-0", "account", {"n": 2})
    here.close()
    there.close()
    (home / "vault.db").write_bytes((fork / "vault.db").read_bytes())
    with pytest.raises(CredentialError, match="emptied, cut or replaced"):
        again(home).read("company-0", "account")


def test_the_file_of_another_vault(home: Path, tmp_path: Path) -> None:
    filled(home).close()
    filled(tmp_path / "other").close()
    (home / "vault.db").write_bytes((tmp_path / "other" / "vault.db").read_bytes())
    with pytest.raises(CredentialError, match="does not belong to this vault"):
        again(home).read("company-0", "account")


@pytest.mark.parametrize("content", [None, b"", b"junk\n", b"[1,2]\n", b'["a",9,"b","c"]\n'])
def test_an_anchor_that_is_gone_or_forged(home: Path, content: bytes | None) -> None:
    filled(home).close()
    if content is None:
        (home / "vault.anchor").unlink()
    else:
        (home / "vault.anchor").write_bytes(content)
    with pytest.raises(CredentialError, match="anchor is missing"):
        again(home).read("company-0", "account")
    with pytest.raises(CredentialError, match="anchor is missing"):
        again(home).write("company-0", "account", {})


def test_a_person_may_accept_a_backup(home: Path) -> None:
    vault = filled(home)
    old = (home / "vault.db").read_bytes()
    for _ in range(5):
        vault.write("company-0", "account", {"n": 2})
    newest = (home / "vault.db").read_bytes()
    vault.close()
    (home / "vault.db").write_bytes(old)
    vault = again(home)
    vault.accept()
    assert vault.check() == []
    record = vault.read("company-0", "account")
    assert record is not None
    assert record.value == value(0)
    vault.write("company-1", "account", {"n": 9})
    vault.close()
    (home / "vault.db").write_bytes(newest)
    with pytest.raises(CredentialError):
        again(home).read("company-0", "account")


def test_who_died_before_the_anchor_was_raised_is_forgiven(home: Path) -> None:
    vault = filled(home)
    anchor = (home / "vault.anchor").read_bytes()
    vault.write("company-0", "account", {"n": 2})
    vault.close()
    (home / "vault.anchor").write_bytes(anchor)
    record = again(home).read("company-0", "account")
    assert record is not None
    assert record.value == {"n": 2}
    assert again(home).check() == []
    assert (home / "vault.anchor").read_bytes() != anchor
