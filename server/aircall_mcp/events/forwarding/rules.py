"""The owner's rules: which events go where, what is queued, and what was given up."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ...accounts import Shelf
from ...errors import ArgumentError, NotAllowed, quoted
from ...ground.clock import Clock
from ...ground.nearest import nearest
from ...ground.secrets import Secret, inside
from ...storage.store import NUMBERED, Migration, Store, Transaction
from ..event import Event, matches
from ..kinds import GROUPS, KINDS, check_kinds
from ..log import EventLog
from ..numbers import subject
from ..query import Query
from . import pace
from .destinations import Destination, Form, host_of

MIGRATIONS: tuple[Migration, ...] = (
    (
        """CREATE TABLE destination (
            name TEXT PRIMARY KEY, form TEXT NOT NULL, host TEXT NOT NULL,
            private INTEGER NOT NULL)""",
        f"""CREATE TABLE rule (
            id {NUMBERED}, kinds TEXT NOT NULL, destination TEXT NOT NULL,
            reached BIGINT NOT NULL, sent BIGINT NOT NULL, maker TEXT NOT NULL,
            made DOUBLE PRECISION NOT NULL, UNIQUE (kinds, destination))""",
        """CREATE TABLE delivery (
            rule INTEGER NOT NULL, sequence BIGINT NOT NULL, lane TEXT NOT NULL,
            kind TEXT NOT NULL, failed INTEGER NOT NULL, attempts INTEGER NOT NULL,
            due DOUBLE PRECISION NOT NULL, since DOUBLE PRECISION NOT NULL, fault TEXT NOT NULL,
            PRIMARY KEY (rule, sequence))""",
        "CREATE INDEX delivery_lane ON delivery (rule, lane, failed, sequence)",
        "CREATE INDEX delivery_due ON delivery (failed, due)",
    ),
    (
        # Whose events: an account's, or everybody's where it names none.
        f"""CREATE TABLE ruled (
            id {NUMBERED}, kinds TEXT NOT NULL, destination TEXT NOT NULL,
            reached BIGINT NOT NULL, sent BIGINT NOT NULL, maker TEXT NOT NULL,
            made DOUBLE PRECISION NOT NULL, account TEXT NOT NULL DEFAULT '',
            summed BIGINT NOT NULL DEFAULT 0, UNIQUE (kinds, destination, account))""",
        """INSERT INTO ruled (id, kinds, destination, reached, sent, maker, made)
           SELECT id, kinds, destination, reached, sent, maker, made FROM rule""",
        "DROP TABLE rule",
        "ALTER TABLE ruled RENAME TO rule",
        *pace.TABLE,
    ),
)

FIELD = "destination"
"""The field of the vault that holds an address."""
MODELS = 10
"""Rules that a model may make for one account."""
_BATCH = 200
_CROWD = 5_000
"""Events that one summary can stand for."""
_NAME = re.compile(r"(slack|https):[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Rule:
    """Pass `kinds` on to `destination`. `waiting` and `failed` count events; `fault` is the last.

    `maker` is who made it: the owner, or a model. Of `summed` events people were told in a summary
    alone. `account` is whose events these are, empty for everybody's.
    """

    id: int
    kinds: tuple[str, ...]
    destination: str
    sent: int
    maker: str
    waiting: int = 0
    failed: int = 0
    oldest: float | None = None
    fault: str = ""
    account: str = ""
    summed: int = 0


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An event that was given up: tried `attempts` times, and why the last one failed."""

    rule: int
    destination: str
    sequence: int
    kind: str
    attempts: int
    fault: str


def check_destination(name: str) -> None:
    """Raise `ArgumentError` for what can be no name of a destination."""
    if not _NAME.fullmatch(name):
        raise ArgumentError(
            f"`{quoted(name)}` is not a valid name of a destination.",
            hint="Write slack:NAME or https:NAME, in lower-case letters and digits.",
        )


