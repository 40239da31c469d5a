"""The verified state of a vault, kept in memory, so that a read need not verify everything again.

Kept is the last state whose manifest matched every row. A later read takes it from here as long as
the head is the very same, which no writer with the key leaves as it was, and as long as the mark of
the file is: that is how the touch of somebody without the key is seen in a record nobody asks for.
The record that is asked for has to agree with the manifest in any case (`records.opened`), so the
worst that an unseen touch can do is to stay unseen elsewhere until all is verified again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..storage.store import Transaction
from . import records
from .envelope import Key
from .manifest import Head, Manifest


@dataclass(frozen=True, slots=True)
class _State:
    head: Head
    manifest: Manifest
    version: int
    stamp: object


class Verified:
    """The state that was verified last, if any. `stamp` is that of the vault's file.

    One object may be used by several threads: a state is put here whole, or not at all.
    """

    def __init__(self, stamp: Callable[[], object]) -> None:
        self._stamp = stamp
        self._state: _State | None = None

    def manifest(self, tx: Transaction, head: Head, key: Key) -> Manifest:
        """The rows that `head` vouches for; `head` was read in this transaction.

        From memory, or from every row. Raises `CredentialError` where they do not match.
        """
        # The mark is taken first: what is written while the rows are read must not pass for seen.
        version, stamp = tx.version(), self._stamp()
        state = self._state
        if state is not None and (state.head, state.version, state.stamp) == (head, version, stamp):
            return state.manifest
        manifest = records.manifest_of(tx)
        manifest.verify(head, key)
        self._state = _State(head, manifest, version, stamp)
        return manifest

    def stored(self, head: Head, manifest: Manifest) -> None:
        """We have just committed `head`, with the vault's lock held: our own touch is no reason to
        verify again.

        The version stays, since our commits do not change it: had anybody else committed between
        ours and now, it would differ. Only the stamp is new.
        """
        state = self._state
        if state is not None:
            self._state = replace(state, head=head, manifest=manifest, stamp=self._stamp())

    def owners(self, head: Head | None, field: str) -> tuple[str, ...] | None:
        """Who has a record in `field`, if `head` is the one that was verified; else None."""
        state = self._state
        return state.manifest.owners(field) if state is not None and state.head == head else None

    def forget(self) -> None:
        """Verify every row at the next read."""
        self._state = None
