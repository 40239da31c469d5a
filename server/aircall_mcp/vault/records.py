"""The vault's tables: its head, and the records, each encrypted for its place."""

from __future__ import annotations

from dataclasses import asdict, replace
from hashlib import sha256

from ..storage.store import Migration, Transaction
from . import refusals
from .envelope import Damaged, Key, Random, canonical
from .manifest import Head, Manifest, Row

MIGRATIONS: tuple[Migration, ...] = (
    (
        """CREATE TABLE vault (
            single INTEGER PRIMARY KEY CHECK (single = 1),
            vault_id TEXT NOT NULL, key_kind TEXT NOT NULL, key_note TEXT NOT NULL,
            key_id TEXT NOT NULL, key_check TEXT NOT NULL,
            epoch BIGINT NOT NULL, manifest TEXT NOT NULL)""",
        """CREATE TABLE record (
            owner TEXT NOT NULL, field TEXT NOT NULL, generation BIGINT NOT NULL,
            digest TEXT NOT NULL, sealed TEXT NOT NULL, PRIMARY KEY (owner, field))""",
    ),
)
_ROOM = 4096
"""Bytes of a record, or a multiple of them."""


def find_head(tx: Transaction) -> Head | None:
    """The head, None where the vault was never finished. Nothing of it is verified yet."""
    row = tx.one(
        "SELECT vault_id, key_kind, key_note, key_id, key_check, epoch, manifest FROM vault"
    )
    if row is None:
        return None
    if [type(value) for value in row] != [str, str, str, str, str, int, str]:
        raise refusals.damaged()
    return Head(*row)


def head_of(tx: Transaction) -> Head:
    """The head. Raises `CredentialError` where the vault was never finished."""
    head = find_head(tx)
    if head is None:
        raise refusals.replaced()
    return head


def write_head(tx: Transaction, head: Head) -> None:
    """Put `head` in the place of the one there is."""
    tx.run(
        """INSERT INTO vault (single, vault_id, key_kind, key_note, key_id, key_check,
                              epoch, manifest)
           VALUES (1, :vault_id, :key_kind, :key_note, :key_id, :key_check, :epoch, :manifest)
           ON CONFLICT (single) DO UPDATE SET
               key_kind = excluded.key_kind, key_note = excluded.key_note,
               key_id = excluded.key_id, key_check = excluded.key_check,
               epoch = excluded.epoch, manifest = excluded.manifest""",
        **asdict(head),
    )


def owners(tx: Transaction, field: str) -> tuple[str, ...]:
    """Who has a record in `field`, in order. Nothing of it is verified."""
    sql = "SELECT owner FROM record WHERE field = :field ORDER BY owner"
    return tuple(str(row[0]) for row in tx.all(sql, field=field))


def manifest_of(tx: Transaction) -> Manifest:
    """What there is, read from every row; whether it is what there should be, `verify` says."""
    rows: list[Row] = []
    for found in tx.all("SELECT owner, field, generation, digest FROM record"):
        if [type(value) for value in found] != [str, str, int, str]:
            raise refusals.damaged()
        rows.append(Row(*found))
    return Manifest(rows)


def seal(head: Head, key: Key, row: Row, plain: bytes, random: Random) -> str:
    """The text of a record: `plain` (JSON) with room behind it, so that its length tells nothing
    and what replaces it soon finds room on the fullest disk.
    """
    padded = plain.ljust(-(-len(plain) // _ROOM) * _ROOM)
    return key.seal(padded, _place(head, key, row), random)


def put(tx: Transaction, row: Row, text: str) -> Row:
    """Write the sealed `text` of a record; what the manifest has to know of it."""
    row = replace(row, digest=_digest(text))
    tx.run(
        """INSERT INTO record (owner, field, generation, digest, sealed)
           VALUES (:owner, :field, :generation, :digest, :sealed)
           ON CONFLICT (owner, field) DO UPDATE SET generation = excluded.generation,
               digest = excluded.digest, sealed = excluded.sealed""",
        **asdict(row),
        sealed=text,
    )
    return row


def remove(tx: Transaction, owner: str) -> None:
    """Take away every record of `owner`."""
    tx.run("DELETE FROM record WHERE owner = :owner", owner=owner)


def opened(tx: Transaction, head: Head, key: Key, row: Row) -> bytes:
    """The JSON of the record that `row` names, with blanks behind it. `row` comes from a verified
    manifest, so what the file says now must agree with it, whatever else happened to the file.
    """
    found = tx.one(
        """SELECT generation, digest, sealed FROM record
           WHERE owner = :owner AND field = :field""",
        owner=row.owner,
        field=row.field,
    )
    generation, digest, text = found or (None, None, None)
    try:
        # By the digest first: an older record of this place would open as well.
        if (
            (generation, digest) == (row.generation, row.digest)
            and isinstance(text, str)
            and _digest(text) == row.digest
        ):
            return key.open(text, _place(head, key, row))
    except Damaged:
        pass
    raise refusals.damaged_record(row.owner)


def _place(head: Head, key: Key, row: Row) -> bytes:
    """What a record is bound to: put anywhere else, or under another key, it does not open."""
    where = [head.vault_id, row.owner, row.field, row.generation, key.id]
    return canonical(["aircall-vault", 1, *where])


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
