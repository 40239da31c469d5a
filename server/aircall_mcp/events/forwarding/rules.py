"""The rules that the owner keeps: which events go where, what waits, and what was given up."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ...accounts import Shelf
from ...errors import ArgumentError
from ...ground.clock import Clock
from ...ground.nearest import nearest
from ...ground.secrets import Secret, inside
from ...storage.store import NUMBERED, Migration, Store, Transaction
from ..event import Event
from ..log import EventLog
from ..numbers import subject
from ..query import Query
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
)

FIELD = "destination"
"""The field of the vault that holds an address."""
_BATCH = 200
_NAME = re.compile(r"(slack|https):[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Rule:
    """Pass `kinds` on to `destination`. `waiting` and `failed` count events; `fault` is the last.

    `maker` is who made it: the owner, or a model.
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
            f"`{name[:60]}` is no name of a destination.",
            hint="Write slack:NAME or https:NAME, in small letters and digits.",
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
            f"There is no destination `{name[:60]}`.",
            hint=f"{nearest(plain, names)} {listed}".strip()
            or "The owner names one first: aircall-mcp forward add --kinds message.received"
            " --to slack:support",
        )

    def add(self, kinds: Sequence[str], destination: str, *, maker: str = "owner") -> Rule:
        """Pass on what comes in from now on. The same rule twice is one rule."""
        self._events.check_kinds(kinds)
        found = self.find(destination)
        wanted = json.dumps(sorted(set(kinds)))
        reached, now = self._events.latest(), self._clock.wall()
        self._store.write(
            lambda tx: tx.run(
                """INSERT INTO rule (kinds, destination, reached, sent, maker, made)
                   VALUES (:kinds, :destination, :reached, 0, :maker, :made)
                   ON CONFLICT DO NOTHING""",
                kinds=wanted,
                destination=found.name,
                reached=reached,
                maker=maker,
                made=now,
            )
        )
        return next(
            rule
            for rule in self.status()
            if rule.destination == found.name and json.dumps(rule.kinds) == wanted
        )

    def status(self) -> list[Rule]:
        """Every rule with how it is going."""
        if not self._store.exists:
            return []
        sql = """SELECT rule.id, kinds, destination, sent, maker,
                     COALESCE(SUM(1 - failed), 0), COALESCE(SUM(failed), 0),
                     MIN(CASE WHEN failed = 0 THEN since END), MAX(fault)
                 FROM rule LEFT JOIN delivery ON delivery.rule = rule.id
                 GROUP BY rule.id, kinds, destination, sent, maker ORDER BY rule.id"""
        return [
            Rule(i, tuple(json.loads(kinds)), to, sent, maker, waiting, failed, oldest, fault or "")
            for i, kinds, to, sent, maker, waiting, failed, oldest, fault in self._store.read(
                lambda tx: tx.all(sql)
            )
        ]

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
        sql = "SELECT id, kinds, reached FROM rule WHERE reached < :newest"
        if not self._store.exists:
            return 0
        for rule, kinds, reached in self._store.read(lambda tx: tx.all(sql, newest=newest)):
            query = Query(kinds=json.loads(kinds), after=reached, before=newest + 1, limit=_BATCH)
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


def _lane(event: Event) -> str:
    """What keeps its order: one call, else one number, contact or user."""
    about = subject(event.kind, event.kind.partition(".")[0], event.data)
    for name in ("call_id", "number_id", "contact_id", "user_id"):
        if about[name] is not None:
            return f"{name} {about[name]}"
    return "else"
