"""What Aircall told us: a log of events in a file of its own.

Whoever receives appends; it needs no key, since bodies are sealed to a mailbox that only the vault
opens. Whoever reads brings the mailbox, and enters on the way which phone numbers an event is
about, each as a keyed hash. Ids, kinds and times stand in the clear, names, numbers and words
never. `sequence` only ever grows: it is the cursor. Order is that of arrival, not of happening.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Protocol, TypeVar, cast

from ..errors import ArgumentError, CredentialError, StoreError
from ..storage.store import Migration, Store, Transaction
from . import webhooks
from .webhooks import Door, Webhooks

__all__ = ["Door", "Event", "EventLog", "Hearing", "Query", "Retention", "Told"]

T = TypeVar("T")
Json = dict[str, Any]

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
)

POLL = 0.02
"""Seconds between two looks for what another process appended."""
HEARTBEAT = 30.0
"""Seconds between two notes that somebody is listening."""
REMEMBERED = 7 * 86_400.0
"""Seconds for which a repetition is recognised, longer than Aircall repeats."""
_CHUNK = 200
_SLACK = 300.0
_LATEST = 26 * 3600.0
"""Seconds after which an event can no longer arrive."""
_NUMBER_KEYS = frozenset(
    {"raw_digits", "phone_number", "external_number", "external_caller_number",
     "external_transferred_to", "from", "to", "participants", "callee", "caller"}
)  # fmt: skip
_OWN_NUMBER_KEYS = frozenset({"digits", "e164_digits"})
_PHONE = re.compile(r"\+?[0-9][0-9 ().\u00a0-]{4,24}")


class Sealer(Protocol):
    """Closes bodies; `vault.mailbox.Sealer`."""

    def seal(self, plain: bytes, place: bytes) -> bytes: ...


class Opener(Protocol):
    """Opens bodies and marks numbers; `vault.mailbox.Mailbox`. `open` raises `ValueError`."""

    @property
    def public(self) -> bytes: ...
    def open(self, sealed: bytes, place: bytes) -> bytes: ...
    def mark(self, text: str) -> bytes: ...


@dataclass(frozen=True)
class Told:
    """An event as it came in. `built` is when Aircall made it, in UNIX seconds.

    `family` is named where its webhook took the place of another, which may tell of it, too.
    """

    webhook: str
    kind: str
    resource: str
    built: float
    data: Mapping[str, Any]
    family: str = ""

    @cached_property
    def digest(self) -> bytes:
        """What a repetition has in common with it: 16 bytes."""
        whose = self.family or self.webhook
        told = [whose, self.kind, self.data.get("id"), self.built, self.data]
        return sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).digest()[
            :16
        ]

    @property
    def is_message(self) -> bool:
        return is_message(self.kind)


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the log. Times are in UNIX seconds; `data` is as Aircall sent it.

    Without `trusted` somebody else could have written it: see `webhooks`.
    """

    sequence: int
    webhook: str
    kind: str
    built: float
    received: float
    call_id: int | None
    data: Mapping[str, Any]
    trusted: bool = True

    @property
    def mark(self) -> Json:
        """What every showing of it says besides: nothing of an event that is trusted."""
        return {} if self.trusted else {"trusted": False}


@dataclass(frozen=True, slots=True)
class Query:
    """Which events. `kinds` may end in `.*`; `since` and `until` are UNIX seconds, inclusive.

    With `after` the oldest come first, from behind that sequence; else the newest, before `before`.
    `number` is anybody's phone number, the company's own included. With `account`, only what came
    in by its webhooks, those that are gone included.
    """

    kinds: Sequence[str] = ()
    call_id: int | None = None
    user_id: int | None = None
    number_id: int | None = None
    contact_id: int | None = None
    number: str | None = None
    account: str | None = None
    since: float | None = None
    until: float | None = None
    messages: bool = False
    after: int | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Retention:
    """How long: `days` and `message_days` None for ever; `largest` is in bytes of the file.

    Messages do not yield to `largest`: Aircall cannot give them back.
    """

    days: float | None = 30.0
    message_days: float | None = None
    largest: int | None = 1 << 30


