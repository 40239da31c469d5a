from __future__ import annotations

import base64
import contextlib
import copy
import inspect
import json
import os
import pickle
import random
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from keyring.backends import SecretService, kwallet
from keyring.backends.null import Keyring as NullKeyring
from keyring.errors import InitError, KeyringLocked

from aircall_mcp.cli.vault import create_if_missing
from aircall_mcp.errors import AircallMCPError, CredentialError, StoreError
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.storage.lock import Lock
from aircall_mcp.storage.private_files import Modes
from aircall_mcp.vault import KeyringHolder, Kind, Vault, shared_disk
from aircall_mcp.vault.envelope import Damaged, Key
from aircall_mcp.vault.keys.desktop import TRUSTED_BACKENDS
from aircall_mcp.vault.keys.passphrase import Argon2id

from ..canaries import CANARIES
from ..vaults import (
    PHRASE,
    TOKEN,
    Bus,
    Failing,
    Forgetful,
    Keyring,
    Locked,
    again,
    copied,
    filled,
    held_by,
    rows,
    value,
    vault_at,
)

ONE, TWO = CANARIES["vault key"], base64.b64encode(bytes([2]) * 32).decode()
YES, NO = ("v", (("b", True),)), ("v", (("b", False),))
COLLECTION: dict[str, Any] = {
    "Collection.Label": ("v", (("s", "Login"),)),
    "SearchItems": ("ao", (["/item"],)),
    "Item.Label": ("v", (("s", "ours"),)),
}
WORKS: dict[str, Callable[[Vault], object]] = {
    "read": lambda vault: vault.read("company", "account"),
    "write": lambda vault: vault.write("company", "account", {}),
    "remove": lambda vault: vault.remove("company"),
    "rotate": Vault.rotate,
    "accept": Vault.accept,
}
AS_ROOT = os.name == "posix" and os.geteuid() == 0


class TestEnvelope:
    """What HashiCorp asks of its barrier, of ours."""

    key = Key(bytes(range(32)))

    def test_confidential(self, home: Path) -> None:
        filled(home).close()
        everything = b"".join(path.read_bytes() for path in home.iterdir())
        for shown in (
            TOKEN.encode(),
            base64.b64encode(TOKEN.encode())[:30],
            TOKEN.encode().hex().encode(),
        ):
            assert shown not in everything

    def test_integrity(self) -> None:
        sealed = base64.b64decode(self.key.seal(b"a token", b"place", os.urandom))
        for index in range(len(sealed)):
            changed = bytearray(sealed)
            changed[index] ^= 1
            with pytest.raises(Damaged):
                self.key.open(base64.b64encode(changed).decode(), b"place")

    def test_move(self) -> None:
        sealed = self.key.seal(b"a token", b"place", os.urandom)
        assert self.key.open(sealed, b"place") == b"a token"
        with pytest.raises(Damaged):
            self.key.open(sealed, b"another place")

    def test_unique(self) -> None:
        assert len({self.key.seal(b"same", b"place", os.urandom) for _ in range(100)}) == 100

    def test_key_length(self) -> None:
        for length in (0, 16, 31, 33):
            with pytest.raises(ValueError, match="32"):
                Key(bytes(length))

    @pytest.mark.parametrize("junk", [None, 7, b"x", "", "x", "é", "AA==", "AQ==" * 40])
    def test_junk_is_damaged_and_nothing_else(self, junk: object) -> None:
        with pytest.raises(Damaged):
            self.key.open(junk, b"place")

    def test_every_truncation(self) -> None:
        sealed = base64.b64decode(self.key.seal(b"a token", b"place", os.urandom))
        for length in range(len(sealed)):
            with pytest.raises(Damaged):
                self.key.open(base64.b64encode(sealed[:length]).decode(), b"place")

    def test_the_format_stays(self) -> None:
        """A record that was sealed by the first version must open for ever."""
        counter = iter(range(256))
        sealed = self.key.seal(
            b'{"a":1}', b"place", lambda size: bytes(next(counter) for _ in range(size))
        )
        assert sealed == FIRST_FORMAT
        assert self.key.open(sealed, b"place") == b'{"a":1}'

    def test_a_key_does_not_show_itself(self) -> None:
        shown = f"{self.key} {self.key!r} {[self.key]}"
        assert self.key.text() not in shown
        assert bytes(range(32)).hex() not in shown
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                attempt(self.key)


FIRST_FORMAT = (
    "ASAhIiMkJSYnKCkqK6JFa+xVB/Xw+ys3lxq5dI1FF3Z55IoelhjqbCcLsoFoEufOZF+wBYvV6yz3fhzR"
    "4CwtLi8wMTIzNDU2NynfRDRYoJmYwZLnkMqZBXEdMmkfwW9Q"
)


