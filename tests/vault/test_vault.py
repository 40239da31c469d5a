from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.ground.private_files import Modes
from aircall_mcp.ground.secrets import Secret

from ..vaults import again, filled, rows, value, vault_at


def test_what_is_written_is_read(home: Path) -> None:
    filled(home)
    vault = again(home)
    record = vault.read("company-1", "account")
    assert record is not None
    assert record.value == value(1)
    assert vault.read("company-9", "account") is None
    assert vault.read("company-1", "other") is None
    assert vault.owners("account") == ("company-0", "company-1", "company-2")


def test_a_write_by_generation(home: Path) -> None:
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


def test_a_generation_is_never_used_again(home: Path) -> None:
    vault = filled(home)
    seen = {0}
    for _ in range(4):
        generation = vault.write("company-0", "account", {"n": 1})
        assert generation not in seen
        seen.add(generation or 0)
        assert vault.remove("company-0")
        assert vault.read("company-0", "account") is None


def test_removing_removes_every_field_of_one_owner(home: Path) -> None:
    vault = filled(home)
    vault.write("company-0", "other", {"a": Secret("x" * 20)})
    assert vault.remove("company-0")
    assert not vault.remove("company-0")
    assert rows(home, "SELECT DISTINCT owner FROM record ORDER BY 1") == [
        ("company-1",),
        ("company-2",),
    ]


def test_the_length_of_a_record_tells_nothing(home: Path) -> None:
    vault = filled(home)
    vault.write("short", "account", {})
    vault.write("long", "account", {"token": Secret("x" * 3000)})
    lengths = {row[0] for row in rows(home, "SELECT LENGTH(sealed) FROM record")}
    assert len(lengths) == 1


@pytest.mark.anyio
async def test_aside(home: Path) -> None:
    vault = filled(home)
    record = await vault.aside(lambda: vault.read("company-2", "account"))
    assert record is not None
    assert record.value == value(2)
    vault.close()


def test_something_that_is_no_json_is_refused_before_anything_changes(home: Path) -> None:
    vault = filled(home)
    with pytest.raises(TypeError):
        vault.write("company-0", "account", {"n": object()})
    assert again(home).check() == []


def test_two_processes_see_each_other(home: Path) -> None:
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


def test_a_vault_of_a_hundred_accounts_is_whole(home: Path) -> None:
    filled(home, accounts=100)
    assert again(home).check() == []


def test_sqlite_finds_nothing_to_complain_of(home: Path) -> None:
    filled(home).close()
    connection = sqlite3.connect(home / "vault.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_what_is_stored_is_stored_also_where_the_anchor_finds_no_room(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class NoRoom(Modes):
        def replace(self, path: Path, content: bytes) -> None:
            raise StoreError(f"No room for {len(content)} bytes of {path.name}.")

    filled(home)
    before = (home / "vault.anchor").read_bytes()
    vault = vault_at(home, {}, modes=NoRoom())
    vault.write("company-0", "account", {"n": 5})
    assert "anchor could not be raised" in caplog.text
    assert (home / "vault.anchor").read_bytes() == before
    other = again(home)
    seen = other.read("company-0", "account")
    assert seen is not None
    assert seen.value == {"n": 5}
    assert other.check() == []  # which raises it
    assert (home / "vault.anchor").read_bytes() != before