@dataclass(frozen=True, slots=True)
class Hearing:
    """Since when somebody listens, and where nobody did: (from, to) in UNIX seconds."""

    since: float | None
    gaps: tuple[tuple[float, float], ...] = field(default=())
    alive: float | None = None


class EventLog:
    """See the module docstring. The plain methods may wait for a disk: `aside` runs them on the
    thread of the store. All raise `StoreError`.

    `slot` makes the sealer for a public key; `mailbox` finds the opener, None where there is none.
    """

    def __init__(
        self,
        store: Store,
        *,
        slot: Callable[[bytes], Sealer],
        mailbox: Callable[[], Opener | None] = lambda: None,
        clock: Callable[[], float] = time.time,
        poll: float = POLL,
    ) -> None:
        self.known = Webhooks(store, clock)
        self._store = store
        self._make_slot = slot
        self._find_mailbox = mailbox
        self._clock = clock
        self._poll = poll
        self._slot: Sealer | None = None
        self._mailbox: Opener | None = None

    @property
    def exists(self) -> bool:
        return self._store.exists

    async def aside(self, work: Callable[[], T]) -> T:
        return await self._store.aside(work)

    def close(self) -> None:
        self._store.close()

    # doors

    def install(self, public: bytes) -> None:
        """Seal to this mailbox from now on. Raises `StoreError` where there is another one."""

        def work(tx: Transaction) -> bytes:
            sql = "INSERT INTO mailbox (single, public) VALUES (1, :public) ON CONFLICT DO NOTHING"
            tx.run(sql, public=public)
            return _public(tx) or b""

        if self._store.write(work) != public:
            raise StoreError(
                "The event log belongs to another vault.",
                hint="Restore that vault, or move events.db away to begin anew.",
            )

    def open_door(self, door: Door) -> None:
        self.known.open(door)

    def shut_door(self, webhook: str) -> bool:
        return self.known.shut(webhook)

    def doors(self) -> list[Door]:
        """Those that are open, oldest first."""
        return self.known.now_open()

    # in

    def append(self, arrived: Sequence[Told]) -> Sequence[bool | None]:
        """Keep them in one commit; for each whether it was new, None where its door was shut
        meanwhile. Repetitions are dropped."""
        slot, now = self._sealer(), self._clock()
        sealed = [slot.seal(_body(told), b"event " + told.digest) for told in arrived]

        def work(tx: Transaction) -> list[bool | None]:
            last = first = _counter(tx, "sequence")
            shut = webhooks.shut_among(tx, [told.webhook for told in arrived])
            news: list[bool | None] = []
            for told, body in zip(arrived, sealed, strict=True):
                if told.webhook in shut:
                    news.append(None)
                    continue
                new = tx.run(_INSERT_SEEN, digest=told.digest, at=now) > 0
                news.append(new)
                if new:
                    last += 1
                    tx.run(_INSERT_EVENT, sequence=last, received=now, **_row(told))
                    tx.run(_INSERT_BODY, sequence=last, sealed=body)
            if last > first:
                _count(tx, "sequence", last)
                for kind in {told.kind for told in arrived}:
                    tx.run(
                        "INSERT INTO kind (name) VALUES (:kind) ON CONFLICT DO NOTHING", kind=kind
                    )
            return news

        return self._store.write(work)

    def listening(self, started: float) -> None:
        """Note that somebody who began to listen at `started` still does."""
        self._store.write(
            lambda tx: tx.run(
                """INSERT INTO listened (started, alive) VALUES (:started, :alive)
                   ON CONFLICT (started) DO UPDATE SET alive = excluded.alive""",
                started=started,
                alive=self._clock(),
            )
        )

    # out

    def latest(self) -> int:
        """The sequence of the newest event there ever was, 0 before the first."""
        if not self.exists:
            return 0
        return self._store.read(lambda tx: _counter(tx, "sequence"))

    async def beyond(self, sequence: int) -> int:
        """Wait until there is something newer than `sequence`; the newest."""
        while True:
            newest = await self.aside(self.latest)
            if newest > sequence:
                return newest
            await asyncio.sleep(self._poll)

    def read(self, query: Query) -> list[Event]:
        """Those that match, at most `limit`. Raises `CredentialError` where the vault is shut."""
        if not self.exists:
            return []
        mark = None
        if query.number is not None:
            self.enter_numbers()
            mark = self._opener().mark(dialled(query.number))

        def work(tx: Transaction) -> list[tuple[Any, ...]]:
            return _selected(tx, query, mark)

        return [self._event(row) for row in self._store.read(work)]

    def get(self, sequence: int) -> Event | None:
        """The event with this sequence, None where it is gone."""
        found = self.read(Query(after=sequence - 1, before=sequence + 1, limit=1))
        return found[0] if found else None

    def call_ids(self, prefix: str, limit: int = 100, *, account: str | None = None) -> list[int]:
        """Calls that were told of lately, newest first, whose id begins with `prefix`."""
        if not self.exists:
            return []
        sql = f"""SELECT call_id FROM (
                     SELECT call_id, sequence FROM event WHERE call_id IS NOT NULL AND {_OF_ACCOUNT}
                     ORDER BY sequence DESC LIMIT 5000)
                 GROUP BY call_id ORDER BY MAX(sequence) DESC"""  # noqa: S608 - our own names
        rows = self._store.read(lambda tx: tx.all(sql, account=account))
        ids = [int(row[0]) for row in rows]
        return [one for one in ids if str(one).startswith(prefix)][:limit]

    def told_since(self, sequence: int, *, account: str | None = None) -> tuple[bool, list[int]]:
        """Whether anything was told after `sequence`, and the calls it was about. Needs no key."""
        sql = f"""SELECT call_id FROM event WHERE sequence > :sequence AND {_OF_ACCOUNT}
                 GROUP BY call_id ORDER BY MIN(sequence) LIMIT 1000"""  # noqa: S608 - our own names
        rows = self._store.read(lambda tx: tx.all(sql, sequence=sequence, account=account))
        return bool(rows), [int(row[0]) for row in rows if row[0] is not None]

    def enter_numbers(self) -> None:
        """Enter the phone numbers of all that came in since the last time."""
        while self._enter_some():
            pass

    def hearing(self, *, quiet: float = 3 * HEARTBEAT) -> Hearing:
        """Since when, and the gaps longer than `quiet` seconds up to now, newest last."""
        if not self.exists:
            return Hearing(None)
        sql = "SELECT started, alive FROM listened ORDER BY started"
        spans = self._store.read(lambda tx: tx.all(sql))
        gaps: list[tuple[float, float]] = []
        heard: float | None = None
        for started, alive in spans:
            if heard is not None and started - heard > quiet:
                gaps.append((heard, started))
            heard = max(heard or 0.0, alive)
        now = self._clock()
        if heard is not None and now - heard > quiet:
            gaps.append((heard, now))
        return Hearing(spans[0][0] if spans else None, tuple(gaps), heard)

    # away

    def prune(self, retention: Retention) -> int:
        """Drop what is too old or too much, at most a chunk of each; how many events that was.

        Call it again while it gives something.
        """
        now = self._clock()

        def work(tx: Transaction) -> int:
            removed = 0
            for message, days in ((0, retention.days), (1, retention.message_days)):
                if days is not None:
                    old = _oldest(tx, message, now - days * 86_400, _CHUNK)
                    removed += _remove(tx, old)
            if retention.largest is not None:
                size, count = _used(tx), _counter(tx, "sequence")
                if size > retention.largest and count:
                    each = max(512, size // max(1, _events(tx)))
                    many = min(_CHUNK, (size - retention.largest) // each + 1)
                    removed += _remove(tx, _oldest(tx, 0, None, many))
            tx.run(
                """DELETE FROM seen WHERE digest IN
                   (SELECT digest FROM seen WHERE at < :at ORDER BY at LIMIT 1000)""",
                at=now - REMEMBERED,
            )
            return removed

        return self._store.write(work)

    def used(self) -> int:
        """Bytes of the file that hold something."""
        return self._store.read(_used) if self.exists else 0

    def erase(self, number: str) -> int:
        """Remove a person: every event about this outside number, its calls and its contacts."""
        if not self.exists:
            return 0
        self.enter_numbers()
        mark = self._opener().mark(dialled(number))

        def work(tx: Transaction) -> int:
            sql = "SELECT sequence FROM party WHERE mark = :mark AND outside = 1"
            found = {int(row[0]) for row in tx.all(sql, mark=mark)}
            for column in ("call_id", "contact_id"):
                about = f"""SELECT DISTINCT {column} FROM event JOIN party USING (sequence)
                            WHERE mark = :mark AND outside = 1 AND {column} IS NOT NULL"""  # noqa: S608 - our own names
                for (one,) in tx.all(about, mark=mark):
                    same = f"SELECT sequence FROM event WHERE {column} = :one"  # noqa: S608 - as above
                    found |= {int(row[0]) for row in tx.all(same, one=one)}
            return _remove(tx, sorted(found))

        return self._store.write(work)

    # inside

    def _sealer(self) -> Sealer:
        if self._slot is None:
            public = self._store.read(_public) if self.exists else None
            if public is None:
                raise StoreError(
                    "The event log is not set up.", hint="Run `aircall-mcp webhooks register`."
                )
            self._slot = self._make_slot(public)
        return self._slot

    def _opener(self) -> Opener:
        if self._mailbox is None:
            mailbox = self._find_mailbox()
            public = self._store.read(_public)
            if mailbox is None or (public is not None and mailbox.public != public):
                raise CredentialError(
                    "The key that reads events is not in this vault.",
                    hint="Use the AIRCALL_MCP_HOME and the vault that `webhooks register` used.",
                )
            self._mailbox = mailbox
        return self._mailbox

    def _event(self, row: tuple[Any, ...]) -> Event:
        sequence, webhook, kind, built, received, call_id, digest, doubted, sealed = row
        data = self._opened(digest, sealed)["data"]
        return Event(sequence, webhook, kind, built, received, call_id, data, not doubted)

    def _opened(self, digest: bytes, sealed: bytes) -> Json:
        try:
            return json.loads(self._opener().open(bytes(sealed), b"event " + bytes(digest)))
        except ValueError:
            raise StoreError(
                "An event in the log is damaged.", hint="Restore events.db from a backup."
            ) from None

    def _enter_some(self) -> bool:
        sql = """SELECT sequence, digest, sealed FROM event JOIN body USING (sequence)
                 WHERE sequence > :after ORDER BY sequence LIMIT 1000"""

        def behind(tx: Transaction) -> list[tuple[Any, ...]]:
            entered = _counter(tx, "entered")
            if entered == _counter(tx, "sequence"):
                return []
            return tx.all(sql, after=entered)

        rows = self._store.read(behind)
        if not rows:
            return False
        opener = self._opener()
        found = [
            (sequence, opener.mark(digits), outside)
            for sequence, digest, sealed in rows
            for digits, outside in numbers_in(self._opened(digest, sealed)["data"]).items()
        ]

        def enter(tx: Transaction) -> None:
            for sequence, mark, outside in found:
                tx.run(_INSERT_PARTY, sequence=sequence, mark=mark, outside=int(outside))
            _count(tx, "entered", max(rows[-1][0], _counter(tx, "entered")))

        self._store.write(enter)
        return True


_OF_ACCOUNT = """(:account IS NULL
    OR webhook IN (SELECT webhook FROM door WHERE account = :account))"""
_INSERT_SEEN = "INSERT INTO seen (digest, at) VALUES (:digest, :at) ON CONFLICT DO NOTHING"
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


def is_message(kind: str) -> bool:
    return kind.startswith(("message.", "group_message."))


def dialled(number: str) -> str:
    """Only the digits, without an international prefix. Raises `ArgumentError` for none."""
    digits = re.sub(r"[^0-9]", "", number)
    if not digits:
        raise ArgumentError("A phone number has digits.", hint="Write it like +33184880000.")
    return digits.removeprefix("00")


def numbers_in(data: Any) -> dict[str, bool]:
    """The phone numbers in an event, digits only, and whether they are outside the company."""
    found: dict[str, bool] = {}
    for number, outside in _numbers(data, outside=False):
        found[number] = found.get(number, False) or outside
    return found


def _numbers(value: Any, *, outside: bool, depth: int = 0) -> Iterator[tuple[str, bool]]:
    if depth > 12:
        return
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _numbers(item, outside=outside, depth=depth + 1)
    elif isinstance(value, Mapping):
        for key, part in cast("Mapping[str, Any]", value).items():
            if key in _OWN_NUMBER_KEYS:
                for number, _ in _numbers(part, outside=True, depth=depth + 1):
                    yield number, False
            elif isinstance(part, str) and key == "value":
                yield from _numbers(part, outside=outside, depth=depth + 1)
            else:
                theirs = key in _NUMBER_KEYS or key == "phone_numbers"
                yield from _numbers(part, outside=theirs, depth=depth + 1)
    elif outside and isinstance(value, str) and _PHONE.fullmatch(value.strip()):
        yield dialled(value), True


def subject(kind: str, resource: str, data: Mapping[str, Any]) -> dict[str, int | None]:
    """The ids an event is about: call_id, user_id, number_id, contact_id."""
    family = kind.partition(".")[0]
    ids: dict[str, int | None] = {}
    for name in ("call", "user", "number", "contact"):
        inner: Any = data.get(name)
        own = data.get("id") if name in (resource, family) else None
        nested: Any = cast("Json", inner).get("id") if isinstance(inner, Mapping) else None
        ids[f"{name}_id"] = next(
            filter(None, map(_id, (own, data.get(f"{name}_id"), nested))), None
        )
    if ids["call_id"] is None:
        ids["call_id"] = _id(data.get("last_call_id"))
    return ids


def _id(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < 2**63 else None


def _body(told: Told) -> bytes:
    return json.dumps(
        {"resource": told.resource, "data": told.data}, separators=(",", ":")
    ).encode()


def _row(told: Told) -> Json:
    return {
        "digest": told.digest,
        "webhook": told.webhook,
        "kind": told.kind,
        "built": told.built,
        "message": int(told.is_message),
        **subject(told.kind, told.resource, told.data),
    }


def _public(tx: Transaction) -> bytes | None:
    row = tx.one("SELECT public FROM mailbox")
    return bytes(row[0]) if row else None


def _counter(tx: Transaction, name: str) -> int:
    row = tx.one("SELECT value FROM counter WHERE name = :name", name=name)
    return int(row[0]) if row else 0


def _count(tx: Transaction, name: str, value: int) -> None:
    tx.run(
        """INSERT INTO counter (name, value) VALUES (:name, :value)
           ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
        name=name,
        value=value,
    )


_COLUMNS = f"sequence, webhook, kind, built, received, call_id, digest, {webhooks.IN_DOUBT}"


def _selected(tx: Transaction, query: Query, mark: bytes | None) -> list[tuple[Any, ...]]:
    """Each way in walks one index in the order of the answer, so that a page costs a page."""
    where, values = _conditions(query)
    kinds = _kinds(tx, query)
    order = "ASC" if query.after is not None else "DESC"
    values["limit"] = query.limit
    among = "" if kinds is None else f"+kind IN ({_names(kinds, values)})" if kinds else "1 = 0"
    narrow = mark is not None or query.call_id is not None or query.contact_id is not None
    parts: list[str] = []
    for span, late in _spans(tx, query, values, narrow=narrow):
        if kinds is None or narrow or late:
            source = "event"
            also = [among] if among else []
            if mark is not None:
                source, values["mark"] = "party CROSS JOIN event USING (sequence)", mark
                also.append("mark = :mark")
            parts.append(_part(source, [*where, *span, *also], order))
        else:
            each = (f"kind = :kind{number}" for number in range(len(kinds)))
            parts += [_part("event", [*where, *span, kind], order) for kind in each]
    if not parts:
        return []
    union = " UNION ALL ".join(f"SELECT * FROM ({part})" for part in parts)  # noqa: S608 - our own names
    sql = f"""SELECT {_COLUMNS}, sealed
              FROM (SELECT * FROM ({union}) ORDER BY sequence {order} LIMIT :limit) AS chosen
              JOIN event USING (sequence) JOIN body USING (sequence)
              ORDER BY sequence {order}"""  # noqa: S608 - as above
    return tx.all(sql, **values)


def _part(source: str, where: Sequence[str], order: str) -> str:
    conditions = " AND ".join(where) or "1 = 1"
    return f"""SELECT sequence FROM {source} WHERE {conditions}
               ORDER BY sequence {order} LIMIT :limit"""  # noqa: S608 - our own names


def _conditions(query: Query) -> tuple[list[str], Json]:
    where: list[str] = []
    values: Json = {}
    for name in ("call_id", "contact_id", "user_id", "number_id"):
        value = getattr(query, name)
        if value is not None:
            # One of them leads; the others must not tempt the planner away from its order.
            where.append(f"{'+' if values else ''}{name} = :{name}")
            values[name] = value
    if query.account is not None:
        where.append(_OF_ACCOUNT)
        values["account"] = query.account
    if query.messages:
        where.append("+message = 1")
    if query.since is not None:
        where.append("built >= :since")
        values["since"] = query.since
    if query.until is not None:
        where.append("built <= :until")
        values["until"] = query.until
    return where, values


def _spans(
    tx: Transaction, query: Query, values: Json, *, narrow: bool
) -> list[tuple[list[str], bool]]:
    """The sequences to walk through, and whether only among those that came late.

    Times select by when it happened, sequences are in the order of arrival: most events arrive
    within minutes, so a window of time is a short span of them and a few late ones behind it.
    """
    low, high = query.after, query.before
    if query.since is not None:
        first = _edge(tx, "received >= :at", "ASC", query.since - _SLACK)
        low = max(low or 0, (first or _counter(tx, "sequence") + 1) - 1)
    span = [] if low is None else ["sequence > :low"]
    values["low"] = low
    if query.until is None or narrow:
        values["high"] = high
        return [([*span, *([] if high is None else ["sequence < :high"])], False)]
    soon = (_edge(tx, "received <= :at", "DESC", query.until + _SLACK) or 0) + 1
    last = (_edge(tx, "received <= :at", "DESC", query.until + _LATEST) or 0) + 1
    values["soon"], values["high"] = min(high or soon, soon), min(high or last, last)
    behind = ["sequence >= :soon", "sequence < :high", "received > built + 300"]
    return [([*span, "sequence < :soon"], False), ([*span, *behind], True)]


def _edge(tx: Transaction, condition: str, order: str, at: float) -> int | None:
    """The first sequence, or the last, of a span of time."""
    found = [
        row[0]
        for message in (0, 1)
        if (
            row := tx.one(
                f"""SELECT sequence FROM event WHERE message = {message} AND {condition}
                    ORDER BY received {order} LIMIT 1""",  # noqa: S608 - our own names
                at=at,
            )
        )
    ]
    return (min if order == "ASC" else max)(found, default=None)


def _kinds(tx: Transaction, query: Query) -> list[str] | None:
    """The kinds asked for that ever came, None for all."""
    if not query.kinds and not query.messages:
        return None
    known = [str(row[0]) for row in tx.all("SELECT name FROM kind")]
    if query.messages:
        known = [kind for kind in known if is_message(kind)]
    return [kind for kind in known if matches(kind, query.kinds)] if query.kinds else known


def matches(kind: str, wanted: Iterable[str]) -> bool:
    """Whether `kind` is among `wanted`, of which some may end in `.*`."""
    return any(
        kind == one or one == "*" or (one.endswith(".*") and kind.startswith(one[:-1]))
        for one in wanted
    )


def _names(kinds: Sequence[str], values: Json) -> str:
    for number, kind in enumerate(kinds):
        values[f"kind{number}"] = kind
    return ", ".join(f":kind{number}" for number in range(len(kinds)))


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


def _used(tx: Transaction) -> int:
    pages, free, size = (
        int(row[0]) if (row := tx.one(f"PRAGMA {name}")) else 0
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _events(tx: Transaction) -> int:
    row = tx.one("SELECT COUNT(*) FROM event")
    return int(row[0]) if row else 0
