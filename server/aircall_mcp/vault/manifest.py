"""The manifest: what a vault's head authenticates, which is itself and every record.

Of a record it knows place, generation and digest. The text it vouches for is the canonical JSON of
all of that, in the order of the places. A row is spelt once, when it comes in, so that a write of
one record hashes the text of all (one megabyte for 10,000) but spells only its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from json.encoder import encode_basestring_ascii as _quoted
from typing import TypeAlias

from . import refusals
from .anchor import Anchor
from .envelope import Key, canonical

Place: TypeAlias = tuple[str, str]
"""Owner and field."""


@dataclass(frozen=True, slots=True)
class Head:
    """The one row about the vault itself. `manifest` vouches for it and for all that is there.

    `epoch` counts the states: each write makes the next.
    """

    vault_id: str
    key_kind: str
    key_note: str
    key_id: str
    key_check: str
    epoch: int
    manifest: str = ""

    @property
    def anchor(self) -> Anchor:
        return Anchor(self.vault_id, self.epoch, self.manifest)


@dataclass(frozen=True, slots=True)
class Row:
    """What the manifest knows of a record: `digest` is that of its sealed text (SHA-256, hex)."""

    owner: str
    field: str
    generation: int
    digest: str = ""

    @property
    def place(self) -> Place:
        return self.owner, self.field


class Manifest:
    """The rows of one state of a vault. It never changes: `put` and `without` make another one, so
    that a write that fails leaves what is known as it was.
    """

    __slots__ = ("_owners", "_places", "_rows", "_texts")

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = {row.place: row for row in rows}
        self._places = sorted(self._rows)
        self._texts = [_text(self._rows[place]) for place in self._places]
        self._owners: dict[str, tuple[str, ...]] = {}

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, owner: str, field: str) -> Row | None:
        """The row of that record, None where there is none."""
        return self._rows.get((owner, field))

    def owners(self, field: str) -> tuple[str, ...]:
        """Who has a record in `field`, in order."""
        if field not in self._owners:
            self._owners[field] = tuple(owner for owner, where in self._places if where == field)
        return self._owners[field]

    def put(self, row: Row) -> Manifest:
        """One with `row`, instead of what stood at its place."""
        other = self._copy()
        at = bisect_left(other._places, row.place)
        if row.place in other._rows:
            other._texts[at] = _text(row)
        else:
            other._places.insert(at, row.place)
            other._texts.insert(at, _text(row))
        other._rows[row.place] = row
        return other

    def without(self, owner: str) -> Manifest:
        """One without any record of `owner`."""
        other = self._copy()
        at = bisect_left(other._places, (owner, ""))
        while at < len(other._places) and other._places[at][0] == owner:
            del other._rows[other._places[at]], other._places[at], other._texts[at]
        return other

    def vouched(self, head: Head, key: Key) -> Head:
        """`head`, vouching for these rows and for itself."""
        return replace(head, manifest=key.mac(self._vouched_for(head)))

    def verify(self, head: Head, key: Key) -> None:
        """Raises `CredentialError` unless `head` vouches for exactly these rows."""
        if not key.matches(head.manifest, self._vouched_for(head)):
            raise refusals.damaged()

    def _vouched_for(self, head: Head) -> bytes:
        """As `canonical(["manifest", about, rows])` is; the text is part of the format."""
        about = [getattr(head, part.name) for part in fields(head) if part.name != "manifest"]
        rows = ",".join(self._texts).encode("ascii")
        return b'["manifest",' + canonical(about) + b",[" + rows + b"]]"

    def _copy(self) -> Manifest:
        other = Manifest.__new__(Manifest)
        other._rows, other._owners = dict(self._rows), {}
        other._places, other._texts = [*self._places], [*self._texts]
        return other


def _text(row: Row) -> str:
    """As `canonical` spells it, at a tenth of the cost."""
    owner, field, digest = _quoted(row.owner), _quoted(row.field), _quoted(row.digest)
    return f"[{owner},{field},{row.generation},{digest}]"
