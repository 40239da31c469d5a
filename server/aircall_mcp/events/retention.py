"""How long events are kept, and how they are deleted: by age, by size, or because a person is
erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..storage.store import Transaction
from .repeats import forget
from .tables import counter

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Retention:
    """How long: `days` and `message_days` None for ever; `largest` is in bytes of the file.

    Messages do not yield to `largest`: Aircall cannot give them back.
    """

    days: float | None = 30.0
    message_days: float | None = None
    largest: int | None = 1 << 30


def prune(tx: Transaction, retention: Retention, now: float) -> int:
    """Drop what is too old or too much, at most a chunk of each; how many events that was."""
    removed = 0
    for message, days in ((0, retention.days), (1, retention.message_days)):
        if days is not None:
            removed += _remove(tx, _oldest(tx, message, now - days * 86_400, _CHUNK))
    if retention.largest is not None:
        size, count = tx.used(), counter(tx, "sequence")
        if size > retention.largest and count:
            each = max(512, size // max(1, _events(tx)))
            many = min(_CHUNK, (size - retention.largest) // each + 1)
            removed += _remove(tx, _oldest(tx, 0, None, many))
    forget(tx, now)
    return removed


def erase(tx: Transaction, mark: bytes) -> int:
    """Remove a person: every event about this outside number, its calls and its contacts. `mark`
    is the number's keyed hash; how many events that was."""
    sql = "SELECT sequence FROM party WHERE mark = :mark AND outside = 1"
    found = {int(row[0]) for row in tx.all(sql, mark=mark)}
    for column in ("call_id", "contact_id"):
        about = f"""SELECT DISTINCT {column} FROM event JOIN party USING (sequence)
                    WHERE mark = :mark AND outside = 1 AND {column} IS NOT NULL"""  # noqa: S608 - our own names
        for (one,) in tx.all(about, mark=mark):
            same = f"SELECT sequence FROM event WHERE {column} = :one"  # noqa: S608 - as above
            found |= {int(row[0]) for row in tx.all(same, one=one)}
    return _remove(tx, sorted(found))


def _oldest(tx: Transaction, message: int, before: float | None, many: int) -> list[int]:
    sql = """SELECT sequence FROM event WHERE message = :message AND received < :before
             ORDER BY received LIMIT :many"""
    rows = tx.all(sql, message=message, before=1e18 if before is None else before, many=many)
    return [int(row[0]) for row in rows]


def _remove(tx: Transaction, sequences: Sequence[int]) -> int:
    for sequence in sequences:
        for table in ("party", "body", "event"):
            tx.run(f"DELETE FROM {table} WHERE sequence = :sequence", sequence=sequence)  # noqa: S608 - our own names
    return len(sequences)


def _events(tx: Transaction) -> int:
    row = tx.one("SELECT COUNT(*) FROM event")
    return int(row[0]) if row else 0
