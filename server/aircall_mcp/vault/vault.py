"""Records in and out of the vault, rotation of its key, and checks.

What is promised: a record is read exactly as it was written, or refused with a typed error. The
file cannot be cut, its rows cannot be moved, removed, renamed or put back, and an older copy of it
cannot take its place, without the next look at it saying so.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from ..errors import CredentialError, StoreError
from ..ground.secrets import sealed, unsealed
from ..storage.lock import Lock
from ..storage.store import Store, Transaction
from . import records, refusals
from .anchor import Anchor, newest, promises
from .envelope import Key, Random
from .keys import Holder, Kind
from .manifest import Head, Manifest, Row
from .rotation import Rotation
from .verified import Verified

T = TypeVar("T")
log = logging.getLogger(__name__)

_TURNS = 5
"""How often we begin again when the key was changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Record:
    """What stands at one place. `generation` is never used twice in a vault."""

    generation: int
    value: Any


@dataclass(frozen=True, slots=True)
class Status:
    """What can be said without the key."""

    path: str
    kind: str
    where: str
    epoch: int
    accounts: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong: with the record of `owner` and `field`, or with the vault where empty;
    `next` is what to do, where that is known."""

    owner: str
    field: str
    problem: str
    next: str = ""


_Work: TypeAlias = Callable[[Transaction, Head, Key, Manifest], T]


class _Rotated(Exception):
    """The key was changed between two looks."""


class Vault:
    """See the module docstring.

    The plain methods may wait for a disk or a keyring: call them from a thread, or through
    `aside`. All raise `CredentialError`, and `StoreError` where the file itself refuses.
    `holders` make the holder of each kind when it is first needed.
    """

    def __init__(
        self,
        store: Store,
        holders: Mapping[str, Callable[[], Holder]],
        lock: Lock,
        *,
        random: Random = os.urandom,
    ) -> None:
        self._store = store
        self._makers = holders
        self._lock = lock
        self._random = random
        self._holders: dict[str, Holder] = {}
        self._key: Key | None = None
        self._known: Anchor | None = None
        """The newest state that was seen here or noted in the anchor: nothing older is taken."""
        self._verified = Verified(store.stamp)

    @property
    def exists(self) -> bool:
        """Whether there is a file: an empty or a cut one counts, and is refused when it is read."""
        return self._store.exists

    @property
    def made(self) -> bool:
        """Whether the file is a vault: not one that is missing, emptied, or was never finished."""
        return self.exists and self._store.read(records.find_head) is not None

    def stamp(self) -> object:
        """Changes whenever the vault is written, by whatever process."""
        return self._store.stamp()

    def aside(self, work: Callable[[], T]) -> Awaitable[T]:
        """`work` on the vault's own thread."""
        return self._store.aside(work)

    def close(self) -> None:
        """Let go of the file; a later use opens it anew."""
        self._store.close()

    def create(self, kind: Kind, *, replace: bool = False) -> str:
        """Make the vault, with its key at a holder of `kind`; where that is, in words.

        Refuses where there is one, and where an anchor says that there was one; unless `replace`:
        then whatever file there is gets another name, and its past is forgotten.
        """
        holder = self._holder(kind)
        if not replace:
            self._refuse_another()
        with self._lock.held():
            pass  # where no vault can be made nobody is asked for a passphrase first
        holder.ready(first=True)
        with self._lock.held():
            if replace:
                self._store.rename(f"{self._store.path.name}.{self._random(4).hex()}.old")
            elif self.made:
                raise refusals.already()
            elif promises(holder.anchors()):
                raise refusals.replaced()
            key, note = holder.renew(None)
            name = self._random(16).hex()
            check = key.vouch("check", name)
            head = Manifest().vouched(Head(name, kind, note, key.id, check, 0), key)
            # First the promise, then the vault: who dies in between has promised nothing yet.
            holder.anchor([head.anchor.line(key)])
            self._store.write(lambda tx: records.write_head(tx, head))
            self._key, self._known = key, head.anchor
        return holder.where

    def owners(self, field: str) -> tuple[str, ...]:
        """Who has a record in `field`, in order. Needs no key, so it is a claim and no proof."""
        if not self.exists:
            return ()

        def work(tx: Transaction) -> tuple[str, ...]:
            known = self._verified.owners(records.find_head(tx), field)
            return records.owners(tx, field) if known is None else known

        return self._store.read(work)

    def read(self, owner: str, field: str) -> Record | None:
        """The record of `owner` in `field`, None where there is none.

        The first read of a process verifies the whole vault, and so does one after anything but
        this process wrote to the file; any other costs the same however many records there are.
        """
        if not self.exists and self._known is None:
            return None

        def work(tx: Transaction, head: Head, key: Key, manifest: Manifest) -> Record | None:
            row = manifest.get(owner, field)
            return row and Record(row.generation, unsealed(records.opened(tx, head, key, row)))

        return self._examined(self._store.read, work)

    def write(
        self, owner: str, field: str, value: Any, *, expected: int | None = None
    ) -> int | None:
        """Put `value` (JSON with secrets) there; its generation.

        With `expected`, only if the generation there is that one (0: if there is none); None
        otherwise, and nothing is changed.
        """

        def work(tx: Transaction, head: Head, key: Key, manifest: Manifest) -> Manifest | None:
            before = manifest.get(owner, field)
            if expected is not None and expected != (before.generation if before else 0):
                return None
            row = Row(owner, field, head.epoch + 1)
            text = sealed(value, lambda plain: records.seal(head, key, row, plain, self._random))
            return manifest.put(records.put(tx, row, text))

        return self._change(work)

    def remove(self, owner: str) -> bool:
        """Remove every record of `owner`; whether there was one."""

        def work(tx: Transaction, _head: Head, _key: Key, manifest: Manifest) -> Manifest | None:
            after = manifest.without(owner)
            if len(after) == len(manifest):
                return None
            records.remove(tx, owner)
            return after

        return self._change(work) is not None

    def rotate(self, kind: Kind | None = None) -> str:
        """Seal everything anew under another key, at the same or another kind of holder.

        One commit makes the change: killed before it the old key is in use, after it the new one,
        and the old one is let go only then. Returns where the new key is, in words.
        """

        def ready(head: Head) -> None:
            self._holder(kind or head.key_kind).ready(first=False)

        with self._alone(ready) as head:
            old, _ = self._look()
            before, after = self._holder(head.key_kind), self._holder(kind or head.key_kind)
            rotation = Rotation.begun(before, after, old)
            # What is sealed under the new key is what the file holds, every row of it.
            self._verified.forget()

            def work(
                tx: Transaction, head: Head, _old: Key, manifest: Manifest
            ) -> tuple[Head, Manifest]:
                return rotation.sealed_anew(tx, head, old, manifest, self._random)

            changed, manifest = self._examined(self._store.write, work)
            self._key = rotation.new
            self._verified.stored(changed, manifest)
            self._note(changed, rotation.new)
            rotation.finish()
        return after.where

    def status(self) -> Status:
        """What can be said without the key."""
        if not self.exists:
            raise refusals.missing()
        head = self._store.read(records.head_of)
        where = self._holder(head.key_kind).where
        accounts = len(self.owners("account"))
        return Status(str(self._store.path), head.key_kind, where, head.epoch, accounts)

    def check(self) -> list[Finding]:
        """Read everything there is, finish what was left half done; what is wrong, if anything."""
        if not self.exists:
            raise refusals.missing()
        findings = [Finding("", "", problem) for problem in self._store.examine()]

        def work(tx: Transaction, head: Head, key: Key, manifest: Manifest) -> tuple[Head, Key]:
            for row in manifest:
                try:
                    records.opened(tx, head, key, row)
                except CredentialError as error:
                    findings.append(Finding(row.owner, row.field, error.message, error.hint))
            return head, key

        try:
            with self._alone():
                # As a process sees it that starts: with no memory of this one's.
                self._known = None
                self._verified.forget()
                head, key = self._examined(self._store.read, work)
                self._note(head, key)
                self._holder(head.key_kind).settle(key)
        except (CredentialError, StoreError) as error:
            findings.append(Finding("", "", error.message, error.hint))
        return findings

    def accept(self) -> None:
        """Take the file for the newest state there was: after a person restored a backup of it.

        Everything but its age is verified as ever.
        """
        with self._alone() as head:
            key = self._key_for(head)
            holder = self._holder(head.key_kind)
            noted = newest(holder.anchors(), key)

            def work(tx: Transaction) -> Head:
                head, manifest = records.head_of(tx), records.manifest_of(tx)
                manifest.verify(head, key)
                epoch = max(head.epoch, noted.epoch if noted else 0) + 1
                head = manifest.vouched(replace(head, epoch=epoch), key)
                records.write_head(tx, head)
                return head

            head = self._store.write(work)
            self._key, self._known = key, head.anchor
            self._verified.forget()
            holder.anchor([head.anchor.line(key)])

    def _examined(self, transact: Callable[[Callable[[Transaction], T]], T], work: _Work[T]) -> T:
        """`work` on a vault whose key, content and age are what they must be."""
        if not self.exists and self._known is None:
            raise refusals.missing()
        for _ in range(_TURNS):
            try:
                key, known = self._look()
                return transact(lambda tx, key=key, known=known: self._whole(tx, key, known, work))
            except _Rotated:
                self._key = None
        raise refusals.restless()

    def _whole(self, tx: Transaction, key: Key, known: Anchor, work: _Work[T]) -> T:
        head = records.head_of(tx)
        if head.key_id != key.id:
            raise _Rotated
        manifest = self._verified.manifest(tx, head, key)
        if known.vault != head.vault_id:
            raise refusals.replaced()
        if head.epoch < known.epoch:
            raise refusals.older(head.epoch, known.epoch)
        # As old as what we know, and not the same: a copy that went its own way.
        if head.epoch == known.epoch and head.manifest != known.manifest:
            raise refusals.replaced()
        self._known = head.anchor
        return work(tx, head, key, manifest)

    def _change(self, work: _Work[Manifest | None]) -> int | None:
        """A change by `work`, as one epoch, noted in the anchor once it is stored. None where it
        gives None: then nothing was changed.
        """

        def change(
            tx: Transaction, head: Head, key: Key, manifest: Manifest
        ) -> tuple[Head, Key, Manifest] | None:
            after = work(tx, head, key, manifest)
            if after is None:
                return None
            changed = after.vouched(replace(head, epoch=head.epoch + 1), key)
            records.write_head(tx, changed)
            return changed, key, after

        with self._alone():
            # Others may have written: what they noted counts, and what was seen here, too, since
            # the anchor may have been put back together with the file.
            self._look(anew=True)
            changed = self._examined(self._store.write, change)
            if changed is None:
                return None
            head, key, manifest = changed
            self._verified.stored(head, manifest)
            self._note(head, key)
            return head.epoch

    def _refuse_another(self) -> None:
        """Refuse to make a vault where there is one, or was one whose key lay anywhere."""
        if self.made:
            raise refusals.already()
        # Whoever holds the key, its anchor is one file; but for the keyring, which is asked where a
        # file without a vault in it makes one wonder, and which there may be none of.
        lines = [*self._holder("file").anchors()]
        if self.exists:
            with suppress(CredentialError):
                lines += self._holder("keyring").anchors()
        if promises(lines):
            raise refusals.replaced()

    @contextmanager
    def _alone(self, ready: Callable[[Head], None] | None = None) -> Generator[Head]:
        """The vault's lock, with the key at hand and whatever `ready` waits for: both before the
        lock, since they may need a person, and others should not wait for that person too.
        """
        for _ in range(_TURNS):
            if not self.exists:
                raise refusals.missing()
            try:
                head = self._store.read(records.head_of)
                key = self._key_for(head)
            except _Rotated:
                continue
            if ready is not None:
                ready(head)
            with self._lock.held():
                head = self._store.read(records.head_of)
                if head.key_id == key.id:
                    yield head
                    return
        raise refusals.restless()

    def _look(self, *, anew: bool = False) -> tuple[Key, Anchor]:
        """The key in use and the newest state known, outside of any transaction; `anew` asks the
        anchor for a newer one than is known.

        The anchor is read before the transaction that is compared with it, never after: a writer
        in between would look like a rollback.
        """
        key, known = self._key, self._known  # once: another thread may forget them meanwhile
        if key is not None and known is not None and not anew:
            return key, known  # whether that is still the key, the transaction tells
        head = self._store.read(records.head_of)
        key = self._key_for(head)
        if known is None or anew:
            noted = newest(self._holder(head.key_kind).anchors(), key)
            if known is None or noted is None or known.epoch < noted.epoch:
                known = self._known = noted
        if known is None:
            if self._store.read(records.head_of).key_id != key.id:
                raise _Rotated
            raise refusals.unanchored()
        return key, known

    def _key_for(self, head: Head) -> Key:
        key = self._key
        if key is None or key.id != head.key_id:
            try:
                key = self._key = self._fetched(head)
            except CredentialError:
                if self._store.read(records.head_of).key_id != head.key_id:
                    raise _Rotated from None
                raise
        return key

    def _fetched(self, head: Head) -> Key:
        holder = self._holder(head.key_kind)
        for key in holder.keys(head.key_note):
            if key.vouched(head.key_check, "check", head.vault_id):
                if key.id != head.key_id:  # the check is right, and the name beside it is not
                    raise refusals.damaged()
                return key
        raise refusals.wrong_key(holder.where)

    def _note(self, head: Head, key: Key) -> None:
        """Raise the anchor to `head`. If that fails, what is stored is stored: the next write or
        `check` raises it.
        """
        self._known = head.anchor
        try:
            self._holder(head.key_kind).anchor([head.anchor.line(key)])
        except (CredentialError, StoreError) as error:
            log.warning("The vault's anchor could not be raised: %s", error.message)

    def _holder(self, kind: str) -> Holder:
        if kind not in self._holders:
            if kind not in self._makers:
                raise refusals.damaged()
            self._holders[kind] = self._makers[kind]()
        return self._holders[kind]