class TestRecords:
    def test_what_is_written_is_read(self, home: Path) -> None:
        filled(home)
        vault = again(home)
        record = vault.read("company-1", "account")
        assert record is not None
        assert record.value == value(1)
        assert vault.read("company-9", "account") is None
        assert vault.read("company-1", "other") is None
        assert vault.owners("account") == ("company-0", "company-1", "company-2")

    def test_a_write_by_generation(self, home: Path) -> None:
        vault = filled(home)
        first = vault.read("company-0", "account")
        assert first is not None
        second = vault.write("company-0", "account", {"n": 2}, expected=first.generation)
        assert second is not None
        assert second > first.generation
        assert vault.write("company-0", "account", {"n": 3}, expected=first.generation) is None
        assert vault.write("company-0", "account", {"n": 3}, expected=0) is None
        record = again(home).read("company-0", "account")
        assert record is not None
        assert (record.generation, record.value) == (second, {"n": 2})

    def test_a_generation_is_never_used_again(self, home: Path) -> None:
        vault = filled(home)
        seen = {0}
        for _ in range(4):
            generation = vault.write("company-0", "account", {"n": 1})
            assert generation not in seen
            seen.add(generation or 0)
            assert vault.remove("company-0")
            assert vault.read("company-0", "account") is None

    def test_removing_removes_every_field_of_one_owner(self, home: Path) -> None:
        vault = filled(home)
        vault.write("company-0", "other", {"a": Secret("x" * 20)})
        assert vault.remove("company-0")
        assert not vault.remove("company-0")
        assert rows(home, "SELECT DISTINCT owner FROM record ORDER BY 1") == [
            ("company-1",),
            ("company-2",),
        ]

    def test_the_length_of_a_record_tells_nothing(self, home: Path) -> None:
        vault = filled(home)
        vault.write("short", "account", {})
        vault.write("long", "account", {"token": Secret("x" * 3000)})
        lengths = {row[0] for row in rows(home, "SELECT LENGTH(sealed) FROM record")}
        assert len(lengths) == 1

    @pytest.mark.anyio
    async def test_aside(self, home: Path) -> None:
        vault = filled(home)
        record = await vault.aside(lambda: vault.read("company-2", "account"))
        assert record is not None
        assert record.value == value(2)
        vault.close()

    def test_something_that_is_no_json_is_refused_before_anything_changes(self, home: Path) -> None:
        vault = filled(home)
        with pytest.raises(TypeError):
            vault.write("company-0", "account", {"n": object()})
        assert again(home).check() == []

    def test_two_processes_see_each_other(self, home: Path) -> None:
        here, there = filled(home), again(home)
        assert there.read("company-0", "account")
        here.write("company-0", "account", {"n": 5})
        seen = there.read("company-0", "account")
        assert seen is not None
        assert seen.value == {"n": 5}
        there.write("company-0", "account", {"n": 6})
        seen = here.read("company-0", "account")
        assert seen is not None
        assert seen.value == {"n": 6}


class TestTampering:
    """Somebody can write to the file, and has no key."""

    @pytest.mark.timeout(1800)
    def test_bit_flips(self, home: Path, full: bool) -> None:
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
    def test_every_truncation(self, home: Path, full: bool) -> None:
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
    def test_an_emptied_vault_is_never_a_new_one(self, home: Path, kind: Kind) -> None:
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
        self, home: Path, kind: Kind, others: tuple[Kind, ...]
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

    def test_rows_do_not_change_places(self, home: Path) -> None:
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
    def test_the_manifest_and_the_head(self, home: Path, sql: str) -> None:
        filled(home).close()
        rows(home, sql)
        with pytest.raises((CredentialError, StoreError)):
            again(home).read("company-1", "account")
        with pytest.raises((CredentialError, StoreError)):
            again(home).write("company-1", "account", {})
        assert again(home).check()

    def test_a_rolled_back_row(self, home: Path) -> None:
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
    def test_a_rolled_back_file(self, home: Path, running: bool) -> None:
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

    def test_a_write_after_the_file_went_back_to_what_the_writer_knew(self, home: Path) -> None:
        """Another process wrote since: the writer has to ask the anchor, not its memory."""
        vault = filled(home)
        assert vault.read("company-0", "account")
        old = (home / "vault.db").read_bytes()
        another = again(home)
        another.write("company-0", "account", {"n": 2})
        another.close()
        (home / "vault.db").write_bytes(old)
        for change in (
            lambda: vault.write("company-0", "account", {"n": 3}),
            lambda: vault.remove("company-0"),
        ):
            with pytest.raises(CredentialError, match="older than it was"):
                change()
        assert (home / "vault.db").read_bytes() == old

    def test_a_write_after_the_file_and_its_anchor_went_back(self, home: Path) -> None:
        """The writer has to ask its memory, too, not the anchor alone."""
        vault = filled(home)
        old = {name: (home / name).read_bytes() for name in ("vault.db", "vault.anchor")}
        vault.write("company-0", "account", {"n": 2})
        for name, content in old.items():
            (home / name).write_bytes(content)
        for change in (
            lambda: vault.write("company-0", "account", {"n": 3}),
            lambda: vault.remove("company-0"),
        ):
            with pytest.raises(CredentialError, match="older than it was"):
                change()
        assert {name: (home / name).read_bytes() for name in old} == old

    def test_another_past(self, home: Path, tmp_path: Path) -> None:
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

    def test_the_file_of_another_vault(self, home: Path, tmp_path: Path) -> None:
        filled(home).close()
        filled(tmp_path / "other").close()
        (home / "vault.db").write_bytes((tmp_path / "other" / "vault.db").read_bytes())
        with pytest.raises(CredentialError, match="not the one of this vault"):
            again(home).read("company-0", "account")

    @pytest.mark.parametrize("content", [None, b"", b"junk\n", b"[1,2]\n", b'["a",9,"b","c"]\n'])
    def test_an_anchor_that_is_gone_or_forged(self, home: Path, content: bytes | None) -> None:
        filled(home).close()
        if content is None:
            (home / "vault.anchor").unlink()
        else:
            (home / "vault.anchor").write_bytes(content)
        with pytest.raises(CredentialError, match="anchor is missing"):
            again(home).read("company-0", "account")
        with pytest.raises(CredentialError, match="anchor is missing"):
            again(home).write("company-0", "account", {})

    def test_a_person_may_accept_a_backup(self, home: Path) -> None:
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

    def test_who_died_before_the_anchor_was_raised_is_forgiven(self, home: Path) -> None:
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


