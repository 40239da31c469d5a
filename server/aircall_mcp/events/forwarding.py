"""Pass events on: rules that the owner keeps, destinations that have names.

The URL of a destination is a secret of the vault; everybody else, and a model first of all, knows
its name. Each event goes out at least once, the events of one call in their order: what fails is
tried again, ever more rarely, and what cannot be delivered is listed and kept. One process passes
on at a time.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import os
import random as chance
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit

import httpx2

from ..accounts.accounts import Shelf
from ..errors import AircallMCPError, ArgumentError, CredentialError
from ..ground.addresses import is_public
from ..ground.clients import Clients
from ..ground.nearest import nearest
from ..ground.secrets import LOOPBACK, Secret, inside, reveal
from ..ground.times import iso
from ..storage.lock import Alone, Latch
from ..storage.store import Migration, Store, Transaction
from .event import Event
from .log import EventLog
from .numbers import subject
from .query import Query

log = logging.getLogger(__name__)

T = TypeVar("T")
Json = dict[str, Any]
Form: TypeAlias = Literal["slack", "https"]

MIGRATIONS: tuple[Migration, ...] = (
    (
        """CREATE TABLE destination (
            name TEXT PRIMARY KEY, form TEXT NOT NULL, host TEXT NOT NULL,
            private INTEGER NOT NULL)""",
        """CREATE TABLE rule (
            id INTEGER PRIMARY KEY, kinds TEXT NOT NULL, destination TEXT NOT NULL,
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

PATIENCE = 10.0
"""Seconds that one delivery may take."""
SLOWEST = 300.0
"""Seconds between two tries, at most."""
GIVEN_UP = 24 * 3600.0
"""Seconds after which what still fails is listed as undeliverable."""
AT_ONCE = 8
_BATCH = 200
_FIELD = "destination"
_NAME = re.compile(r"(slack|https):[a-z0-9][a-z0-9_-]{0,39}")
_HOPELESS = frozenset({400, 401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 422, 431})


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go, without the address. `host` may be private only where `private`."""

    name: str
    form: Form
    host: str
    private: bool = False


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


class Rules:
    """The rules and destinations. The plain methods may wait for a disk or a keyring."""

    def __init__(
        self, store: Store, events: EventLog, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._events = events
        self._clock = clock

    async def aside(self, work: Callable[[], Any]) -> Any:
        return await self._store.aside(work)

    def close(self) -> None:
        self._store.close()

    def destinations(self) -> list[Destination]:
        if not self._store.exists:
            return []
        sql = "SELECT name, form, host, private FROM destination ORDER BY name"
        rows = self._store.read(lambda tx: tx.all(sql))
        return [Destination(name, form, host, bool(private)) for name, form, host, private in rows]

    def name_destination(
        self, name: str, url: Secret, vault: Shelf, *, private: bool = False
    ) -> str | None:
        """Keep `url` under `name` (`slack:support`, `https:crm`). Gives the key that signs what
        goes to an https destination, as text to be shown this once. Raises `ArgumentError`.
        """
        if not _NAME.fullmatch(name):
            raise ArgumentError(
                f"`{name[:60]}` is no name of a destination.",
                hint="Write slack:NAME or https:NAME, in small letters and digits.",
            )
        form = cast("Form", name.partition(":")[0])
        host = inside(url, _host)
        key = base64.urlsafe_b64encode(os.urandom(32)).decode()
        vault.write(f"to {name}", _FIELD, {"url": url, "key": Secret(key)})
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
        found = self.find(destination)
        wanted = json.dumps(sorted(set(kinds)))
        reached, now = self._events.latest(), self._clock()
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
        now = self._clock()
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
        newest, queued, now = self._events.latest(), 0, self._clock()
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
        now = self._clock()
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


@dataclass(frozen=True, slots=True)
class Fate:
    """How a delivery ended. `after` is in seconds, None where trying again is no use."""

    sent: bool
    fault: str = ""
    after: float | None = 0.0


class Forwarder:
    """Delivers what the rules queue, while `run` runs.

    `vault` opens the addresses; `learn` hears of each, so that it is masked by value, too;
    `resolve` finds the IP addresses of a host; `clients` has the certificates to trust, and its
    proxy is not used; `transport` stands in for the network. Only the holder of `latch` delivers.
    """

    def __init__(
        self,
        rules: Rules,
        events: EventLog,
        vault: Shelf,
        *,
        learn: Callable[[Secret], None] = lambda _: None,
        latch: Latch | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = chance.random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        resolve: Callable[[str, int], Awaitable[Sequence[str]]] | None = None,
        clients: Clients | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        patience: float = PATIENCE,
        first_wait: float = 1.0,
        slowest: float = SLOWEST,
    ) -> None:
        self._rules = rules
        self._events = events
        self._vault = vault
        self._learn = learn
        self._latch = latch or Alone()
        self._clock = clock
        self._random = random
        self._pause = pause
        self._resolve = resolve or resolved
        self._factory = clients or Clients()
        self._transport = transport
        self._patience = patience
        self._first_wait = first_wait
        self._slowest = slowest
        self._clients: dict[str, httpx2.AsyncClient] = {}
        self._resting: dict[str, float] = {}

    async def run(self, *, poll: float = 0.1) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                try:
                    if self._latch.take():
                        try:
                            await self._serve(poll)
                        finally:
                            self._latch.release()
                except AircallMCPError as error:
                    log.warning("passing on: %s", error.message)
                except Exception as error:
                    log.error("passing on: %s", type(error).__name__)  # noqa: TRY400 - a traceback would hold addresses
                await self._pause(5.0)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _serve(self, poll: float) -> None:
        while True:
            if not await self.step():
                await self._pause(poll)

    async def step(self) -> int:
        """Queue what is new and try what is due, once; how much of either there was."""
        moved = await self._events.aside(self._rules.gather)
        known = await self._events.aside(self._rules.destinations)
        return moved + sum(await _all_of(map(self._deliver_to, known)))

    async def _deliver_to(self, destination: Destination) -> int:
        """The first of each lane, side by side; only one of them while it does not answer."""
        until = self._resting.get(destination.name)
        if until is not None and self._clock() < until:
            return 0
        many = AT_ONCE if until is None else 1
        due = await self._events.aside(lambda: self._rules.due(destination.name, many))
        await _all_of(self._deliver(destination, *one) for one in due)
        return len(due)

    async def _deliver(
        self, destination: Destination, rule: int, sequence: int, attempts: int, since: float
    ) -> None:
        event = await self._events.aside(lambda: self._events.get(sequence))
        if event is None:  # erased, or too old
            await self._events.aside(lambda: self._rules.close_delivery(rule, sequence, sent=False))
            return
        fate = await self._post(destination, event, f"{rule}-{sequence}")
        if fate.sent:
            self._resting.pop(destination.name, None)
            await self._events.aside(lambda: self._rules.close_delivery(rule, sequence, sent=True))
            return
        until = None
        if fate.after is not None and self._clock() - since < GIVEN_UP:
            until = self._clock() + max(fate.after, self._wait(attempts))
            self._resting[destination.name] = until
        await self._events.aside(
            lambda: self._rules.put_off(rule, sequence, fate.fault, until=until)
        )

    def _wait(self, attempts: int) -> float:
        longest = min(self._slowest, self._first_wait * 2 ** min(attempts, 20))
        return longest * (0.5 + self._random() / 2)

    async def _post(self, destination: Destination, event: Event, delivery: str) -> Fate:
        record = await self._vault.aside(lambda: self._vault.read(f"to {destination.name}", _FIELD))
        if record is None:
            return Fate(False, "its address is not in the vault", None)
        for secret in record.value.values():
            self._learn(secret)
        try:
            url = _revealed(record.value["url"], destination)
            address = await self._address(url, destination)
            key = record.value["key"]
            body, headers = _written(destination, event, delivery, key, self._clock())
            request = self._client_of(destination).build_request(
                "POST",
                httpx2.URL(url).copy_with(host=address),
                content=body,
                headers={**headers, "Host": urlsplit(url).netloc.rpartition("@")[2]},
                extensions={"sni_hostname": destination.host},
            )
        except CredentialError as error:
            return Fate(False, error.message, None)
        except OSError as error:
            return Fate(False, f"no such host ({type(error).__name__})")
        except (ValueError, httpx2.InvalidURL):  # a host that no IDNA can write is a ValueError
            return Fate(False, "its address cannot be used", None)
        try:
            async with asyncio.timeout(self._patience):
                response = await self._client_of(destination).send(request, stream=True)
                await response.aclose()
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            return Fate(False, f"no answer ({type(error).__name__})")
        return _fate(response.status_code, response.headers)

    async def _address(self, url: str, destination: Destination) -> str:
        """The one IP address to connect to. Raises `CredentialError` for one that is not public."""
        there = urlsplit(url)
        found = await self._resolve(destination.host, there.port or 443)
        if not found:
            raise OSError
        if not destination.private:
            for address in found:
                if not is_public(address):
                    raise CredentialError(
                        f"{destination.name} leads to an address that is not public.",
                        hint="If that is meant, add it again with --allow-private.",
                    )
        return found[0]

    def _client_of(self, destination: Destination) -> httpx2.AsyncClient:
        """One client for each: a connection that was verified for one host serves no other."""
        if destination.name not in self._clients:
            # Direct: the address that was found to be public is the one that is connected to.
            self._clients[destination.name] = self._factory.client(
                direct=True,
                transport=self._transport,
                timeout=httpx2.Timeout(self._patience, connect=5),
            )
        return self._clients[destination.name]


async def _all_of(work: Iterable[Awaitable[T]]) -> list[T]:
    """All of it to its end, whatever becomes of the rest; then the first fault there was."""
    ends = await asyncio.gather(*work, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return cast("list[T]", ends)


async def resolved(host: str, port: int) -> list[str]:
    """The IP addresses of `host`, IPv4 first. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ordered = sorted(found, key=lambda one: one[0] != socket.AF_INET)
    return list(dict.fromkeys(str(one[4][0]) for one in ordered))


def _host(url: bytes) -> str:
    try:
        text = url.decode()
        there = urlsplit(text)
        host, _ = there.hostname or "", there.port
        usable = bool(host) and host.encode("idna").decode() == host
        usable &= bool(httpx2.URL(text).host) and not (there.username or there.password)
        usable &= there.scheme == "https" or (there.scheme == "http" and host in LOOPBACK)
    except (ValueError, httpx2.InvalidURL):
        host, usable = "", False
    if not usable:
        raise ArgumentError(
            "The address of a destination must be an https URL.",
            hint="http is allowed on the loopback address only, and no user name in it.",
        )
    return host


def _revealed(url: Secret, destination: Destination) -> str:
    scheme = inside(url, lambda raw: raw.partition(b":")[0].decode())
    place = f"[{destination.host}]" if ":" in destination.host else destination.host
    text = reveal(url, "deliver an event", f"{scheme}://{place}/", host=destination.host)
    if urlsplit(text).hostname != destination.host:
        raise CredentialError(f"The address of {destination.name} was changed.")
    return text


def _written(
    destination: Destination, event: Event, delivery: str, key: Secret, now: float
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a delivery."""
    headers = {"Content-Type": "application/json"}
    if destination.form == "slack":
        return json.dumps({"text": told(event)}).encode(), headers
    body = json.dumps(
        {
            "event": event.kind,
            "timestamp": event.built,
            "sequence": event.sequence,
            **event.mark,
            "data": event.data,
        },
        separators=(",", ":"),
    ).encode()
    stamp = str(int(now))
    headers["X-Aircall-MCP-Delivery"] = delivery
    headers["X-Aircall-MCP-Timestamp"] = stamp
    headers["X-Aircall-MCP-Signature"] = "v1=" + signature(key, stamp, body)
    return body, headers


def signature(key: Secret, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `stamp.body`, in hex."""
    return inside(
        key, lambda raw: hmac.new(raw, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    )


def _fate(status: int, headers: Mapping[str, str]) -> Fate:
    if 200 <= status < 300:
        return Fate(True)
    if status in _HOPELESS or 300 <= status < 400:
        return Fate(False, f"refused with {status}", None)
    try:
        after = min(max(float(headers.get("retry-after", "0")), 0.0), 3600.0)
    except ValueError:
        after = 0.0
    return Fate(False, f"answered {status}", after if after == after else 0.0)


def _lane(event: Event) -> str:
    """What keeps its order: one call, else one line, contact or user."""
    about = subject(event.kind, event.kind.partition(".")[0], event.data)
    for name in ("call_id", "number_id", "contact_id", "user_id"):
        if about[name] is not None:
            return f"{name} {about[name]}"
    return "else"


def told(event: Event) -> str:
    """An event in a line for people, in Slack's markup: nothing in it can mention or link."""
    data = event.data
    who = _named(data.get("contact")) or str(data.get("raw_digits") or "")
    line = _named(data.get("number"))
    words = data.get("body") or data.get("content")
    parts = [f"*{event.kind}*"] if event.trusted else [f"*{event.kind}*", "(not to be trusted)"]
    if who:
        parts.append(f"{'from' if 'received' in event.kind else 'with'} {_plain(who)}")
    if line:
        parts.append(f"on {_plain(line)}")
    if user := _named(data.get("user")):
        parts.append(f"({_plain(user)})")
    parts.append(iso(event.built or event.received))
    text = " ".join(parts)
    if isinstance(words, str) and words.strip():
        quoted = _plain(words[:2000]).replace("\n", "\n> ")
        text += f"\n> {quoted}"
    return text


def _named(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    fields = cast("Mapping[str, Any]", value)
    whole = " ".join(str(fields[key]) for key in ("first_name", "last_name") if fields.get(key))
    return str(fields.get("name") or whole or fields.get("company_name") or "")


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
