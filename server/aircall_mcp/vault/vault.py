"""Records in and out of the vault, rotation of its key, and examination.

What is promised: a record is read exactly as it was written, or refused with a typed error. The
file cannot be cut, its rows cannot be moved, removed, renamed or put back, and an older copy of it
cannot take its place, without the next look at it saying so.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, astuple, dataclass, fields, replace
from hashlib import sha256
from typing import Any, TypeAlias, TypeVar

from ..errors import CredentialError, StoreError
from ..ground.secrets import sealed, unsealed
from ..storage.lock import Lock
from ..storage.store import Migration, Store, Transaction
from .anchor import Anchor, newest, promises
from .envelope import Damaged, Key, Random, canonical
from .keys import Holder, Kind

T = TypeVar("T")
log = logging.getLogger(__name__)

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
    """Something wrong: with the record of `owner` and `field`, or with the vault where empty."""

    owner: str
    field: str
    problem: str


@dataclass(frozen=True, slots=True)
class _Head:
    """The one row about the vault itself. `manifest` vouches for it and for all that is there."""

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
class _Row:
    """What the manifest knows of a record: `digest` is that of its sealed text."""

    owner: str
    field: str
    generation: int
    digest: str = ""


_Rows: TypeAlias = dict[tuple[str, str], _Row]
_Work: TypeAlias = Callable[[Transaction, _Head, Key, _Rows], T]


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

    @property
    def exists(self) -> bool:
        """Whether there is a file: an empty or a cut one counts, and is refused when it is read."""
        return self._store.exists

    @property
    def made(self) -> bool:
        """Whether the file is a vault: not one that is missing, emptied, or was never finished."""
        return self.exists and self._store.read(_find_head) is not None

    def stamp(self) -> object:
        """Changes whenever the vault is written, by whatever process."""
        return self._store.stamp()

    def aside(self, work: Callable[[], T]) -> Awaitable[T]:
        """`work` on the vault's own thread."""
        return self._store.aside(work)

    def close(self) -> None:
        self._store.close()

    def create(self, kind: Kind, *, replace: bool = False) -> str:
        """Make the vault, with its key at a holder of `kind`; where that is, in words.

        Refuses where there is one, and where an anchor says that there was one; unless `replace`:
        then whatever file there is gets another name, and its past is forgotten.
        """
        holder = self._holder(kind)
        if not replace:
            self._refuse_another()
        holder.ready(first=True)
        with self._lock.held():
            if replace:
                self._store.rename(f"{self._store.path.name}.{self._random(4).hex()}.old")
            elif self.made:
                raise _already()
            elif promises(holder.anchors()):
                raise _gone()
            key, note = holder.renew(None)
            name = self._random(16).hex()
            check = key.vouch("check", name)
            head = _vouched(_Head(name, kind, note, key.id, check, 0), key, {})
            # First the promise, then the vault: who dies in between has promised nothing yet.
            holder.anchor([head.anchor.line(key)])
            self._store.write(lambda tx: _write_head(tx, head))
            self._key, self._known = key, head.anchor
        return holder.where

    def owners(self, field: str) -> tuple[str, ...]:
        """Who has a record in `field`, in order. Needs no key, so it is a claim and no proof."""
        if not self.exists:
            return ()
        sql = "SELECT owner FROM record WHERE field = :field ORDER BY owner"
        return tuple(str(row[0]) for row in self._store.read(lambda tx: tx.all(sql, field=field)))

    def read(self, owner: str, field: str) -> Record | None:
        """The record of `owner` in `field`, None where there is none."""
        if not self.exists and self._known is None:
            return None

        def work(tx: Transaction, head: _Head, key: Key, there: _Rows) -> Record | None:
            row = there.get((owner, field))
            return row and Record(row.generation, unsealed(_opened(tx, head, key, row)))

        return self._examined(self._store.read, work)

    def write(
        self, owner: str, field: str, value: Any, *, expected: int | None = None
    ) -> int | None:
        """Put `value` (JSON with secrets) there; its generation.

        With `expected`, only if the generation there is that one (0: if there is none); None
        otherwise, and nothing is changed.
        """

        def work(tx: Transaction, head: _Head, key: Key, there: _Rows) -> bool:
            before = there.get((owner, field))
            if expected is not None and expected != (before.generation if before else 0):
                return False
            row = _Row(owner, field, head.epoch + 1)
            place = _place(head, key, row)
            text = sealed(value, lambda plain: key.seal(_padded(plain), place, self._random))
            there[owner, field] = _write_row(tx, row, text)
            return True

        return self._change(work)

    def remove(self, owner: str) -> bool:
        """Remove every record of `owner`; whether there was one."""

        def work(tx: Transaction, _head: _Head, _key: Key, there: _Rows) -> bool:
            theirs = [place for place in there if place[0] == owner]
            for place in theirs:
                del there[place]
            tx.run("DELETE FROM record WHERE owner = :owner", owner=owner)
            return bool(theirs)

        return self._change(work) is not None

    def rotate(self, kind: Kind | None = None) -> str:
        """Seal everything anew under another key, at the same or another kind of holder.

        One commit makes the change: killed before it the old key is in use, after it the new one,
        and the old one is let go only then. Returns where the new key is, in words.
        """

        def ready(head: _Head) -> None:
            self._holder(kind or head.key_kind).ready(first=False)

        with self._alone(ready) as head:
            old, _ = self._look()
            before, after = self._holder(head.key_kind), self._holder(kind or head.key_kind)
            lines = list(before.anchors())
            new, note = after.renew(old if after is before else None)

            def work(tx: Transaction, head: _Head, _old: Key, there: _Rows) -> _Head:
                check = new.vouch("check", head.vault_id)
                changed = _Head(head.vault_id, after.kind, note, new.id, check, head.epoch + 1)
                anew: _Rows = {}
                for where, row in there.items():
                    plain, place = _opened(tx, head, old, row), _place(changed, new, row)
                    anew[where] = _write_row(tx, row, new.seal(plain, place, self._random))
                changed = _vouched(changed, new, anew)
                _write_head(tx, changed)
                # Before the commit, in a line of its own that only the new key vouches for.
                after.anchor([*lines, changed.anchor.line(new)])
                return changed

            changed = self._examined(self._store.write, work)
            self._key = new
            self._note(changed, new)
            after.settle(new)
            if after is not before:
                before.forget()
                if after.kind == "keyring":
                    before.anchor([])
        return after.where

    def status(self) -> Status:
        """What can be said without the key."""
        if not self.exists:
            raise _none()
        head = self._store.read(_head)
        where = self._holder(head.key_kind).where
        accounts = len(self.owners("account"))
        return Status(str(self._store.path), head.key_kind, where, head.epoch, accounts)

    def check(self) -> list[Finding]:
        """Read everything there is, finish what was left half done; what is wrong, if anything."""
        if not self.exists:
            raise _none()
        findings = [Finding("", "", problem) for problem in self._store.examine()]

        def work(tx: Transaction, head: _Head, key: Key, there: _Rows) -> tuple[_Head, Key]:
            for row in there.values():
                try:
                    _opened(tx, head, key, row)
                except CredentialError as error:
                    findings.append(Finding(row.owner, row.field, error.message))
            return head, key

        try:
            with self._alone():
                self._known = None
                head, key = self._examined(self._store.read, work)
                self._note(head, key)
                self._holder(head.key_kind).settle(key)
        except (CredentialError, StoreError) as error:
            findings.append(Finding("", "", error.message))
        return findings

    def accept(self) -> None:
        """Take the file for the newest state there was: after a person restored a backup of it.

        Everything but its age is verified as ever.
        """
        with self._alone() as head:
            key = self._key_for(head)
            holder = self._holder(head.key_kind)
            noted = newest(holder.anchors(), key)

            def work(tx: Transaction) -> _Head:
                head, there = _head(tx), _rows(tx)
                _verify(head, key, there)
                epoch = max(head.epoch, noted.epoch if noted else 0) + 1
                head = _vouched(replace(head, epoch=epoch), key, there)
                _write_head(tx, head)
                return head

            head = self._store.write(work)
            self._key, self._known = key, head.anchor
            holder.anchor([head.anchor.line(key)])

    def _examined(self, transact: Callable[[Callable[[Transaction], T]], T], work: _Work[T]) -> T:
        """`work` on a vault whose key, content and age are what they must be."""
        if not self.exists and self._known is None:
            raise _none()
        for _ in range(_TURNS):
            try:
                key, known = self._look()
                return transact(lambda tx, key=key, known=known: self._whole(tx, key, known, work))
            except _Rotated:
                self._key = None
        raise _restless()

    def _whole(self, tx: Transaction, key: Key, known: Anchor, work: _Work[T]) -> T:
        head = _head(tx)
        if head.key_id != key.id:
            raise _Rotated
        there = _rows(tx)
        _verify(head, key, there)
        if known.vault != head.vault_id:
            raise _gone()
        if head.epoch < known.epoch:
            raise CredentialError(
                f"The vault is older than it was: state {head.epoch}, after {known.epoch}.",
                hint=_ACCEPT,
            )
        if head.epoch == known.epoch and head.manifest != known.manifest:
            raise _gone()
        self._known = head.anchor
        return work(tx, head, key, there)

    def _change(self, work: _Work[bool]) -> int | None:
        """A change by `work`, as one epoch, noted in the anchor once it is stored."""

        def change(
            tx: Transaction, head: _Head, key: Key, there: _Rows
        ) -> tuple[_Head, Key] | None:
            if not work(tx, head, key, there):
                return None
            changed = _vouched(replace(head, epoch=head.epoch + 1), key, there)
            _write_head(tx, changed)
            return changed, key

        with self._alone():
            # Others may have written: what they noted counts, and what was seen here, too, since
            # the anchor may have been put back together with the file.
            self._look(anew=True)
            changed = self._examined(self._store.write, change)
            if changed is None:
                return None
            self._note(*changed)
            return changed[0].epoch

    def _refuse_another(self) -> None:
        """Refuse to make a vault where there is one, or was one whose key lay anywhere."""
        if self.made:
            raise _already()
        # Whoever holds the key, its anchor is one file; but for the keyring, which is asked where a
        # file without a vault in it makes one wonder, and which there may be none of.
        lines = [*self._holder("file").anchors()]
        if self.exists:
            with suppress(CredentialError):
                lines += self._holder("keyring").anchors()
        if promises(lines):
            raise _gone()

    @contextmanager
    def _alone(self, ready: Callable[[_Head], None] | None = None) -> Generator[_Head]:
        """The vault's lock, with the key at hand and whatever `ready` waits for: both before the
        lock, since they may need a person, and others should not wait for that person too.
        """
        for _ in range(_TURNS):
            if not self.exists:
                raise _none()
            try:
                head = self._store.read(_head)
                key = self._key_for(head)
            except _Rotated:
                continue
            if ready is not None:
                ready(head)
            with self._lock.held():
                head = self._store.read(_head)
                if head.key_id == key.id:
                    yield head
                    return
        raise _restless()

    def _look(self, *, anew: bool = False) -> tuple[Key, Anchor]:
        """The key in use and the newest state known, outside of any transaction; `anew` asks the
        anchor for a newer one than is known.

        The anchor is read before the transaction that is compared with it, never after: a writer
        in between would look like a rollback.
        """
        head = self._store.read(_head)
        key = self._key_for(head)
        known = self._known  # once: another thread may forget it meanwhile
        if known is None or anew:
            noted = newest(self._holder(head.key_kind).anchors(), key)
            if known is None or noted is None or known.epoch < noted.epoch:
                known = self._known = noted
        if known is None:
            if self._store.read(_head).key_id != key.id:
                raise _Rotated
            raise CredentialError(
                "The vault's anchor is missing or not of this vault.", hint=_ACCEPT
            )
        return key, known

    def _key_for(self, head: _Head) -> Key:
        key = self._key
        if key is None or key.id != head.key_id:
            try:
                key = self._key = self._fetched(head)
            except CredentialError:
                if self._store.read(_head).key_id != head.key_id:
                    raise _Rotated from None
                raise
        return key

    def _fetched(self, head: _Head) -> Key:
        holder = self._holder(head.key_kind)
        for key in holder.keys(head.key_note):
            if key.vouched(head.key_check, "check", head.vault_id):
                if key.id != head.key_id:
                    raise _damaged()
                return key
        raise CredentialError(
            f"The key in {holder.where} is not the one of this vault.",
            hint="Bring back the key this vault was made with; nothing in it can be read without.",
        )

    def _note(self, head: _Head, key: Key) -> None:
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
                raise _damaged()
            self._holders[kind] = self._makers[kind]()
        return self._holders[kind]


