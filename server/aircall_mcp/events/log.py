"""The event log: what Aircall reported, in a file of its own.

Whoever receives appends; it needs no key, since bodies are sealed to a mailbox that only the vault
opens. Whoever reads brings the mailbox, and enters on the way which phone numbers an event is
about, each as a keyed hash. Ids, kinds and times stand in the clear, names, numbers and words
never. `sequence` only ever grows: it is the cursor. Order is that of arrival, not of happening.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import CredentialError, StoreError
from ..ground.clock import Clock
from ..storage.store import Store, Transaction
from . import retention as keeping
from . import webhooks
from .coverage import HEARTBEAT, Coverage, coverage, note
from .event import Arrival, Event, body_of
from .kinds import check_kinds
from .numbers import numbers_in, numbers_in_text, sought, subject
from .polled import Polled
from .query import OF_ACCOUNT, Query, selected
from .repeats import is_new
from .retention import Retention
from .tables import count, counter, public_key
from .watcher import POLL, Watcher
from .webhooks import Webhooks

if TYPE_CHECKING:
    from ..vault.mailbox import Mailbox, Sealer

T = TypeVar("T")
Json = dict[str, Any]


class EventLog:
    """See the module docstring. The plain methods may wait for a disk: `aside` runs them on the
    thread of the store. All raise `StoreError`.

    `sealer` makes what closes bodies for a public key; `mailbox` finds what opens them and marks
    numbers, None where there is none. Of waiters, it serves those of one event loop.
    """

    def __init__(
        self,
        store: Store,
        *,
        sealer: Callable[[bytes], Sealer],
        mailbox: Callable[[], Mailbox | None] = lambda: None,
        clock: Clock | None = None,
        poll: float = POLL,
    ) -> None:
        self._clock = clock or Clock()
        self.webhooks = Webhooks(store, self._clock)
        self.polled = Polled(store)
        self._store = store
        self._make_sealer = sealer
        self._find_mailbox = mailbox
        self._watcher = Watcher(lambda: self.aside(self.latest), every=poll, clock=self._clock)
        self._closes: Sealer | None = None
        self._mailbox: Mailbox | None = None

    @property
    def exists(self) -> bool:
        return self._store.exists

    async def aside(self, work: Callable[[], T]) -> T:
        return await self._store.aside(work)

    def close(self) -> None:
        self._store.close()

    def now(self) -> float:
        """UNIX seconds, by the clock that dates what comes in."""
        return self._clock.wall()

    # in

    def install(self, public: bytes) -> None:
        """Seal to this mailbox from now on. Raises `StoreError` where there is another one."""

        def work(tx: Transaction) -> bytes:
            sql = "INSERT INTO mailbox (single, public) VALUES (1, :public) ON CONFLICT DO NOTHING"
            tx.run(sql, public=public)
            return public_key(tx) or b""

        if self._store.write(work) != public:
            raise StoreError(
                "The event log belongs to another vault.",
                hint="Restore that vault, or move events.db away to start again.",
            )

    def append(self, arrived: Sequence[Arrival]) -> Sequence[bool | None]:
        """Keep them in one commit; for each whether it was new, None where its webhook was shut
        meanwhile. Repetitions are dropped."""
        sealer, now = self._sealer(), self._clock.wall()
        sealed = [sealer.seal(arrival.body, b"event " + arrival.digest) for arrival in arrived]

        def work(tx: Transaction) -> list[bool | None]:
            last = first = counter(tx, "sequence")
            several = webhooks.of_several(tx)
            shut = webhooks.shut_among(tx, [arrival.webhook for arrival in arrived])
            news: list[bool | None] = []
            for arrival, body in zip(arrived, sealed, strict=True):
                if arrival.webhook in shut:
                    news.append(None)
                    continue
                new = is_new(tx, arrival, last + 1, several.get(arrival.webhook), now)
                news.append(new)
                if new:
                    last += 1
                    tx.run(_INSERT_EVENT, sequence=last, received=now, **_row(arrival, now))
                    tx.run(_INSERT_BODY, sequence=last, sealed=body)
            if last > first:
                count(tx, "sequence", last)
                for kind in {arrival.kind for arrival in arrived}:
                    tx.run(
                        "INSERT INTO kind (name) VALUES (:kind) ON CONFLICT DO NOTHING", kind=kind
                    )
            return news

        return self._store.write(work)

    def note_listening(self, started: float) -> None:
        """Note that somebody who began to listen at `started` still does."""
        now = self._clock.wall()
        self._store.write(lambda tx: note(tx, started, now))

    # out

    def check_kinds(self, kinds: Sequence[str]) -> None:
        """Raise `ArgumentError` for a kind that Aircall does not tell of and that never came in."""
        came: list[str] = []
        if kinds and self.exists:
            rows = self._store.read(lambda tx: tx.all("SELECT name FROM kind"))
            came = [str(row[0]) for row in rows]
        check_kinds(kinds, came=came)

    def latest(self) -> int:
        """The sequence of the newest event there ever was, 0 before the first."""
        if not self.exists:
            return 0
        return self._store.read(lambda tx: counter(tx, "sequence"))

    async def beyond(self, sequence: int) -> int:
        """Wait until there is something newer than `sequence`; the newest. All who wait in this
        process share one look at the file."""
        return await self._watcher.beyond(sequence)

    def read(self, query: Query) -> list[Event]:
        """Those that match, at most `limit`. Raises `CredentialError` where the vault is shut."""
        if not self.exists:
            return []
        mark = None
        if query.number is not None:
            self.enter_numbers()
            mark = self._opened_mailbox().mark(sought(query.number))

        def work(tx: Transaction) -> list[tuple[Any, ...]]:
            return selected(tx, query, mark)

        return [self._event(row) for row in self._store.read(work)]

    def get(self, sequence: int) -> Event | None:
        """The event with this sequence, None where it is gone."""
        found = self.read(Query(after=sequence - 1, before=sequence + 1, limit=1))
        return found[0] if found else None

    def call_ids(self, prefix: str, limit: int = 100, *, account: str | None = None) -> list[int]:
        """Calls of which something came lately, newest first, whose id begins with `prefix`."""
        if not self.exists:
            return []
        sql = f"""SELECT call_id FROM (
                     SELECT call_id, sequence FROM event WHERE call_id IS NOT NULL AND {OF_ACCOUNT}
                     ORDER BY sequence DESC LIMIT 5000)
                 GROUP BY call_id ORDER BY MAX(sequence) DESC"""  # noqa: S608 - our own names
        rows = self._store.read(lambda tx: tx.all(sql, account=account))
        ids = [int(row[0]) for row in rows]
        return [one for one in ids if str(one).startswith(prefix)][:limit]

    def since(self, sequence: int, *, account: str | None = None) -> tuple[bool, list[int]]:
        """Whether anything came after `sequence`, and the calls it was about. Needs no key."""
        sql = f"""SELECT call_id FROM event WHERE sequence > :sequence AND {OF_ACCOUNT}
                 GROUP BY call_id ORDER BY MIN(sequence) LIMIT 1000"""  # noqa: S608 - our own names
        rows = self._store.read(lambda tx: tx.all(sql, sequence=sequence, account=account))
        return bool(rows), [int(row[0]) for row in rows if row[0] is not None]

    def enter_numbers(self) -> None:
        """Enter the phone numbers of all that came in since the last time."""
        while self._enter_some():
            pass

    def coverage(self, *, quiet: float = 3 * HEARTBEAT) -> Coverage:
        """Since when somebody listens, and the gaps longer than `quiet` seconds up to now."""
        if not self.exists:
            return Coverage(None)
        now = self._clock.wall()
        return self._store.read(lambda tx: coverage(tx, now, quiet))

    # away

    def prune(self, retention: Retention) -> int:
        """Drop what is too old or too much, at most a chunk of each; how many events that was.

        Call it again while it gives something.
        """
        now = self._clock.wall()
        return self._store.write(lambda tx: keeping.prune(tx, retention, now))

    def used(self) -> int:
        """Bytes of the file that hold something."""
        return self._store.read(lambda tx: tx.used()) if self.exists else 0

    def erase(self, number: str) -> int:
        """Remove a person: every event about this outside number, its calls and its contacts."""
        if not self.exists:
            return 0
        self.enter_numbers()
        mark = self._opened_mailbox().mark(sought(number))
        return self._store.write(lambda tx: keeping.erase(tx, mark))

    # inside

    def _sealer(self) -> Sealer:
        if self._closes is None:
            public = self._store.read(public_key) if self.exists else None
            if public is None:
                raise StoreError(
                    "The event log is not set up.", hint="Run `aircall-mcp webhooks register`."
                )
            self._closes = self._make_sealer(public)
        return self._closes

    def _opened_mailbox(self) -> Mailbox:
        if self._mailbox is None:
            mailbox = self._find_mailbox()
            public = self._store.read(public_key)
            if mailbox is None or (public is not None and mailbox.public != public):
                raise CredentialError(
                    "The key that reads events is not in this vault.",
                    hint="Use the AIRCALL_MCP_HOME and the vault that `webhooks register` used.",
                )
            self._mailbox = mailbox
        return self._mailbox

    def _event(self, row: tuple[Any, ...]) -> Event:
        sequence, webhook, kind, built, received, call_id, digest, untrusted, account, sealed = row
        body = self._opened(digest, sealed)
        return Event(
            sequence, webhook, kind, built, received, call_id,
            trusted=not untrusted, account=account, **body,
        )  # fmt: skip

    def _opened(self, digest: bytes, sealed: bytes) -> Json:
        """As `body_of`. One that is damaged says so, and keeps none of the others from being read.
        Raises `CredentialError` where none can be."""
        opener = self._opened_mailbox()
        try:
            return body_of(opener.open(bytes(sealed), b"event " + bytes(digest)))
        except ValueError:
            return {"data": {}, "unreadable": DAMAGED}

    def _enter_some(self) -> bool:
        sql = """SELECT sequence, digest, sealed FROM event JOIN body USING (sequence)
                 WHERE sequence > :after ORDER BY sequence LIMIT 1000"""

        def behind(tx: Transaction) -> list[tuple[Any, ...]]:
            entered = counter(tx, "entered")
            if entered == counter(tx, "sequence"):
                return []
            return tx.all(sql, after=entered)

        rows = self._store.read(behind)
        if not rows:
            return False
        opener = self._opened_mailbox()
        found = [
            (sequence, opener.mark(digits), outside)
            for sequence, digest, sealed in rows
            for digits, outside in _numbers(self._opened(digest, sealed)).items()
        ]

        def enter(tx: Transaction) -> None:
            for sequence, mark, outside in found:
                tx.run(_INSERT_PARTY, sequence=sequence, mark=mark, outside=int(outside))
            count(tx, "entered", max(rows[-1][0], counter(tx, "entered")))

        self._store.write(enter)
        return True


DAMAGED = "it is damaged"
_INSERT_EVENT = """
    INSERT INTO event (sequence, digest, webhook, kind, built, received, call_id, user_id,
                       number_id, contact_id, message)
    VALUES (:sequence, :digest, :webhook, :kind, :built, :received, :call_id, :user_id,
            :number_id, :contact_id, :message)"""
_INSERT_BODY = "INSERT INTO body (sequence, sealed) VALUES (:sequence, :sealed)"
_INSERT_PARTY = """
    INSERT INTO party (mark, sequence, outside)
    SELECT :mark, :sequence, :outside WHERE EXISTS (SELECT 1 FROM event WHERE sequence = :sequence)
    ON CONFLICT (mark, sequence) DO NOTHING"""


def _numbers(body: Json) -> dict[str, bool]:
    found = numbers_in(body["data"])
    return found if body["data"] else found | numbers_in_text(body.get("raw", ""))


def _row(arrival: Arrival, now: float) -> Json:
    return {
        "digest": arrival.digest,
        "webhook": arrival.webhook,
        "kind": arrival.kind,
        "built": arrival.built or now,
        "message": int(arrival.is_message),
        **subject(arrival.kind, arrival.resource, arrival.data),
    }