class Rules:
    """The rules and destinations. The plain methods may wait for a disk or a keyring.

    `invented` are destinations that no owner had to name, and that lead nowhere: the sandbox's.
    """

    def __init__(
        self,
        store: Store,
        events: EventLog,
        *,
        clock: Clock | None = None,
        invented: Sequence[Destination] = (),
    ) -> None:
        self._store = store
        self._events = events
        self._clock = clock or Clock()
        self.pace = pace.Pace(store, self._clock)
        self._invented = {one.name: one for one in invented}

    async def aside(self, work: Callable[[], Any]) -> Any:
        return await self._store.aside(work)

    def close(self) -> None:
        self._store.close()

    def destinations(self) -> list[Destination]:
        if not self._store.exists:
            return list(self._invented.values())
        sql = "SELECT name, form, host, private FROM destination ORDER BY name"
        rows = self._store.read(lambda tx: tx.all(sql))
        named = {row[0]: Destination(*row[:3], private=bool(row[3])) for row in rows}
        return list({**self._invented, **named}.values())

    def name_destination(
        self, name: str, url: Secret, vault: Shelf, *, private: bool = False
    ) -> str | None:
        """Keep `url` under `name` (`slack:support`, `https:crm`). Gives the key that signs what
        goes to an https destination, as text to be shown this once. Raises `ArgumentError`.
        """
        check_destination(name)
        form = cast("Form", name.partition(":")[0])
        host = inside(url, host_of)
        key = base64.urlsafe_b64encode(os.urandom(32)).decode()
        vault.write(f"to {name}", FIELD, {"url": url, "key": Secret(key)})
        self._store.write(
            lambda tx: tx.run(
                """INSERT INTO destination (name, form, host, private)
                   VALUES (:name, :form, :host, :private)
                   ON CONFLICT (name) DO UPDATE SET host = excluded.host,
                       private = excluded.private""",
                name=name,
                form=form,
                host=host,
                private=int(private),
            )
        )
        return key if form == "https" else None

    def find(self, name: str) -> Destination:
        """The destination that is meant by `slack:support`, `#support` or `support`."""
        known = self.destinations()
        plain = name.strip().lstrip("#").lower()
        for one in known:
            if plain in (one.name, one.name.partition(":")[2]):
                return one
        names = [one.name for one in known]
        listed = f"Known: {', '.join(names)}." if names else ""
        raise ArgumentError(
            f"There is no destination `{quoted(name)}`.",
            hint=f"{nearest(plain, names)} {listed}".strip()
            or "The owner names one first: aircall-mcp forward add --kinds message.received"
            " --to slack:support",
        )

    def add(self, kinds: Sequence[str], destination: str) -> Rule:
        """Pass on what comes in from now on, of every account. The same rule twice is one rule.
        Raises `ArgumentError`."""
        self._events.check_kinds(kinds)
        return self._added(kinds, self.find(destination), "owner", "")

    def add_for_model(self, kinds: Sequence[str], destination: str, account: str) -> Rule:
        """The same as a model may: kinds that Aircall documents and never all of them, the events
        of its own account, and at most `MODELS` rules of it. What another rule passes on to that
        destination already is that rule. Raises `ArgumentError`, `NotAllowed`."""
        check_kinds(kinds)
        if any(kind == "*" for kind in kinds) or set(KINDS) <= set(_those(kinds)):
            raise NotAllowed(
                "Only the owner can forward all kinds.",
                hint=f"Name kinds, such as {', '.join(GROUPS[:4])}; or a person runs"
                " `aircall-mcp forward add --kinds '*'`.",
            )
        found, wanted = self.find(destination), _those(kinds)
        for rule in self.status():
            same = rule.destination == found.name and rule.account in ("", account)
            if same and wanted <= _those(rule.kinds):
                return rule
        return self._added(kinds, found, "model", account)

    def _added(
        self, kinds: Sequence[str], destination: Destination, maker: str, account: str
    ) -> Rule:
        wanted = json.dumps(_fewest(kinds))
        if wanted == "[]":
            raise ArgumentError("No kind of event was given.", hint="Such as call.ended")
        reached, now = self._events.latest(), self._clock.wall()
        about = {"kinds": wanted, "destination": destination.name, "account": account}

        def work(tx: Transaction) -> None:
            if maker == "model":
                sql = "SELECT COUNT(*) FROM rule WHERE maker = 'model' AND account = :account"
                row = tx.one(sql, account=account)
                if row and row[0] >= MODELS and not tx.one(_SAME, **about):
                    raise NotAllowed(
                        f"There are {MODELS} rules made by a model already.",
                        hint="A person looks at them with `aircall-mcp forward list` and removes"
                        " one with `aircall-mcp forward remove NUMBER`.",
                    )
            tx.run(
                """INSERT INTO rule (kinds, destination, account, reached, sent, maker, made)
                   VALUES (:kinds, :destination, :account, :reached, 0, :maker, :made)
                   ON CONFLICT DO NOTHING""",
                reached=reached,
                maker=maker,
                made=now,
                **about,
            )

        self._store.write(work)
        return next(
            rule
            for rule in self.status()
            if (rule.destination, rule.account) == (destination.name, account)
            and json.dumps(rule.kinds) == wanted
        )

    def status(self) -> list[Rule]:
        """Every rule with how it is going."""
        if not self._store.exists:
            return []
        sql = """SELECT rule.id, kinds, destination, sent, maker,
                     COALESCE(SUM(1 - failed), 0), COALESCE(SUM(failed), 0),
                     MIN(CASE WHEN failed = 0 THEN since END), COALESCE(MAX(fault), ''),
                     account, summed
                 FROM rule LEFT JOIN delivery ON delivery.rule = rule.id
                 GROUP BY rule.id, kinds, destination, sent, maker, account, summed
                 ORDER BY rule.id"""
        rows = self._store.read(lambda tx: tx.all(sql))
        return [Rule(i, tuple(json.loads(kinds)), *rest) for i, kinds, *rest in rows]

    def undelivered(self, limit: int = 100) -> list[Undelivered]:
        """What was given up, newest first."""
        if not self._store.exists:
            return []
        sql = """SELECT rule, destination, sequence, kind, attempts, fault
                 FROM delivery JOIN rule ON rule.id = delivery.rule
                 WHERE failed = 1 ORDER BY sequence DESC LIMIT :limit"""
        return [Undelivered(*row) for row in self._store.read(lambda tx: tx.all(sql, limit=limit))]

    def try_again(self) -> int:
        """Put what was given up back into the queue."""
        now = self._clock.wall()
        sql = """UPDATE delivery SET failed = 0, attempts = 0, due = :now, since = :now
                 WHERE failed = 1"""
        return self._store.write(lambda tx: tx.run(sql, now=now))

    def remove(self, rule: int) -> bool:
        """Remove a rule, and what still waits for it."""

        def work(tx: Transaction) -> bool:
            tx.run("DELETE FROM delivery WHERE rule = :rule", rule=rule)
            return tx.run("DELETE FROM rule WHERE id = :rule", rule=rule) > 0

        return self._store.exists and self._store.write(work)

    def forget(self, name: str, vault: Shelf) -> bool:
        """Remove a destination, its rules and its address."""
        for rule in self.status():
            if rule.destination == name:
                self.remove(rule.id)
        gone = self._store.write(
            lambda tx: tx.run("DELETE FROM destination WHERE name = :name", name=name)
        )
        return bool(vault.remove(f"to {name}")) or gone > 0

    # for the forwarder

    def gather(self) -> int:
        """Queue what came in since the last time; how many deliveries that makes."""
        newest, queued, now = self._events.latest(), 0, self._clock.wall()
        sql = "SELECT id, kinds, reached, account FROM rule WHERE reached < :newest"
        if not self._store.exists:
            return 0
        for rule, kinds, reached, whose in self._store.read(lambda tx: tx.all(sql, newest=newest)):
            query = Query(
                kinds=json.loads(kinds), account=whose or None,
                after=reached, before=newest + 1, limit=_BATCH,
            )  # fmt: skip
            found = self._events.read(query)
            upto = found[-1].sequence if len(found) == _BATCH else newest
            rows = [(event.sequence, _lane(event), event.kind) for event in found]

            def work(tx: Transaction, rule: int = rule, upto: int = upto, rows: Any = rows) -> None:
                for sequence, lane, kind in rows:
                    tx.run(_QUEUE, rule=rule, sequence=sequence, lane=lane, kind=kind, now=now)
                tx.run("UPDATE rule SET reached = :upto WHERE id = :rule", upto=upto, rule=rule)

            self._store.write(work)
            queued += len(rows)
        return queued

    def due(self, destination: str, limit: int) -> list[tuple[int, int, int, float]]:
        """(rule, sequence, attempts, since) of the first in each lane whose time has come."""
        sql = """SELECT delivery.rule, sequence, attempts, since
                 FROM delivery JOIN rule ON rule.id = delivery.rule
                 WHERE failed = 0 AND due <= :now AND destination = :destination
                   AND NOT EXISTS (
                     SELECT 1 FROM delivery AS earlier
                     WHERE earlier.rule = delivery.rule AND earlier.lane = delivery.lane
                       AND earlier.failed = 0 AND earlier.sequence < delivery.sequence)
                 ORDER BY sequence LIMIT :limit"""
        now = self._clock.wall()
        rows = self._store.read(
            lambda tx: tx.all(sql, now=now, destination=destination, limit=limit)
        )
        return [(rule, sequence, attempts, since) for rule, sequence, attempts, since in rows]

    def crowd(self, destination: str) -> list[tuple[int, int, str, int, float]]:
        """(rule, sequence, kind, attempts, since) of all whose time has come, oldest first."""
        sql = """SELECT delivery.rule, sequence, kind, attempts, since
                 FROM delivery JOIN rule ON rule.id = delivery.rule
                 WHERE failed = 0 AND due <= :now AND destination = :destination
                 ORDER BY sequence, delivery.rule LIMIT :limit"""
        now = self._clock.wall()
        rows = self._store.read(
            lambda tx: tx.all(sql, now=now, destination=destination, limit=_CROWD)
        )
        return [(rule, number, kind, tries, since) for rule, number, kind, tries, since in rows]

    def close_crowd(self, told: Iterable[tuple[int, int]]) -> None:
        """Of these (rule, sequence) people were told in a summary."""

        def work(tx: Transaction) -> None:
            for rule, sequence in told:
                tx.run("DELETE FROM delivery WHERE rule = :r AND sequence = :s", r=rule, s=sequence)
                tx.run("UPDATE rule SET summed = summed + 1 WHERE id = :r", r=rule)

        self._store.write(work)

    def begin_again(self) -> None:
        """What waits has the whole time before it is given up, counted from now."""
        sql = "UPDATE delivery SET since = :now WHERE failed = 0"
        now = self._clock.wall()
        if self._store.exists:
            self._store.write(lambda tx: tx.run(sql, now=now))

    def close_delivery(self, rule: int, sequence: int, *, sent: bool) -> None:
        def work(tx: Transaction) -> None:
            tx.run(
                "DELETE FROM delivery WHERE rule = :rule AND sequence = :sequence",
                rule=rule,
                sequence=sequence,
            )
            if sent:
                tx.run("UPDATE rule SET sent = sent + 1 WHERE id = :rule", rule=rule)

        self._store.write(work)

    def put_off(self, rule: int, sequence: int, fault: str, *, until: float | None) -> None:
        """Try again at `until`, or never where that is None."""
        self._store.write(
            lambda tx: tx.run(
                """UPDATE delivery SET attempts = attempts + 1, fault = :fault,
                       failed = :failed, due = :due
                   WHERE rule = :rule AND sequence = :sequence""",
                fault=fault,
                failed=int(until is None),
                due=until or 0.0,
                rule=rule,
                sequence=sequence,
            )
        )


