"""The tables of the event log, and what stands in them once."""

from __future__ import annotations

from ..storage.store import Migration, Transaction
from . import polled, repeats, webhooks

MIGRATIONS: tuple[Migration, ...] = (
    (
        "CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
        """CREATE TABLE mailbox (
            single INTEGER PRIMARY KEY CHECK (single = 1), public BLOB NOT NULL)""",
        *webhooks.TABLE,
        """CREATE TABLE event (
            sequence INTEGER PRIMARY KEY, digest BLOB NOT NULL, webhook TEXT NOT NULL,
            kind TEXT NOT NULL, built DOUBLE PRECISION NOT NULL, received DOUBLE PRECISION NOT NULL,
            call_id BIGINT, user_id BIGINT, number_id BIGINT, contact_id BIGINT,
            message INTEGER NOT NULL)""",
        "CREATE INDEX event_kind ON event (kind, sequence)",
        "CREATE INDEX event_call ON event (call_id, sequence) WHERE call_id IS NOT NULL",
        "CREATE INDEX event_user ON event (user_id, sequence) WHERE user_id IS NOT NULL",
        "CREATE INDEX event_number ON event (number_id, sequence) WHERE number_id IS NOT NULL",
        "CREATE INDEX event_contact ON event (contact_id, sequence) WHERE contact_id IS NOT NULL",
        "CREATE INDEX event_time ON event (message, received)",
        "CREATE INDEX event_late ON event (sequence) WHERE received > built + 300",
        "CREATE TABLE body (sequence INTEGER PRIMARY KEY, sealed BLOB NOT NULL)",
        "CREATE TABLE kind (name TEXT PRIMARY KEY)",
        # Outlives the event: what was erased or aged out must not come back by a late retry.
        "CREATE TABLE seen (digest BLOB PRIMARY KEY, at DOUBLE PRECISION NOT NULL)",
        "CREATE INDEX seen_at ON seen (at)",
        """CREATE TABLE party (
            mark BLOB NOT NULL, sequence BIGINT NOT NULL, outside INTEGER NOT NULL,
            PRIMARY KEY (mark, sequence))""",
        "CREATE INDEX party_event ON party (sequence)",
        "CREATE TABLE listened (started DOUBLE PRECISION PRIMARY KEY, alive DOUBLE PRECISION)",
    ),
    webhooks.SHUT,
    webhooks.TRUST,
    repeats.TABLE,
    (
        # Senders made of letters are found since then: texts that were looked through before are
        # looked through again.
        """UPDATE counter SET value = (SELECT MIN(sequence) - 1 FROM event WHERE message = 1)
           WHERE name = 'entered'
           AND value > (SELECT MIN(sequence) - 1 FROM event WHERE message = 1)""",
    ),
    polled.TABLE,
)


def public_key(tx: Transaction) -> bytes | None:
    row = tx.one("SELECT public FROM mailbox")
    return bytes(row[0]) if row else None


def counter(tx: Transaction, name: str) -> int:
    row = tx.one("SELECT value FROM counter WHERE name = :name", name=name)
    return int(row[0]) if row else 0


def count(tx: Transaction, name: str, value: int) -> None:
    tx.run(
        """INSERT INTO counter (name, value) VALUES (:name, :value)
           ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
        name=name,
        value=value,
    )