def _padded(plain: bytes) -> bytes:
    """JSON with room behind it: its length tells nothing, and what replaces it soon finds room on
    the fullest disk.
    """
    return plain.ljust(-(-len(plain) // _ROOM) * _ROOM)


def _place(head: _Head, key: Key, row: _Row) -> bytes:
    where = [head.vault_id, row.owner, row.field, row.generation, key.id]
    return canonical(["aircall-vault", 1, *where])


def _opened(tx: Transaction, head: _Head, key: Key, row: _Row) -> bytes:
    found = tx.one(
        "SELECT sealed FROM record WHERE owner = :owner AND field = :field",
        owner=row.owner,
        field=row.field,
    )
    text: object = found[0] if found else None
    try:
        if isinstance(text, str) and _digest(text) == row.digest:
            return key.open(text, _place(head, key, row))
    except Damaged:
        pass
    raise CredentialError(
        f"The record of {row.owner or 'the vault'} is damaged.",
        hint=f"Add that account again, or restore a backup. {_ACCEPT}",
    )


def _find_head(tx: Transaction) -> _Head | None:
    row = tx.one(
        "SELECT vault_id, key_kind, key_note, key_id, key_check, epoch, manifest FROM vault"
    )
    if row is None:
        return None
    if [type(value) for value in row] != [str, str, str, str, str, int, str]:
        raise _damaged()
    return _Head(*row)


def _head(tx: Transaction) -> _Head:
    head = _find_head(tx)
    if head is None:
        raise _gone()
    return head


def _rows(tx: Transaction) -> _Rows:
    there: _Rows = {}
    for found in tx.all("SELECT owner, field, generation, digest FROM record"):
        if [type(value) for value in found] != [str, str, int, str]:
            raise _damaged()
        row = _Row(*found)
        there[row.owner, row.field] = row
    return there


def _vouched(head: _Head, key: Key, there: _Rows) -> _Head:
    return replace(head, manifest=key.vouch(*_vouched_for(head, there)))


def _verify(head: _Head, key: Key, there: _Rows) -> None:
    if not key.vouched(head.manifest, *_vouched_for(head, there)):
        raise _damaged()


def _vouched_for(head: _Head, there: _Rows) -> list[Any]:
    about = [getattr(head, part.name) for part in fields(head) if part.name != "manifest"]
    return ["manifest", about, [astuple(there[where]) for where in sorted(there)]]


def _write_head(tx: Transaction, head: _Head) -> None:
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


def _write_row(tx: Transaction, row: _Row, text: str) -> _Row:
    """Write a record; what the manifest has to know of it."""
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


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_ACCEPT = (
    "If you restored a backup on purpose, run `aircall-mcp vault check --accept`;"
    " if not, somebody may have put an old file there."
)


def _none() -> CredentialError:
    return CredentialError("There is no vault yet.", hint="Run `aircall-mcp accounts add`.")


def _already() -> CredentialError:
    return CredentialError(
        "There is a vault already.", hint="`aircall-mcp vault status` tells of it."
    )


def _gone() -> CredentialError:
    return CredentialError(
        "The vault was emptied, cut or replaced: its key knows of another one.",
        hint="Restore vault.db from a backup, or begin anew: `aircall-mcp vault init --replace`.",
    )


def _restless() -> CredentialError:
    return CredentialError("The vault's key changes all the time.", hint="Try again.")


def _damaged() -> CredentialError:
    return CredentialError(
        "The vault is damaged, or was changed by something else.",
        hint="`aircall-mcp vault check` tells more. Restore vault.db from a backup.",
    )
