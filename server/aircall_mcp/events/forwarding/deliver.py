"""Deliver events at least once, those of one call in their order.

What fails is tried again, ever more rarely; what cannot be delivered is listed and kept. While the
brake is pulled all of it waits in the queue, as it is. One process passes on at a time.
"""

from __future__ import annotations

import asyncio
import logging
import random as chance
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import httpx2

from ...accounts import Shelf
from ...errors import AircallMCPError, CredentialError
from ...ground.clients import Clients
from ...ground.clock import Clock
from ...ground.secrets import Scrubber, Secret
from ...storage.lock import Alone, Latch
from ..log import EventLog
from .destinations import Destination, Resolve, address_of, resolved, revealed
from .rules import FIELD, Rules
from .wording import JSON, summary, written

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds that one delivery may take."""
SLOWEST = 300.0
"""Seconds between two tries, at most."""
GIVEN_UP = 24 * 3600.0
"""Seconds after which what still fails is listed as undeliverable."""
AT_ONCE = 8
_HOPELESS = frozenset({400, 401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 422, 431})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a delivery ended. `after` is in seconds, None where trying again is no use."""

    sent: bool
    fault: str = ""
    after: float | None = 0.0


class _Held(Exception):
    """The brake was pulled before a byte left."""


class Forwarder:
    """Delivers what the rules queue, while `run` runs.

    `vault` opens the addresses; `learn` hears of each, so that it is masked by value, too;
    what is passed on passes `scrubber`; `resolve` finds the IP addresses
    of a host; `clients` has the certificates to trust, and its proxy is not used; `transport`
    stands in for the network. Only the holder of `latch` delivers, and nobody while `held()`.
    """

    def __init__(
        self,
        rules: Rules,
        events: EventLog,
        vault: Shelf,
        *,
        learn: Callable[[Secret], None] = lambda _: None,
        scrubber: Scrubber | None = None,
        held: Callable[[], bool] = lambda: False,
        latch: Latch | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] = chance.random,
        resolve: Resolve = resolved,
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
        self._scrubber = scrubber or Scrubber()
        self._held = held
        self._waited = False
        self._latch = latch or Alone()
        self._clock = clock or Clock()
        self._random = random
        self._resolve = resolve
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
                await self._clock.sleep(5.0)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _serve(self, poll: float) -> None:
        while True:
            if not await self.step():
                await self._clock.sleep(poll)

    async def step(self) -> int:
        """Queue what is new and try what is due, once; how much of either there was."""
        moved = await self._events.aside(self._rules.gather)
        if self._held():
            self._waited = True
            return moved
        if self._waited:  # the time in which none could be tried counts against none
            await self._events.aside(self._rules.begin_again)
            self._waited = False
        known = await self._events.aside(self._rules.destinations)
        try:
            return moved + sum(await _all_of(map(self._deliver_to, known)))
        except _Held:
            return moved  # what was about to go stays where it is in the queue, untried

    async def _deliver_to(self, destination: Destination) -> int:
        """The first of each lane, side by side; only one of them while it does not answer."""
        until = self._resting.get(destination.name)
        if until is not None and self._clock.wall() < until:
            return 0
        left = await self._events.aside(lambda: self._rules.pace.left(destination))
        if left < 1:
            return 0
        if destination.form == "slack":
            if left == 1 and await self._sum_up(destination):
                return 1
            left = max(left - 1, 1)  # the last one of a minute is for the summary
        many = min(left, AT_ONCE if until is None else 1)
        due = await self._events.aside(lambda: self._rules.due(destination.name, many))
        if due:
            await self._events.aside(lambda: self._rules.pace.note(destination.name, len(due)))
        await _all_of(self._deliver(destination, *one) for one in due)
        return len(due)

    async def _sum_up(self, destination: Destination) -> bool:
        """Tell people in one message of all that waits, where that is more than one event."""
        crowd = await self._events.aside(lambda: self._rules.crowd(destination.name))
        kinds = {sequence: kind for _, sequence, kind, _, _ in crowd}
        if len(kinds) < 2:
            return False
        await self._events.aside(lambda: self._rules.pace.note(destination.name, 1))
        body = summary(Counter(kinds.values()), min(kinds), max(kinds))
        outcome = await self._post(destination, lambda _: (body, JSON))
        if outcome.sent:
            self._resting.pop(destination.name, None)
            told = [(rule, sequence) for rule, sequence, *_ in crowd]
            await self._events.aside(lambda: self._rules.close_crowd(told))
        else:
            rule, sequence, _, attempts, since = crowd[0]
            await self._put_off(destination, outcome, rule, sequence, attempts, since)
        return True

    async def _deliver(
        self, destination: Destination, rule: int, sequence: int, attempts: int, since: float
    ) -> None:
        event = await self._events.aside(lambda: self._events.get(sequence))
        if event is None:  # erased, or too old
            await self._events.aside(lambda: self._rules.close_delivery(rule, sequence, sent=False))
            return
        scrub = self._scrubber.text
        masked = await self._events.aside(
            lambda: replace(
                event, data=self._scrubber.json(event.data), raw=self._scrubber.text(event.raw)
            )
        )
        outcome = await self._post(
            destination,
            lambda key: written(
                destination, masked, f"{rule}-{sequence}", key, self._clock.wall(), scrub
            ),
        )
        if outcome.sent:
            self._resting.pop(destination.name, None)
            await self._events.aside(lambda: self._rules.close_delivery(rule, sequence, sent=True))
            return
        await self._put_off(destination, outcome, rule, sequence, attempts, since)

    async def _put_off(
        self, destination: Destination, outcome: Outcome,
        rule: int, sequence: int, attempts: int, since: float,
    ) -> None:  # fmt: skip
        until = None
        if outcome.after is not None and self._clock.wall() - since < GIVEN_UP:
            until = self._clock.wall() + max(outcome.after, self._wait(attempts))
            self._resting[destination.name] = until
        await self._events.aside(
            lambda: self._rules.put_off(rule, sequence, outcome.fault, until=until)
        )

    def _wait(self, attempts: int) -> float:
        longest = min(self._slowest, self._first_wait * 2 ** min(attempts, 20))
        return longest * (0.5 + self._random() / 2)

    async def _post(
        self, destination: Destination, write: Callable[[Secret], tuple[bytes, Mapping[str, str]]]
    ) -> Outcome:
        """Post what `write` makes with the key of the destination."""
        record = await self._vault.aside(lambda: self._vault.read(f"to {destination.name}", FIELD))
        if record is None:
            return Outcome(False, "its address is not in the vault", None)
        for secret in record.value.values():
            self._learn(secret)
        try:
            url = revealed(record.value["url"], destination)
            address = await address_of(url, destination, self._resolve)
            body, headers = write(record.value["key"])
            request = self._client_of(destination).build_request(
                "POST",
                httpx2.URL(url).copy_with(host=address),
                content=body,
                headers={**headers, "Host": urlsplit(url).netloc.rpartition("@")[2]},
                extensions={"sni_hostname": destination.host, "trace": self._leaving},
            )
        except CredentialError as error:
            return Outcome(False, error.message, None)
        except OSError as error:
            return Outcome(False, f"no such host ({type(error).__name__})")
        except (ValueError, httpx2.InvalidURL):  # a host that no IDNA can write is a ValueError
            return Outcome(False, "its address cannot be used", None)
        self._unless_held()  # names take their time; a stand-in for the network tells no more
        try:
            async with asyncio.timeout(self._patience):
                response = await self._client_of(destination).send(request, stream=True)
                await response.aclose()
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            return Outcome(False, f"no answer ({type(error).__name__})")
        return _outcome(response.status_code, response.headers)

    async def _leaving(self, event: str, _details: Mapping[str, Any]) -> None:
        """The connection tells what it is about to do: it may have taken long to come about."""
        if event.endswith("send_request_headers.started"):
            self._unless_held()

    def _unless_held(self) -> None:
        if self._held():
            raise _Held

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


def _outcome(status: int, headers: Mapping[str, str]) -> Outcome:
    if 200 <= status < 300:
        return Outcome(True)
    if status in _HOPELESS or 300 <= status < 400:
        return Outcome(False, f"refused with {status}", None)
    try:
        after = min(max(float(headers.get("retry-after", "0")), 0.0), 3600.0)
    except ValueError:
        after = 0.0
    return Outcome(False, f"answered {status}", after if after == after else 0.0)
