"""The webhooks that the event log knows, and how far each of them is trusted.

Each is reserved before it is made at Aircall, opened when its token is known, and shut for good;
its row (of the table `door`, a name that homes have kept) stays, since it says whose the events are
that came in by it. What somebody changed at Aircall is untrusted (`doubted` in the table) from
where it was last seen unchanged: whoever has its token could have written all that came in since.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..ground.clock import Clock
from ..storage.store import Migration, Store, Transaction

TABLE: Migration = (
    """CREATE TABLE door (
        webhook TEXT PRIMARY KEY, account TEXT NOT NULL, aircall_id TEXT NOT NULL,
        digest BLOB NOT NULL, url TEXT NOT NULL, kinds TEXT NOT NULL,
        opened DOUBLE PRECISION NOT NULL)""",
)
SHUT: Migration = ("ALTER TABLE door ADD COLUMN shut INTEGER NOT NULL DEFAULT 0",)
TRUST: Migration = (
    # When it was last seen unchanged at Aircall, and the newest event of that moment.
    "ALTER TABLE door ADD COLUMN unchanged DOUBLE PRECISION NOT NULL DEFAULT 0",
    "ALTER TABLE door ADD COLUMN upto BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE door ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE door ADD COLUMN closed DOUBLE PRECISION",
    # Shut here, and perhaps still there.
    "ALTER TABLE door ADD COLUMN standing INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE door ADD COLUMN succeeds TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE door ADD COLUMN family TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE door ADD COLUMN granted TEXT NOT NULL DEFAULT '[]'",
    "UPDATE door SET unchanged = opened",
)

UNTRUSTED = """EXISTS (SELECT 1 FROM door WHERE door.webhook = event.webhook
    AND door.doubted = 1 AND event.sequence > door.upto)"""
"""Of an event: whether somebody else could have written it."""
WHOSE = "COALESCE((SELECT account FROM door WHERE door.webhook = event.webhook), '')"
"""Of an event: the account whose webhook told of it."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook that Aircall calls. `digest` is the sha256 of its token, `kinds` empty for all.

    `url` is what was asked for. `granted` are the kinds that Aircall said it tells of when it was
    looked at, empty where nobody has looked yet.
    `succeeds` is the one it takes the place of; repetitions are known within a `family`. One that
    was not `made` is reserved, and has never been open.
    """

    name: str
    account: str
    aircall_id: str
    digest: bytes
    url: str
    kinds: tuple[str, ...]
    opened: float
    granted: tuple[str, ...] = ()
    succeeds: str = ""
    family: str = ""
    untrusted: bool = False
    made: bool = True


@dataclass(frozen=True, slots=True)
class Untrusted:
    """What came in by `webhook` from `since` to `until` (None: to this day) is not to be trusted.

    Times are in UNIX seconds. `events` of it are still in the log.
    """

    webhook: str
    since: float
    until: float | None
    events: int
    replaced_by: str | None


class Webhooks:
    """See the module docstring. All methods may wait for a disk, and raise `StoreError`."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or Clock()

    def open(self, webhook: Webhook) -> None:
        """Take in what brings this token, from now on."""
        sql = """INSERT INTO door (webhook, account, aircall_id, digest, url, kinds, opened,
                                   granted, succeeds, family, unchanged, upto)
                 VALUES (:webhook, :account, :aircall_id, :digest, :url, :kinds, :opened,
                         :granted, :succeeds, :family, :opened,
                         COALESCE((SELECT value FROM counter WHERE name = 'sequence'), 0))
                 ON CONFLICT (webhook) DO UPDATE SET
                     account = excluded.account, aircall_id = excluded.aircall_id,
                     digest = excluded.digest, url = excluded.url, kinds = excluded.kinds,
                     opened = excluded.opened, granted = excluded.granted,
                     succeeds = excluded.succeeds, family = excluded.family,
                     unchanged = excluded.unchanged, upto = excluded.upto,
                     shut = 0, standing = 0, doubted = 0, closed = NULL"""
        values = {
            "webhook": webhook.name, "account": webhook.account, "aircall_id": webhook.aircall_id,
            "digest": webhook.digest, "url": webhook.url, "kinds": json.dumps(webhook.kinds),
            "opened": webhook.opened, "granted": json.dumps(webhook.granted),
            "succeeds": webhook.succeeds, "family": webhook.family,
        }  # fmt: skip
        self._store.write(lambda tx: tx.run(sql, **values))

    def reserve(self, webhook: str, account: str, url: str, aircall_id: str = "") -> None:
        """Note that this is about to be made at Aircall, for whoever finds it left there."""
        sql = """INSERT INTO door (webhook, account, aircall_id, digest, url, kinds, opened,
                                   shut, standing)
                 VALUES (:webhook, :account, :aircall_id, :none, :url, '[]', :now, 1, 1)"""
        values = {"aircall_id": aircall_id, "none": b"", "url": url, "now": self._clock.wall()}
        self._store.write(lambda tx: tx.run(sql, webhook=webhook, account=account, **values))

    def stands(self, webhook: str, aircall_id: str) -> None:
        """What is reserved stands at Aircall under this id."""
        sql = """UPDATE door SET aircall_id = :aircall_id
                 WHERE webhook = :webhook AND shut = 1 AND closed IS NULL"""
        self._store.write(lambda tx: tx.run(sql, webhook=webhook, aircall_id=aircall_id))

    def shut(self, webhook: str, *, standing: bool = False) -> bool:
        """Take in nothing more by it. `standing`: it is still to be deleted at Aircall."""
        sql = """UPDATE door SET shut = 1, digest = :none, closed = :now, standing = :standing
                 WHERE webhook = :webhook AND shut = 0"""
        values = {"none": b"", "now": self._clock.wall(), "standing": int(standing)}
        return self._store.write(lambda tx: tx.run(sql, webhook=webhook, **values)) > 0

    def active(self) -> list[Webhook]:
        """Those that are open, oldest first."""
        return self._listed("shut = 0")

    def standing(self) -> list[Webhook]:
        """Those that are shut, or never opened, and may still stand at Aircall."""
        return self._listed("shut = 1 AND standing = 1")

    def gone(self, webhook: str) -> None:
        """It no longer stands at Aircall. One that was never opened is forgotten."""

        def work(tx: Transaction) -> None:
            tx.run("UPDATE door SET standing = 0 WHERE webhook = :webhook", webhook=webhook)
            tx.run(
                """DELETE FROM door
                   WHERE webhook = :webhook AND shut = 1 AND closed IS NULL""",
                webhook=webhook,
            )

        self._store.write(work)

    def seen(self, webhook: str, upto: int, granted: Sequence[str]) -> None:
        """It was seen unchanged at Aircall, after the event `upto` had come in."""
        sql = """UPDATE door SET unchanged = :now, upto = :upto, granted = :granted
                 WHERE webhook = :webhook AND shut = 0 AND doubted = 0"""
        values = {"now": self._clock.wall(), "upto": upto, "granted": json.dumps(list(granted))}
        self._store.write(lambda tx: tx.run(sql, webhook=webhook, **values))

    def distrust(self, webhook: str) -> bool:
        """Trust nothing that came or comes in by it since it was last seen; whether that is new.

        What another webhook told as well, which nobody changed, is from now on what that one told:
        a genuine event is not hidden by who was quicker.
        """

        def work(tx: Transaction) -> bool:
            sql = "UPDATE door SET doubted = 1 WHERE webhook = :webhook AND doubted = 0"
            new = tx.run(sql, webhook=webhook) > 0
            also = """SELECT MIN(told.webhook) FROM told JOIN door ON door.webhook = told.webhook
                      WHERE told.sequence = event.sequence AND door.doubted = 0"""
            tx.run(
                f"""UPDATE event SET webhook = ({also})
                    WHERE webhook = :webhook AND ({also}) IS NOT NULL
                      AND sequence > (SELECT upto FROM door WHERE webhook = :webhook)""",  # noqa: S608 - our own names
                webhook=webhook,
            )
            return new

        return self._store.write(work)

    def untrusted(self, *, account: str | None = None) -> list[Untrusted]:
        """Oldest first."""
        if not self._store.exists:
            return []
        sql = """SELECT webhook, unchanged, closed,
                     (SELECT COUNT(*) FROM event
                      WHERE event.webhook = door.webhook AND event.sequence > door.upto),
                     (SELECT heir.webhook FROM door AS heir
                      WHERE heir.succeeds = door.webhook)
                 FROM door WHERE doubted = 1 AND (:account IS NULL OR account = :account)
                 ORDER BY unchanged"""
        rows = self._store.read(lambda tx: tx.all(sql, account=account))
        return [Untrusted(*row) for row in rows]

    def replaced(self, webhook: str, *, since: float) -> list[float]:
        """When those that came before it, and it, took the place of one that is untrusted."""
        sql = """WITH RECURSIVE lineage (webhook, succeeds, opened) AS (
                     SELECT webhook, succeeds, opened FROM door WHERE webhook = :webhook
                     UNION
                     SELECT door.webhook, door.succeeds, door.opened
                     FROM door JOIN lineage ON door.webhook = lineage.succeeds)
                 SELECT lineage.opened
                 FROM lineage JOIN door ON door.webhook = lineage.succeeds
                 WHERE door.doubted = 1 AND lineage.opened > :since ORDER BY lineage.opened"""
        rows = self._store.read(lambda tx: tx.all(sql, webhook=webhook, since=since))
        return [float(opened) for (opened,) in rows]

    def _listed(self, condition: str) -> list[Webhook]:
        if not self._store.exists:
            return []
        sql = f"""SELECT webhook, account, aircall_id, digest, url, kinds, opened, granted,
                         succeeds, family, doubted, shut = 0 OR closed IS NOT NULL
                  FROM door WHERE {condition} ORDER BY opened, webhook"""  # noqa: S608 - our own names
        return [_webhook(*row) for row in self._store.read(lambda tx: tx.all(sql))]


def of_several(tx: Transaction) -> dict[str, str]:
    """The account of each webhook beside which others of the account are open. One that is
    untrusted tells for itself alone: what somebody else could have written must not stand for the
    genuine."""
    sql = """SELECT webhook, account FROM door
             WHERE shut = 0 AND doubted = 0 AND account <> '' AND account IN (
                 SELECT account FROM door WHERE shut = 0 AND doubted = 0
                 GROUP BY account HAVING COUNT(*) > 1)"""
    return dict(tx.all(sql))


def shut_among(tx: Transaction, webhooks: Sequence[str]) -> set[str]:
    """Which of these are shut."""
    sql = "SELECT 1 FROM door WHERE webhook = :webhook AND shut = 1"
    return {one for one in set(webhooks) if tx.one(sql, webhook=one)}


def _webhook(
    webhook: str, account: str, aircall_id: str, digest: bytes, url: str, kinds: str,
    opened: float, granted: str, succeeds: str, family: str, doubted: Any, made: Any,
) -> Webhook:  # fmt: skip
    return Webhook(
        webhook, account, aircall_id, bytes(digest), url, tuple(json.loads(kinds)), opened,
        tuple(json.loads(granted)), succeeds, family, bool(doubted), bool(made),
    )  # fmt: skip
