"""Where the names of contacts are on this machine: encrypted to the vault, one row for each
contact.

Ids and times stand in the clear; names, numbers and addresses never. Without a vault nothing is
written, and what was read lives as long as the process.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..storage.store import Migration, Store, Transaction
from .meant import Named

if TYPE_CHECKING:
    from pathlib import Path

    from ..vault import Vault
    from ..vault.mailbox import Mailbox

T = TypeVar("T")

MIGRATIONS: tuple[Migration, ...] = (
    (
        "CREATE TABLE card (account TEXT NOT NULL, id BIGINT NOT NULL, sealed BLOB NOT NULL,"
        " PRIMARY KEY (account, id))",
        "CREATE TABLE reading (account TEXT PRIMARY KEY, since BIGINT NOT NULL,"
        " page BIGINT NOT NULL, total BIGINT NOT NULL, whole INTEGER NOT NULL,"
        " began DOUBLE PRECISION NOT NULL, newest BIGINT NOT NULL, sequence BIGINT NOT NULL)",
    ),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the contacts of an account are read.

    `since` is the `created_at` from which the next page is asked for, `page` which of those. It is
    the `whole` once the end was reached. `total` is what Aircall said there are; `began` when this
    reading began, in UNIX seconds; `newest` the latest `updated_at` that was seen; `sequence` the
    last event that was looked at.
    """

    since: int = 0
    page: int = 1
    total: int = 0
    whole: bool = False
    began: float = 0.0
    newest: int = 0
    sequence: int = 0


class Keeps(Protocol):
    """Where cards are kept. All raise `StoreError` and `CredentialError`."""

    async def load(self, account: str) -> tuple[Reading, list[Named]]: ...
    async def keep(
        self, account: str, reading: Reading, cards: Sequence[Named], gone: Iterable[int] = ()
    ) -> None: ...


class Nowhere:
    """Keeps nothing."""

    async def load(self, account: str) -> tuple[Reading, list[Named]]:
        del account
        return Reading(), []

    async def keep(
        self, account: str, reading: Reading, cards: Sequence[Named], gone: Iterable[int] = ()
    ) -> None: ...


class Cards:
    """See the module docstring. `mailbox` finds the key; close it with `close`."""

    def __init__(self, store: Store, mailbox: Callable[[], Mailbox]) -> None:
        self._store = store
        self._find = mailbox
        self._mailbox: Mailbox | None = None

    async def load(self, account: str) -> tuple[Reading, list[Named]]:
        """What is kept of the account. A card that cannot be opened makes all of them be read
        anew."""
        return await self._aside(lambda: self._load(account))

    async def keep(
        self, account: str, reading: Reading, cards: Sequence[Named], gone: Iterable[int] = ()
    ) -> None:
        await self._aside(lambda: self._keep(account, reading, cards, tuple(gone)))

    def erase(self, account: str) -> int:
        """Forget the account's contacts; how many those were."""
        if not self._store.exists:
            return 0

        def work(tx: Transaction) -> int:
            tx.run("DELETE FROM reading WHERE account = :account", account=account)
            return tx.run("DELETE FROM card WHERE account = :account", account=account)

        return self._store.write(work)

    def counted(self) -> dict[str, int]:
        """How many contacts are kept of each account."""
        if not self._store.exists:
            return {}
        sql = "SELECT account, COUNT(*) FROM card GROUP BY account"
        return {str(name): int(n) for name, n in self._store.read(lambda tx: tx.all(sql))}

    def close(self) -> None:
        self._store.close()

    def _aside(self, work: Callable[[], T]) -> Awaitable[T]:
        return self._store.aside(work)

    def _load(self, account: str) -> tuple[Reading, list[Named]]:
        if not self._store.exists:
            return Reading(), []

        def work(tx: Transaction) -> tuple[list[tuple[object, ...]], list[tuple[int, bytes]]]:
            return (
                tx.all(f"SELECT {_FIELDS} FROM reading WHERE account = :a", a=account),  # noqa: S608 - our own names
                tx.all("SELECT id, sealed FROM card WHERE account = :a ORDER BY id", a=account),
            )

        readings, rows = self._store.read(work)
        if not readings:
            return Reading(), []
        since, page, total, whole, began, newest, sequence = readings[0]
        opener = self._key()
        try:
            cards = [
                _card(opener.open(bytes(sealed), _place(account, id_))) for id_, sealed in rows
            ]
        except ValueError:
            return Reading(), []
        return Reading(
            int(str(since)), int(str(page)), int(str(total)), bool(whole), float(str(began)),
            int(str(newest)), int(str(sequence)),
        ), cards  # fmt: skip

    def _keep(
        self, account: str, reading: Reading, cards: Sequence[Named], gone: Sequence[int]
    ) -> None:
        from ..vault.mailbox import Sealer

        sealer = Sealer(self._key().public)
        sealed = [(one.id, sealer.seal(_text(one), _place(account, one.id))) for one in cards]

        def work(tx: Transaction) -> None:
            for id_ in gone:
                tx.run(
                    "DELETE FROM card WHERE account = :account AND id = :id",
                    account=account,
                    id=id_,
                )
            for id_, text in sealed:
                tx.run(_PUT_CARD, account=account, id=id_, sealed=text)
            tx.run(
                _PUT_READING,
                account=account, since=reading.since, page=reading.page, total=reading.total,
                whole=int(reading.whole), began=reading.began, newest=reading.newest,
                sequence=reading.sequence,
            )  # fmt: skip

        self._store.write(work)

    def _key(self) -> Mailbox:
        if self._mailbox is None:
            self._mailbox = self._find()
        return self._mailbox


_FIELDS = "since, page, total, whole, began, newest, sequence"
_PUT_CARD = (
    "INSERT INTO card (account, id, sealed) VALUES (:account, :id, :sealed)"
    " ON CONFLICT (account, id) DO UPDATE SET sealed = excluded.sealed"
)
_PUT_READING = (
    "INSERT INTO reading (account, since, page, total, whole, began, newest, sequence)"
    " VALUES (:account, :since, :page, :total, :whole, :began, :newest, :sequence)"
    " ON CONFLICT (account) DO UPDATE SET since = excluded.since, page = excluded.page,"
    " total = excluded.total, whole = excluded.whole, began = excluded.began,"
    " newest = excluded.newest, sequence = excluded.sequence"
)


def _place(account: str, id_: int) -> bytes:
    """What a card is sealed as: it cannot be read as another contact's, or another account's."""
    return f"card {account} {id_}".encode()


def _text(one: Named) -> bytes:
    said = [one.id, one.name, one.emails, one.phones, one.beside]
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()


def _card(text: bytes) -> Named:
    id_, name, emails, phones, beside = json.loads(text)
    return Named(id_, name, "contact", tuple(emails), tuple(phones), beside)


def cards_in(home: Path, vault: Vault) -> Cards:
    """The names of contacts that are kept in this home. To look makes nothing."""
    from ..storage.sqlite import Database
    from ..vault.mailbox import mailbox_of

    def mailbox() -> Mailbox:
        found = mailbox_of(vault, make=True)
        if found is None:
            raise RuntimeError("a mailbox that was made is there")
        return found

    return Cards(Database(home / "contacts.db", MIGRATIONS, durability="state"), mailbox)