_QUEUE = """
    INSERT INTO delivery (rule, sequence, lane, kind, failed, attempts, due, since, fault)
    VALUES (:rule, :sequence, :lane, :kind, 0, 0, :now, :now, '')
    ON CONFLICT (rule, sequence) DO NOTHING"""


_SAME = """SELECT 1 FROM rule
    WHERE kinds = :kinds AND destination = :destination AND account = :account"""


def _those(kinds: Iterable[str]) -> frozenset[str]:
    """All that are meant by `kinds`, as far as Aircall documents them; and what else is named."""
    wanted = list(kinds)
    plain = {kind for kind in wanted if not kind.endswith("*")}
    return frozenset(plain.union(kind for kind in KINDS if matches(kind, wanted)))


def _fewest(kinds: Sequence[str]) -> list[str]:
    """The same kinds, each said once: `call.ended` is nothing beside `call.*`."""
    groups = {kind for kind in kinds if kind.endswith("*")}
    return sorted(
        kind for kind in set(kinds) if not any(matches(kind, [one]) for one in groups - {kind})
    )


def _lane(event: Event) -> str:
    """What keeps its order: one call, else one number, contact or user."""
    about = subject(event.kind, event.kind.partition(".")[0], event.data)
    for name in ("call_id", "number_id", "contact_id", "user_id"):
        if about[name] is not None:
            return f"{name} {about[name]}"
    return "else"
