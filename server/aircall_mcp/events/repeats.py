"""What was already reported: by Aircall's repetitions, and by two webhooks of one account."""

from __future__ import annotations

from ..storage.store import Migration, Transaction
from . import polled
from .event import Arrival

TABLE: Migration = (
    # Which webhooks told of one event, where its account has several.
    """CREATE TABLE told (
        sequence BIGINT NOT NULL, webhook TEXT NOT NULL, account TEXT NOT NULL,
        content BLOB NOT NULL, built DOUBLE PRECISION NOT NULL, PRIMARY KEY (sequence, webhook))""",
    "CREATE INDEX told_content ON told (content)",
    "CREATE INDEX told_built ON told (built)",
)

REMEMBERED = 7 * 86_400.0
"""Seconds for which a repetition is recognised, longer than Aircall repeats."""
APART = 10.0
"""Seconds by which the times may differ that two webhooks give one event."""
_CHUNK = 1_000


def is_new(
    tx: Transaction, arrival: Arrival, sequence: int, account: str | None, now: float
) -> bool:
    """Whether it was not told before; then it is to be the event `sequence`. `account` has other
    webhooks beside the one that tells, None where it has none."""
    sql = "INSERT INTO seen (digest, at) VALUES (:digest, :at) ON CONFLICT DO NOTHING"
    if not tx.run(sql, digest=arrival.digest, at=now):
        return False
    if arrival.polled:
        return not polled.heard(tx, arrival)
    if polled.told_by_list(tx, arrival, now):
        return False
    if account is None:
        return True
    built = arrival.built or now
    about = {"webhook": arrival.webhook, "account": account, "content": arrival.content}
    # Each of them tells of one event once: what this one told already is another that happened.
    found = tx.one(
        """SELECT sequence FROM told AS theirs
           WHERE content = :content AND account = :account AND webhook <> :webhook
             AND built BETWEEN :early AND :late AND NOT EXISTS (
               SELECT 1 FROM told AS ours
               WHERE ours.sequence = theirs.sequence AND ours.webhook = :webhook)
           ORDER BY sequence LIMIT 1""",
        early=built - APART,
        late=built + APART,
        **about,
    )
    sql = """INSERT INTO told (sequence, webhook, account, content, built)
             VALUES (:sequence, :webhook, :account, :content, :built)"""
    tx.run(sql, sequence=sequence if found is None else found[0], built=built, **about)
    return found is None


def forget(tx: Transaction, now: float) -> None:
    """Drop what can no longer be repeated, at most a chunk of it."""
    for table, column, when in (("seen", "digest", "at"), ("told", "content", "built")):
        tx.run(
            f"""DELETE FROM {table} WHERE {when} < :at AND {column} IN
                (SELECT {column} FROM {table} WHERE {when} < :at ORDER BY {when} LIMIT {_CHUNK})""",  # noqa: S608 - our own names
            at=now - REMEMBERED,
        )