class TestHolders:
    def test_a_wrong_key_and_a_missing_key(self, home: Path) -> None:
        filled(home).close()
        file = home / "vault.key"
        right = file.read_bytes()
        file.write_bytes(f"{ONE}\n".encode())
        with pytest.raises(CredentialError, match="not the one of this vault"):
            again(home).read("company-0", "account")
        file.write_bytes(b"no key\n")
        with pytest.raises(CredentialError, match="damaged"):
            again(home).read("company-0", "account")
        file.unlink()
        with pytest.raises(CredentialError, match="missing") as caught:
            again(home).read("company-0", "account")
        assert "Put it back" in caught.value.hint
        Modes().replace(file, right)
        assert again(home).check() == []

    @pytest.mark.parametrize("content", [b"\n", b" \n\n", b"no key\n"])
    def test_a_key_file_without_a_key(self, home: Path, content: bytes) -> None:
        Modes().directory(home)
        Modes().replace(home / "vault.key", content)
        with pytest.raises(CredentialError, match="holds no key") as caught:
            again(home).create("file")
        assert "remove it" in caught.value.hint
        assert (home / "vault.key").read_bytes() == content

    @pytest.mark.parametrize("text", ["", "x", "!" * 44, base64.b64encode(b"x" * 31).decode()])
    def test_a_variable_without_a_key(self, home: Path, text: str) -> None:
        with pytest.raises(CredentialError) as caught:
            vault_at(home, {"AIRCALL_MCP_VAULT_KEY": text}).create("environment")
        assert "openssl" in caught.value.hint
        assert not (home / "vault.db").exists()

    def test_the_environment_s_key(self, home: Path) -> None:
        vault = vault_at(home, {"AIRCALL_MCP_VAULT_KEY": ONE})
        assert "AIRCALL_MCP_VAULT_KEY" in vault.create("environment")
        vault.write("company", "account", value(1))
        with pytest.raises(CredentialError, match="not set"):
            vault_at(home, {}).read("company", "account")
        with pytest.raises(CredentialError, match="not the one of this vault"):
            vault_at(home, {"AIRCALL_MCP_VAULT_KEY": TWO}).read("company", "account")

    def test_a_key_file_elsewhere(self, home: Path, tmp_path: Path) -> None:
        Modes().directory(tmp_path / "keys")
        file = tmp_path / "keys" / "key"
        Modes().replace(file, f"{TWO}\n".encode())
        environment = {"AIRCALL_MCP_VAULT_KEY_FILE": str(file)}
        vault_at(home, environment).create("file")
        assert file.read_text() == f"{TWO}\n"
        assert vault_at(home, environment).check() == []
        assert not (home / "vault.key").exists()

    def test_a_passphrase(self, home: Path) -> None:
        def opened(phrase: str | None) -> Vault:
            return vault_at(home, {}, ask=lambda _new: Secret(phrase) if phrase else None)

        vault = opened(PHRASE)
        vault.create("passphrase")
        vault.write("company", "account", value(1))
        record = opened(PHRASE).read("company", "account")
        assert record is not None
        assert record.value == value(1)
        with pytest.raises(CredentialError, match="not the one of this vault"):
            opened(PHRASE + "!").read("company", "account")
        with pytest.raises(CredentialError, match="locked by a passphrase") as caught:
            opened(None).read("company", "account")
        assert "AIRCALL_MCP_VAULT_PASSPHRASE" in caught.value.hint
        note = json.loads(str(rows(home, "SELECT key_note FROM vault")[0][0]))
        assert (note["memory"], note["passes"], note["lanes"]) == (65536, 3, 4)
        assert len(bytes.fromhex(note["salt"])) == 16

    @pytest.mark.parametrize("asked", [True, False])
    def test_a_passphrase_that_is_no_text(self, home: Path, asked: bool) -> None:
        """As a Latin-1 terminal or variable gives it under a UTF-8 locale."""
        phrase = os.fsdecode("quatre mots tr\xe8s priv\xe9s".encode("latin-1"))
        vault = (
            vault_at(home, {}, ask=lambda _new: Secret(phrase))
            if asked
            else vault_at(home, {"AIRCALL_MCP_VAULT_PASSPHRASE": phrase})
        )
        with pytest.raises(CredentialError, match="no character") as caught:
            vault.create("passphrase")
        assert "AIRCALL_MCP_VAULT_PASSPHRASE" in caught.value.hint
        assert caught.value.__cause__ is None

    def test_a_passphrase_of_the_environment(self, home: Path) -> None:
        usual, new = "AIRCALL_MCP_VAULT_PASSPHRASE", "AIRCALL_MCP_VAULT_NEW_PASSPHRASE"
        for replace in (False, True):
            vault_at(home, {usual: PHRASE}).create("passphrase", replace=replace)
        vault_at(home, {usual: PHRASE}).write("company", "account", value(1))
        with pytest.raises(CredentialError, match="new passphrase") as caught:
            vault_at(home, {usual: PHRASE}).rotate()
        assert new in caught.value.hint
        vault_at(home, {usual: PHRASE, new: f"{PHRASE}, and more"}).rotate()
        assert vault_at(home, {usual: f"{PHRASE}, and more"}).check() == []

    def test_a_short_passphrase(self, home: Path) -> None:
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
    def test_weaker_derivations_are_refused_before_they_run(
        self, weaker: dict[str, object]
    ) -> None:
        right = {"salt": "00" * 16, "memory": 65536, "passes": 3, "lanes": 4}
        Argon2id.noted(json.dumps(right))
        start = time.perf_counter()
        with pytest.raises(CredentialError, match="weaker"):
            Argon2id.noted(json.dumps(right | weaker))
        assert time.perf_counter() - start < 0.1

    @pytest.mark.parametrize("note", ["", "[]", "null", "[" * 9999, '{"salt":'])
    def test_a_note_that_is_none(self, note: str) -> None:
        with pytest.raises(CredentialError):
            Argon2id.noted(note)

    def test_the_derivation_stays(self) -> None:
        """A passphrase must open for ever what it opened once."""
        key = Argon2id(salt=(b"somesalt" * 2).hex()).key(Secret("password"))
        assert key.text() == "gduXp+Z6iReEolmbyHn5V8s1EtJzmEvZfYoY/Fn/AeI="

    def test_a_keyring_keeps_the_key_and_nothing_else(self, home: Path) -> None:
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

    def test_a_torn_keyring_entry_costs_nothing(self, home: Path) -> None:
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

    def test_a_keyring_entry_without_a_key(self, home: Path) -> None:
        keyring = Keyring()
        entry = f"aircall-mcp vault of {home} / 1"
        keyring.set_password(entry, "aircall-mcp", json.dumps([3, ["no key"], []]))
        with pytest.raises(CredentialError, match="keyring is damaged") as caught:
            vault_at(home, {}, keyring=held_by(keyring)).create("keyring")
        assert entry in caught.value.hint

    def test_a_rolled_back_directory_is_seen_through_the_keyring(self, home: Path) -> None:
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
            (Forgetful(), True, "forgets"),
            (NullKeyring(), True, "forgets"),
            (Failing(ConnectionResetError()), True, "failed .ConnectionResetError"),
            (Failing(KeyringLocked()), True, "may be locked"),
            (Failing(InitError()), True, "may be locked"),
        ],
    )
    def test_a_keyring_that_will_not_do(
        self, home: Path, backend: Keyring, trust: bool, says: str
    ) -> None:
        vault = vault_at(home, {}, keyring=held_by(backend, trust=trust))
        with pytest.raises(CredentialError, match=says) as caught:
            vault.create("keyring")
        assert "--key file" in caught.value.hint
        assert not (home / "vault.db").exists()

    def test_no_keyring_at_all(self, home: Path) -> None:
        vault = vault_at(home, {}, keyring=lambda h: KeyringHolder(h, find=lambda: None))
        with pytest.raises(CredentialError, match="no keyring we trust") as caught:
            vault.create("keyring")
        assert "--key file" in caught.value.hint

    @pytest.mark.parametrize(
        "backend", [Failing(KeyringLocked()), Failing(InitError()), Failing(OSError()), None]
    )
    def test_a_keyring_that_does_not_open_a_vault_that_is_there(
        self, home: Path, backend: Keyring | None
    ) -> None:
        vault_at(home, {}, keyring=held_by(Keyring())).create("keyring")
        for work in WORKS.values():
            with pytest.raises(CredentialError) as caught:
                work(vault_at(home, {}, keyring=held_by(backend)))
            assert "Unlock it" in caught.value.hint
            assert "vault rotate --key file" in caught.value.hint
            assert "vault init" not in caught.value.hint

    def test_a_plaintext_keyring_is_not_even_looked_at(self) -> None:
        assert all(name.startswith("keyring.backends.") for name in TRUSTED_BACKENDS)
        for word in ("null", "fail", "chainer", "plaintext", "file"):
            assert word not in " ".join(TRUSTED_BACKENDS).lower()

    def test_a_configured_backend_is_not_used(self, home: Path) -> None:
        """`PYTHON_KEYRING_BACKEND` may name any class, a plaintext one for example."""
        (home.parent / "plain.py").write_text(
            "from keyring.backend import KeyringBackend\n"
            "class Keyring(KeyringBackend):\n"
            "    priority = 99\n"
            "    def get_password(self, *_): return None\n"
            "    set_password = delete_password = get_password\n"
        )
        code = (
            "import keyring; from aircall_mcp.vault.keys.desktop import system_backend;"
            "print(type(keyring.get_keyring()).__module__, type(system_backend()).__module__)"
        )
        environment = os.environ | {
            "PYTHON_KEYRING_BACKEND": "plain.Keyring",
            "PYTHONPATH": os.pathsep.join([str(home.parent), *sys.path]),
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
        }
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        configured, used = done.stdout.split()
        assert configured == "plain"
        assert used != "plain"

    def test_a_locked_keyring_does_not_hold_up_a_server(self, home: Path) -> None:
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

    @pytest.mark.skipif(sys.platform != "linux", reason="needs the libraries of a Linux desktop")
    @pytest.mark.parametrize(
        ("backend", "answers"),
        [
            (SecretService.Keyring, COLLECTION | {"Collection.Locked": YES}),
            (SecretService.Keyring, COLLECTION | {"Collection.Locked": NO, "Item.Locked": YES}),
            (SecretService.Keyring, {}),
            (kwallet.DBusKeyring, {"networkWallet": ("s", ("mine",)), "isOpen": ("b", (False,))}),
        ],
    )
    def test_a_server_never_makes_the_desktop_ask(
        self,
        home: Path,
        monkeypatch: pytest.MonkeyPatch,
        backend: Callable[[], Any],
        answers: dict[str, Any],
    ) -> None:
        vault_at(home, {}, keyring=held_by(Keyring())).create("keyring")
        with self.bus(answers) as bus:
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
            server = vault_at(home, {}, keyring=lambda h: KeyringHolder(h, find=backend))
            with pytest.raises(CredentialError, match="keyring is locked") as caught:
                server.read("company", "account")
        assert "Unlock it" in caught.value.hint
        assert set(bus.asked) <= {*answers, "Hello", "AddMatch", "Collection.Label"}

    @pytest.mark.skipif(sys.platform != "linux", reason="needs the libraries of a Linux desktop")
    def test_a_command_waits_for_the_person_who_is_asked(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vault_at(home, {}, keyring=held_by(Keyring())).create("keyring")
        answers: dict[str, Any] = {"SearchItems": ("ao", ([],)), "Collection.Locked": YES}
        with self.bus(COLLECTION | answers | {"Unlock": ("aoo", (["/login"], "/"))}) as bus:
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
            command = vault_at(
                home,
                {},
                keyring=lambda h: KeyringHolder(h, find=SecretService.Keyring, patience=None),
            )
            with pytest.raises(CredentialError, match="holds no key of this vault"):
                command.read("company", "account")
        assert bus.asked.count("Unlock") == 1

    @contextlib.contextmanager
    def bus(self, answers: dict[str, Any]) -> Generator[Bus]:
        """In a directory of its own: the address of a socket may not be long."""
        with (
            tempfile.TemporaryDirectory() as directory,
            contextlib.closing(Bus(Path(directory) / "bus", answers)) as bus,
        ):
            yield bus

    def test_the_server_s_patience_is_five_seconds(self) -> None:
        assert inspect.signature(KeyringHolder).parameters["patience"].default == 5.0
        assert inspect.signature(vault_at).parameters["patience"].default == 5.0


class TestWaiting:
    """Nobody else waits for a person who is asked for something."""

    @pytest.fixture
    def asked(self) -> list[bool]:
        return []

    @pytest.fixture
    def vault(self, home: Path, asked: list[bool]) -> Vault:
        vault_at(home, {}, ask=lambda _new: Secret(PHRASE)).create("passphrase")

        def ask(new: bool) -> Secret:
            asked.append(new)
            lock = Lock(home / "vault.lock")
            assert lock.take(), "asked while others wait"
            lock.release()
            return Secret(PHRASE)

        return vault_at(home, {}, ask=ask)

    @pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
    def test_with_a_vault(
        self, vault: Vault, asked: list[bool], work: Callable[[Vault], object]
    ) -> None:
        work(vault)
        assert asked[0] is False

    def test_while_it_is_examined(self, vault: Vault, asked: list[bool]) -> None:
        assert vault.check() == []
        assert asked == [False]

    def test_while_it_is_made(self, vault: Vault, asked: list[bool]) -> None:
        vault.create("passphrase", replace=True)
        assert asked == [True]

    def test_for_a_new_key_elsewhere(self, home: Path, vault: Vault, asked: list[bool]) -> None:
        vault.rotate("file")
        assert again(home).status().kind == "file"
        vault.rotate("passphrase")
        assert again(home).status().kind == "passphrase"
        assert asked == [False, True]

    @pytest.mark.parametrize("kind", ["file", "passphrase"])
    def test_whoever_is_too_late_is_asked_again(self, home: Path, kind: Kind) -> None:
        """The key is changed while the person types the old one."""
        words = {False: Secret(PHRASE), True: Secret(f"{PHRASE}, and more")}
        other = vault_at(home, {}, ask=words.__getitem__)
        vault_at(home, {}, ask=lambda _new: Secret(PHRASE)).create("passphrase")
        typed = iter([Secret(PHRASE), words[True]])

        def late(_new: bool) -> Secret:
            phrase = next(typed)
            if phrase == words[False]:
                other.rotate(kind)
            return phrase

        vault = vault_at(home, {}, ask=late)
        assert vault.write("company", "account", value(1))
        assert vault.check() == []


class TestRotation:
    def opened(self, home: Path, keyring: Keyring, **more: str) -> Vault:
        return vault_at(home, more, keyring=held_by(keyring))

    @pytest.mark.parametrize("kind", ["file", "keyring"])
    def test_everything_is_sealed_anew_and_the_old_key_is_gone(
        self, home: Path, kind: Kind
    ) -> None:
        keyring = Keyring()
        vault = self.opened(home, keyring)
        vault.create(kind)
        vault.write("company", "account", value(1))
        generation = (vault.read("company", "account") or pytest.fail("none")).generation

        def held() -> str:
            return str(keyring.entries) if kind == "keyring" else (home / "vault.key").read_text()

        before, key = rows(home, "SELECT sealed, (SELECT key_id FROM vault) FROM record")[0]
        text = held()
        vault.rotate()
        after, new = rows(home, "SELECT sealed, (SELECT key_id FROM vault) FROM record")[0]
        assert before != after
        assert key != new
        old_keys = set(text.replace('"', " ").replace("\n", " ").split()) - {"[]"}
        assert not {word for word in old_keys if len(word) == 44 and word in held()}
        for reader in (vault, self.opened(home, keyring)):
            record = reader.read("company", "account")
            assert record is not None
            assert (record.value, record.generation) == (value(1), generation)
            assert reader.check() == []

    def test_two_readers_and_a_rotation(self, home: Path) -> None:
        rotating = filled(home)
        readers = [again(home), again(home)]
        for reader in readers:
            assert reader.read("company-0", "account")
        for turn in range(3):
            rotating.rotate()
            for number, reader in enumerate(readers):
                record = reader.read(f"company-{number}", "account")
                assert record is not None
                reader.write(f"company-{number}", "account", {"turn": turn})
        assert again(home).check() == []

    def test_the_environment_s_key(self, home: Path) -> None:
        vault_at(home, {"AIRCALL_MCP_VAULT_KEY": ONE}).create("environment")
        both = {"AIRCALL_MCP_VAULT_KEY": ONE, "AIRCALL_MCP_VAULT_NEW_KEY": TWO}
        vault = vault_at(home, both)
        vault.write("company", "account", value(1))
        with pytest.raises(CredentialError, match="AIRCALL_MCP_VAULT_NEW_KEY must hold another"):
            vault_at(home, {"AIRCALL_MCP_VAULT_KEY": ONE}).rotate()
        vault.rotate()
        for environment in (both, {"AIRCALL_MCP_VAULT_KEY": TWO}):
            assert vault_at(home, environment).check() == []
        with pytest.raises(CredentialError):
            vault_at(home, {"AIRCALL_MCP_VAULT_KEY": ONE}).read("company", "account")

    def test_a_passphrase(self, home: Path) -> None:
        words = {False: Secret(PHRASE), True: Secret(PHRASE)}
        vault = vault_at(home, {}, ask=words.__getitem__)
        vault.create("passphrase")
        vault.write("company", "account", value(1))
        words[True] = Secret("another phrase that is long")
        vault.rotate()
        with pytest.raises(CredentialError):
            vault_at(home, {}, ask=words.__getitem__).read("company", "account")
        assert vault_at(home, {}, ask=lambda _new: words[True]).check() == []

    @pytest.mark.parametrize(
        "path",
        [
            ("file", "keyring"), ("keyring", "file"), ("file", "environment"),
            ("keyring", "environment"), ("environment", "keyring"),
        ],
    )  # fmt: skip
    def test_moving_to_another_holder(self, home: Path, path: tuple[Kind, Kind]) -> None:
        keyring = Keyring()
        key = "AIRCALL_MCP_VAULT_KEY"
        vault = self.opened(home, keyring, **{key: ONE})
        vault.create(path[0])
        vault.write("company", "account", value(1))
        vault.rotate(path[1])
        assert vault.status().kind == path[1]
        assert self.opened(home, keyring, **{key: ONE}).check() == []
        assert (home / "vault.key").exists() == (path[1] == "file")
        assert (home / "vault.anchor").exists() == (path[1] != "keyring")
        assert bool(keyring.entries) == (path[1] == "keyring")

    @pytest.mark.parametrize("to", [None, "file", "environment"])
    def test_what_a_killed_one_left_is_taken_away(self, home: Path, to: Kind | None) -> None:
        filled(home).close()
        key = (home / "vault.key").read_bytes()
        ours = [home / "vault.key.0123456789ab", home / "vault.anchor.0123456789ab"]
        others = [
            home / name
            for name in ("vault.key.bak", "vault.key.0123456789abc", "vault.key.0123456789AB",
                         "my.vault.key.0123456789ab", "vault.db.0123456789ab")
        ]  # fmt: skip
        for path in (*ours, *others):
            Modes().replace(path, key)
        vault = vault_at(home, {"AIRCALL_MCP_VAULT_KEY": TWO})
        assert vault.rotate(to) if to else vault.check() == []
        assert not [path for path in ours if path.exists()]
        assert all(path.exists() for path in others)

    @pytest.mark.parametrize("kind", ["file", "keyring", "environment"])
    @pytest.mark.parametrize("step", range(8))
    def test_it_survives_a_kill_at_each_step(self, home: Path, kind: Kind, step: int) -> None:
        """Every change of the outside world is a step; the process dies before the one chosen."""
        keyring = Keyring()
        both = {"AIRCALL_MCP_VAULT_KEY": ONE, "AIRCALL_MCP_VAULT_NEW_KEY": TWO}
        vault = self.opened(home, keyring, **both)
        vault.create(kind)
        for number in range(3):
            vault.write(f"company-{number}", "account", value(number))
        vault.close()

        steps = Dying(step)
        dying = vault_at(
            home, both, keyring=held_by(DyingKeyring(keyring, steps)), modes=DyingModes(steps)
        )
        died = False
        try:
            dying.rotate()
        except Killed:
            died = True
        dying.close()
        survivor = self.opened(home, keyring, **both)
        for number in range(3):
            record = survivor.read(f"company-{number}", "account")
            assert record is not None
            assert record.value == value(number)
        if kind != "environment" or not died:
            survivor.write("company-0", "account", {"n": 1})
        assert survivor.check() == []
        if kind != "environment":
            survivor.rotate()
            assert self.opened(home, keyring, **both).check() == []
        if kind == "file":
            assert len((home / "vault.key").read_text().split()) == 1


class Killed(BaseException):
    """The process is gone: nobody catches this on the way."""


class Dying:
    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1


class DyingModes(Modes):
    """Dies before or after a file is replaced."""

    def __init__(self, steps: Dying) -> None:
        super().__init__()
        self._steps = steps

    def replace(self, path: Path, content: bytes) -> None:
        self._steps()
        super().replace(path, content)
        self._steps()


class DyingKeyring(Keyring):
    def __init__(self, real: Keyring, steps: Dying) -> None:
        self.entries = real.entries
        self._steps = steps

    def set_password(self, service: str, username: str, password: str, /) -> None:
        self._steps()
        super().set_password(service, username, password)
        self._steps()


class TestCreation:
    def test_a_second_vault_is_refused(self, home: Path) -> None:
        vault = filled(home)
        with pytest.raises(CredentialError, match="already"):
            vault.create("file")
        with pytest.raises(CredentialError, match="already"):
            again(home).create("environment")

    def test_to_begin_anew_is_a_choice(self, home: Path) -> None:
        filled(home).close()
        (home / "vault.db").write_bytes(b"")
        vault = again(home)
        with pytest.raises(CredentialError):
            vault.create("file")
        vault.create("file", replace=True)
        assert vault.owners("account") == ()
        assert vault.check() == []
        assert len(list(home.glob("vault.db.*.old"))) == 1

    def test_without_a_vault_there_is_nothing_and_nothing_is_made(self, home: Path) -> None:
        vault = again(home)
        assert not vault.exists
        assert vault.owners("account") == ()
        assert vault.read("company", "account") is None
        assert not vault.exists
        for attempt in (
            lambda: vault.write("a", "account", {}),
            vault.status,
            vault.check,
            vault.accept,
            vault.rotate,
            lambda: vault.remove("a"),
        ):
            with pytest.raises(CredentialError, match="no vault yet"):
                attempt()
        assert not (home / "vault.db").exists()

    @pytest.mark.parametrize("step", range(6))
    def test_it_survives_a_kill_at_each_step(self, home: Path, step: int) -> None:
        dying = vault_at(home, {}, modes=DyingModes(Dying(step)))
        with contextlib.suppress(Killed):
            dying.create("file")
        dying.close()
        if dying.exists is False:
            Modes().touch(home / "vault.db")  # where the next step would have begun
        vault = again(home)
        create_if_missing(vault, "file", {}, lambda _said: None)
        vault.write("company", "account", value(1))
        assert again(home).check() == []

    def test_private_whatever_the_umask(self, home: Path) -> None:
        before = os.umask(0)
        try:
            filled(home).rotate()
        finally:
            os.umask(before)
        assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
        assert stat.S_IMODE(home.stat().st_mode) == 0o700

    @pytest.mark.parametrize("name", ["vault.db", "vault.key", "vault.anchor", "vault.lock"])
    def test_no_file_may_be_a_link_or_open(self, home: Path, tmp_path: Path, name: str) -> None:
        filled(home).close()
        (home / name).chmod(0o644)
        with pytest.raises((StoreError, CredentialError), match="open to other users"):
            again(home).write("company-0", "account", {})
        (home / name).chmod(0o600)
        (home / name).rename(tmp_path / name)
        (home / name).symlink_to(tmp_path / name)
        with pytest.raises((StoreError, CredentialError), match="link"):
            again(home).write("company-0", "account", {})

    def test_the_status_needs_no_key(self, home: Path) -> None:
        filled(home).close()
        (home / "vault.key").unlink()
        status = again(home).status()
        assert (status.kind, status.accounts, status.epoch) == ("file", 3, 3)
        assert str(home / "vault.key") in status.where


class TestDisk:
    """Whatever the disk does, what was stored can be read, and the error has a type."""

    def test_a_disk_that_fills_up(self, tmp_path: Path) -> None:
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=160k,mode=700", "tmpfs", str(disk)]
        if not AS_ROOT or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("may not mount")
        try:
            vault = filled(disk, accounts=2)
            stored, full = {f"company-{n}": value(n) for n in range(2)}, 0
            for room in range(24, 0, -1):
                (disk / "filler").write_bytes(b"")
                _fill(disk / "filler", leave=room * 4096)
                fresh: dict[str, object] = {"token": Secret(f"{TOKEN}-{room}")}
                try:
                    vault.write("company-0", "account", fresh)
                    stored["company-0"] = fresh
                except (StoreError, CredentialError):
                    full += 1
                for reader in (vault, again(disk)):
                    for owner, there in stored.items():
                        record = reader.read(owner, "account")
                        assert record is not None
                        assert record.value == there
                    if reader is not vault:
                        reader.close()
            assert full
            (disk / "filler").unlink()
            vault.write("company-0", "account", value(7))
            assert vault.check() == []
            vault.close()
        finally:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)

    @pytest.mark.parametrize("name", ["vault.db", "vault.anchor", "vault.lock", "."])
    def test_no_right_to_write(self, anywhere: Path, name: str) -> None:
        """In a process that is not root, since root may write anywhere."""
        home = anywhere / "home"
        filled(home).close()
        code = (
            "import os, sys\n"
            "from pathlib import Path\n"
            "from aircall_mcp.errors import AircallMCPError\n"
            "from aircall_mcp.vault import vault_at\n"
            "home = Path(sys.argv[1])\n"
            "if os.geteuid() == 0: os.seteuid(65534)\n"
            "os.chdir('/')\n"
            "vault = vault_at(home, {})\n"
            "try: vault.write('company-0', 'account', {'n': 2}); print('written')\n"
            "except AircallMCPError as error: print(type(error).__name__)\n"
            "print(vault_at(home, {}).read('company-1', 'account').value['number'])\n"
        )
        owner = 65534 if AS_ROOT else os.getuid()
        for path in (home, *home.iterdir()):
            os.chown(path, owner, -1)
        target = home / name
        target.chmod(0o500 if name == "." else 0o400)
        done = subprocess.run(
            [sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=False
        )
        lines = done.stdout.split()
        assert lines[1:] == ["1"], done.stderr
        assert lines[0] in ("StoreError", "CredentialError", "written")
        if name == "vault.db":
            assert lines[0] == "StoreError"

    @pytest.fixture
    def anywhere(self) -> Iterator[Path]:
        """A directory that every user may pass through, as those of pytest are not."""
        with tempfile.TemporaryDirectory() as name:
            Path(name).chmod(0o755)
            yield Path(name)


@pytest.mark.parametrize(
    ("home", "kind"),
    [
        ("/home/me/.local/share/aircall-mcp", None),
        ("/net/me/aircall-mcp", "nfs4"),
        ("/net/me/here/aircall-mcp", None),
        ("/network", None),
        ("/mnt/of office/x", "cifs"),
        ("/mnt/c/Users/me", "9p"),
        ("/far/away", "fuse.sshfs"),
        ("/far", None),
    ],
)
def test_a_disk_of_other_machines_is_known(tmp_path: Path, home: str, kind: str | None) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "27 1 259:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw\n"
        "30 27 0:30 / /net rw - autofs auto rw\n"
        "31 30 0:31 /export /net/me rw,relatime shared:9 master:2 - nfs4 far:/export rw\n"
        "32 31 0:32 / /net/me/here rw - tmpfs tmpfs rw\n"
        "33 27 0:33 / /mnt/of\\040office rw - cifs //far/office rw\n"
        "34 27 0:34 / /mnt/c rw - 9p drvfs rw\n"
        "35 27 0:35 / /far/away rw - ext4 /dev/sdb1 rw\n"
        "36 27 0:36 / /far/away rw - fuse.sshfs me@far: rw\n"
        "broken\n"
    )
    assert shared_disk(Path(home), mounts) == kind


def test_where_mounts_are_not_listed_nothing_is_said(home: Path, tmp_path: Path) -> None:
    assert shared_disk(home, tmp_path / "none") is None


def _fill(file: Path, *, leave: int) -> None:
    """Take the room of a small disk but for `leave` bytes."""
    free = os.statvfs(file.parent)
    with file.open("wb") as filler:
        filler.write(b"x" * max(0, free.f_bavail * free.f_frsize - leave))


def test_a_vault_of_a_hundred_accounts_is_whole(home: Path) -> None:
    filled(home, accounts=100)
    assert again(home).check() == []


def test_sqlite_finds_nothing_to_complain_of(home: Path) -> None:
    filled(home).close()
    connection = sqlite3.connect(home / "vault.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
