"""What the log knows about polling: since when, how far, and which calls are still expected to
change.

What a webhook and the list both tell of a call is one event, whichever told first. The events of an
account's list stand in the log as those of a webhook by the name of `name_of`; its row of the table
`door` is neither open nor shut, since nothing comes in by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..storage.store import Migration, Store, Transaction
from .event import Arrival
from .steps import POLLED

TABLE: Migration = (
    """CREATE TABLE polled (
        account TEXT PRIMARY KEY, since DOUBLE PRECISION NOT NULL,
        reached DOUBLE PRECISION NOT NULL, alive DOUBLE PRECISION NOT NULL,
        active INTEGER NOT NULL)""",
    """CREATE TABLE polled_call (
        account TEXT NOT NULL, call_id BIGINT NOT NULL, started DOUBLE PRECISION NOT NULL,
        ended DOUBLE PRECISION NOT NULL, PRIMARY KEY (account, call_id))""",
)

ALIVE = 300.0
"""Seconds after which somebody who polled does so no longer: more than between two looks."""


@dataclass(frozen=True, slots=True)
class Polling:
    """How far the calls of `account` were looked through; times are in UNIX seconds.

    What began before `since` was no concern of ours. `reached` is up to where all is told, `alive`
    when that was. Without `active` a webhook tells of it, or nobody.
    """

    account: str
    since: float
    reached: float
    alive: float
    active: bool = True


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that goes on, or (with `ended`) one that may still leave a voicemail."""

    call_id: int
    started: float
    ended: float = 0.0


def name_of(account: str) -> str:
    """What stands in the place of a webhook's name."""
    return f"polled-{account}"


class Polled:
    """All methods may wait for a disk, and raise `StoreError`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self, account: str | None = None) -> list[Polling]:
        """Of one account, or of all."""
        if not self._store.exists:
            return []
        sql = """SELECT account, since, reached, alive, active FROM polled
                 WHERE :account IS NULL OR account = :account ORDER BY account"""
        rows = self._store.read(lambda tx: tx.all(sql, account=account))
        return [Polling(*row[:4], active=bool(row[4])) for row in rows]

    def alive(self, account: str | None, now: float) -> list[Polling]:
        """Those that are looked after at this moment."""
        return [one for one in self.known(account) if one.active and now - one.alive < ALIVE]

    def waiting(self, account: str) -> list[Waiting]:
        sql = """SELECT call_id, started, ended FROM polled_call
                 WHERE account = :account ORDER BY started"""
        return [Waiting(*row) for row in self._store.read(lambda tx: tx.all(sql, account=account))]

    def keep(self, polling: Polling, calls: Iterable[Waiting] | None = None) -> None:
        """Write down how far it is, and which calls are looked for, where that changed."""
        about = {"account": polling.account, "since": polling.since, "reached": polling.reached}

        def work(tx: Transaction) -> None:
            tx.run(_KEEP, alive=polling.alive, active=int(polling.active), **about)
            tx.run(_DOOR, webhook=name_of(polling.account), account=polling.account, none=b"")
            if calls is None:
                return
            tx.run("DELETE FROM polled_call WHERE account = :account", account=polling.account)
            for one in calls:
                tx.run(
                    """INSERT INTO polled_call (account, call_id, started, ended)
                       VALUES (:account, :call_id, :started, :ended)""",
                    account=polling.account,
                    call_id=one.call_id,
                    started=one.started,
                    ended=one.ended,
                )

        self._store.write(work)


def heard(tx: Transaction, arrival: Arrival) -> bool:
    """Whether a webhook of the account told of the same: one that nobody else could have been."""
    sql = """SELECT webhook, family FROM door
             WHERE account = :account AND doubted = 0 AND shut <> 2"""
    for webhook, family in tx.all(sql, account=arrival.polled):
        digest = arrival.of_call("heard", family or webhook)
        if tx.one("SELECT 1 FROM seen WHERE digest = :digest", digest=digest):
            return True
    sql = """SELECT 1 FROM event JOIN door USING (webhook)
             WHERE call_id = :call_id AND kind = :kind AND account = :account
               AND doubted = 0 AND door.shut <> 2 LIMIT 1"""
    about = {"call_id": arrival.data.get("id"), "kind": arrival.kind}
    return tx.one(sql, account=arrival.polled, **about) is not None


def told_by_list(tx: Transaction, arrival: Arrival, now: float) -> bool:
    """Whether the list of calls told of what this webhook tells for the first time. That it did is
    noted where calls are polled at all."""
    if arrival.kind not in POLLED or not isinstance(arrival.data.get("id"), int):
        return False
    sql = """SELECT door.account FROM door JOIN polled USING (account)
             WHERE webhook = :webhook AND doubted = 0"""
    whose = tx.one(sql, webhook=arrival.webhook)
    if whose is None:
        return False
    first = tx.run(
        "INSERT INTO seen (digest, at) VALUES (:digest, :at) ON CONFLICT DO NOTHING",
        digest=arrival.of_call("heard", arrival.family or arrival.webhook),
        at=now,
    )
    digest = arrival.of_call("polled", whose[0])
    return bool(first) and tx.one("SELECT 1 FROM seen WHERE digest = :d", d=digest) is not None


_KEEP = """
    INSERT INTO polled (account, since, reached, alive, active)
    VALUES (:account, :since, :reached, :alive, :active)
    ON CONFLICT (account) DO UPDATE SET since = excluded.since, reached = excluded.reached,
        alive = excluded.alive, active = excluded.active"""
_DOOR = """
    INSERT INTO door (webhook, account, aircall_id, digest, url, kinds, opened, shut)
    VALUES (:webhook, :account, '', :none, '', '[]', 0, 2) ON CONFLICT DO NOTHING"""
