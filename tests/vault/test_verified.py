"""What a read looks at: one record where nothing was touched, everything where something was."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from aircall_mcp.errors import CredentialError
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.storage.lock import Lock
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.storage.store import Transaction
from aircall_mcp.vault import KeyFileHolder, Vault
from aircall_mcp.vault.records import MIGRATIONS

from ..connections import lent
from ..vaults import again, filled, rows, value

T = TypeVar("T")


class Counted:
    """Counts the rows that come out of a transaction; `blind` to what others commit."""

    def __init__(self, inner: Transaction, store: Counting) -> None:
        self._inner = inner
        self._store = store

    def all(self, sql: str, /, **values: object) -> list[tuple[Any, ...]]:
        found = self._inner.all(sql, **values)
        self._store.fetched += len(found)
        return found

    def one(self, sql: str, /, **values: object) -> tuple[Any, ...] | None:
        self._store.fetched += 1
        return self._inner.one(sql, **values)

    def run(self, sql: str, /, **values: object) -> int:
        return self._inner.run(sql, **values)

    def unindexed(self, column: str) -> str:
        return self._inner.unindexed(column)

    def used(self) -> int:
        return self._inner.used()

    def version(self) -> int:
        return 0 if self._store.blind else self._inner.version()


class Counting(Database):
    fetched = 0
    blind = False
    still = False
    """Whether the stamp of the file says nothing."""

    def read(self, work: Callable[[Transaction], T]) -> T:
        return super().read(lambda tx: work(Counted(tx, self)))

    def write(self, work: Callable[[Transaction], T]) -> T:
        return super().write(lambda tx: work(Counted(tx, self)))

    def stamp(self) -> tuple[int, ...] | None:
        return (0,) if self.blind or self.still else super().stamp()

    def since(self) -> int:
        """The rows fetched since this was asked last."""
        fetched, self.fetched = self.fetched, 0
        return fetched


def counting(home: Path) -> tuple[Vault, Counting]:
    store = lent(Counting(home / "vault.db", MIGRATIONS, durability="vault"))
    return Vault(store, {"file": lambda: KeyFileHolder(home)}, Lock(home / "vault.lock")), store


def held(vault: Vault, owner: str) -> object:
    record = vault.read(owner, "account")
    assert record is not None
    return record.value


@pytest.mark.parametrize("accounts", [3, 60])
def test_a_warm_read_fetches_the_head_and_one_record_however_many_there_are(
    home: Path, accounts: int
) -> None:
    filled(home, accounts=accounts).close()
    vault, store = counting(home)
    assert held(vault, "company-0") == value(0)
    assert store.since() >= accounts
    for number in range(3):
        assert held(vault, f"company-{number}") == value(number)
        assert store.since() == 2
    assert vault.read("nobody", "account") is None
    assert len(vault.owners("account")) == accounts
    assert store.since() == 2


def test_a_write_of_one_record_fetches_no_other(home: Path) -> None:
    filled(home, accounts=60).close()
    vault, store = counting(home)
    assert held(vault, "company-0")
    store.since()
    for work in (
        lambda: vault.write("company-1", "account", {"n": 1}),
        lambda: vault.write("company-new", "account", {"n": 1}),
        lambda: vault.remove("company-new"),
        lambda: vault.read("company-1", "account"),
    ):
        assert work()
        assert store.since() < 10
    assert again(home).check() == []


def test_what_another_process_wrote_is_verified_once(home: Path) -> None:
    filled(home, accounts=60).close()
    vault, store = counting(home)
    assert held(vault, "company-0")
    again(home).write("company-1", "account", {"n": 7})
    store.since()
    assert held(vault, "company-1") == {"n": 7}
    assert store.since() > 60
    assert held(vault, "company-1") == {"n": 7}
    assert store.since() == 2


@pytest.mark.parametrize("still", [False, True])
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM record WHERE owner = 'company-0'",
        "UPDATE record SET generation = 9 WHERE owner = 'company-0'",
        "UPDATE record SET owner = 'other' WHERE owner = 'company-0'",
        "INSERT INTO record SELECT 'x', field, generation, digest, sealed FROM record LIMIT 1",
    ],
)
def test_the_touch_of_another_record_is_seen_by_the_next_read_of_a_running_process(
    home: Path, sql: str, still: bool
) -> None:
    """By what SQLite says of other connections alone, too."""
    filled(home).close()
    vault, store = counting(home)
    store.still = still
    assert held(vault, "company-1")
    rows(home, sql)
    with pytest.raises(CredentialError, match="The vault is damaged"):
        vault.read("company-1", "account")
    with pytest.raises(CredentialError, match="The vault is damaged"):
        vault.write("company-1", "account", {})


def test_a_touch_that_sets_back_the_time_is_seen(home: Path) -> None:
    filled(home).close()
    vault, store = counting(home)
    assert held(vault, "company-1")
    before = (home / "vault.db").stat()
    rows(home, "UPDATE record SET generation = 9 WHERE owner = 'company-0'")
    os.utime(home / "vault.db", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (home / "vault.db").stat().st_mtime_ns == before.st_mtime_ns
    with pytest.raises(CredentialError, match="The vault is damaged"):
        vault.read("company-1", "account")
    assert store.since() > 3


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM record WHERE owner = 'company-0'",
        "UPDATE record SET owner = 'other' WHERE owner = 'company-0'",
        "UPDATE record SET generation = 9 WHERE owner = 'company-0'",
        "UPDATE record SET digest = '' WHERE owner = 'company-0'",
        "UPDATE record SET sealed = (SELECT sealed FROM record WHERE owner = 'company-1')"
        " WHERE owner = 'company-0'",
        "UPDATE record SET (generation, digest, sealed) = (SELECT generation, digest, sealed"
        " FROM record WHERE owner = 'company-1') WHERE owner = 'company-0'",
    ],
)
def test_a_touch_that_nothing_tells_of_never_gives_a_wrong_record(home: Path, sql: str) -> None:
    """Not the stamp of the file, not SQLite: as if the disk itself had changed."""
    filled(home).close()
    vault, store = counting(home)
    store.blind = True
    assert held(vault, "company-1")
    rows(home, sql)
    with pytest.raises(CredentialError, match="record of company-0 is damaged"):
        vault.read("company-0", "account")
    assert vault.read("other", "account") is None
    assert held(vault, "company-1") == value(1)
    # Whoever starts sees it with the first read of any record, and so does a full check.
    if "SELECT sealed" not in sql:
        with pytest.raises(CredentialError, match="damaged"):
            again(home).read("company-1", "account")
    assert vault.check()


def test_a_row_that_was_put_back_unseen_is_refused_when_it_is_read(home: Path) -> None:
    filled(home).close()
    vault, store = counting(home)
    store.blind = True
    past = "SELECT generation, digest, sealed FROM record WHERE owner = 'company-0'"
    before = rows(home, past)[0]
    vault.write("company-0", "account", {"token": Secret("newer-token-of-company")})
    back = "UPDATE record SET generation = ?, digest = ?, sealed = ? WHERE owner = 'company-0'"
    rows(home, back, *before)
    with pytest.raises(CredentialError, match="record of company-0 is damaged"):
        vault.read("company-0", "account")


def test_a_write_over_an_unseen_touch_vouches_for_nothing_that_was_not_verified(
    home: Path,
) -> None:
    filled(home).close()
    vault, store = counting(home)
    store.blind = True
    assert held(vault, "company-1")
    rows(home, "UPDATE record SET generation = 9 WHERE owner = 'company-0'")
    vault.write("company-1", "account", {"n": 1})
    with pytest.raises(CredentialError, match="The vault is damaged"):
        again(home).read("company-1", "account")


def test_a_write_that_fails_leaves_what_is_known_as_it_was(home: Path) -> None:
    filled(home).close()
    vault, _ = counting(home)
    assert held(vault, "company-0")
    with pytest.raises(TypeError):
        vault.write("company-0", "account", {"n": object()})
    assert held(vault, "company-0") == value(0)
    assert vault.check() == []
