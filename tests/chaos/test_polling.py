"""A day of calls without a webhook, with one, and without it again: each told once, and gently."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from aircall_mcp.events.poller import Poller
from aircall_mcp.events.query import Query
from aircall_mcp.events.receiver import PREFIX, Receiver, webhook_for
from aircall_mcp.events.steps import POLLED
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import payloads
from aircall_mcp.sandbox.entities import Call

from ..harness import THURSDAY, Clock, gateway_to, sandbox_with
from ..mail import log_in, mailbox

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800)]

ACCOUNT, WEBHOOK, TOKEN = "tests", "front", "a-token-of-the-front-webhook"
HOUR = 3600.0


class Day:
    """Calls as they come in, on a clock that moves when somebody waits; a webhook that tells of
    them while it is `up`."""

    def __init__(self, home: Path, registry: Registry, calls: int, hours: float) -> None:
        self.clock = Clock(THURSDAY)
        self.end = THURSDAY + hours * HOUR
        self.sandbox = sandbox_with(
            clock=self.clock, requests_per_minute=None, faults={"http-503": 0.02}
        )
        self.world = self.sandbox.world
        self.log = log_in(home, self.clock)
        self.log.webhooks.shut("front-door")
        self.registry, self.home = registry, home
        self.gateway = gateway_to(self.sandbox, clock=self.clock.handed(self.wait))
        self.coming = self._invented(calls)
        self.all = list(self.coming)
        self.told: set[tuple[int, str]] = set()
        self.up = False
        self.client: httpx2.AsyncClient | None = None
        self.poller = self.another()

    def another(self) -> Poller:
        """As a process that begins now."""
        return Poller(
            ACCOUNT, self.gateway, self.registry.ids, self.log,
            install=lambda: self.log.install(mailbox().public),
            clock=self.clock.handed(self.wait),
        )  # fmt: skip

    def _invented(self, many: int) -> list[Call]:
        chance = random.Random(15)
        number, user = next(iter(self.world.numbers.values())), next(iter(self.world.users))
        span = self.end - THURSDAY
        starts = sorted(THURSDAY + 60 + chance.random() * (span - 1_800) for _ in range(many))
        calls: list[Call] = []
        for at in map(int, starts):
            taken = chance.random() < 0.6
            talk = chance.choice([5, 40, 180, 900, 5_400])
            call = Call(
                id=self.world.next_id("call"),
                direction="inbound" if chance.random() < 0.7 else "outbound",
                number=number.id, user=user, digits="+33199001234", started=at,
                answered=at + 6 if taken else None,
                ended=min(at + 6 + talk if taken else at + 20, int(self.end) - 400), fresh=True,
            )  # fmt: skip
            if call.direction == "inbound" and not taken:
                call.user, call.missed = None, "agents_did_not_answer"
                call.voicemail = chance.random() < 0.5
            calls.append(call)
        return calls

    async def wait(self, seconds: float) -> None:
        """Time goes by, and what it brings happens in its order."""
        until = self.clock.now + seconds
        while True:
            soon = self.coming[0].started if self.coming else until + 1
            self.clock.now = min(soon, until)
            while self.coming and self.coming[0].started <= self.clock.now:
                self.world.add_call(self.coming.pop(0))
            if self.up:
                await self._tell()
            if self.clock.now >= until:
                return

    async def _tell(self) -> None:
        """What Aircall posts, as far as it happened since the webhook stands."""
        assert self.client is not None
        self.log.note_listening(self.began)
        since = self.clock.now - 3 * HOUR
        for call in self.world.calls[bisect_right(self.world.calls, since, key=_start) :]:
            for at, kind in payloads.course(self.world, call):
                if self.began < at <= self.clock.now and (call.id, kind) not in self.told:
                    self.told.add((call.id, kind))
                    data = payloads.call(self.world, call, self.clock.now)
                    body = {"event": kind, "resource": "call", "timestamp": int(at),
                            "token": TOKEN, "data": data}  # fmt: skip
                    there = f"{PREFIX}{WEBHOOK}"
                    assert (await self.client.post(there, json=body)).status_code == 200

    @asynccontextmanager
    async def webhook(self) -> AsyncGenerator[None]:
        """Stands, and somebody listens, while it is entered."""
        self.began = self.clock.now
        self.log.webhooks.open(
            webhook_for(
                WEBHOOK, TOKEN.encode(), account=ACCOUNT, aircall_id="u", kinds=(),
                now=self.began, url=f"https://events.example.com{PREFIX}{WEBHOOK}",
            )
        )  # fmt: skip
        async with AsyncExitStack() as opened:
            receiver = await opened.enter_async_context(
                Receiver(self.log, clock=self.clock.handed())
            )
            self.client = await opened.enter_async_context(
                httpx2.AsyncClient(
                    transport=httpx2.ASGITransport(app=receiver), base_url="http://events"
                )
            )
            self.up = True
            yield
            self.up = False
        self.log.webhooks.shut(WEBHOOK)

    async def until(self, at: float) -> None:
        """Poll until so many hours of the day have passed."""
        while self.clock.now < THURSDAY + at * HOUR:
            await self.wait(await self.poller.step())

    def expected(self) -> set[tuple[int, str]]:
        return {
            (call.id, kind) for call in self.all for _, kind in payloads.course(self.world, call)
            if kind in POLLED
        }  # fmt: skip

    def came(self) -> Counter[tuple[int, str]]:
        events = self.log.read(Query(after=0, limit=1_000_000))
        ours = {call.id for call in self.all}
        told = ((int(one.data["id"]), one.kind) for one in events if one.kind in POLLED)
        return Counter(one for one in told if one[0] in ours)

    def busiest(self) -> int:
        """The most requests that arrived within any 60 seconds."""
        times = [one.time for one in self.sandbox.arrivals]
        return max(bisect_right(times, at + 59.999) - n for n, at in enumerate(times))


def _start(call: Call) -> float:
    return call.started


async def test_a_day_of_calls_is_told_once_with_and_without_a_webhook(
    home: Path, registry: Registry, full: bool
) -> None:
    day = Day(home, registry, *((500, 24.0) if full else (40, 2.4)))
    hour = day.end - THURSDAY
    hour /= 24 * HOUR  # of the short day, a twenty-fourth
    await day.until(6 * hour)
    asked = len(day.sandbox.arrivals)
    assert asked > 10
    async with day.webhook():
        await day.until(8 * hour)
        handed_over = len(day.sandbox.arrivals)
        await day.until(12 * hour)
        assert len(day.sandbox.arrivals) - handed_over <= 20  # it hears, and asks no more
        assert not day.log.polled.alive(ACCOUNT, day.clock.now)
    await day.until(14 * hour)
    assert day.log.polled.alive(ACCOUNT, day.clock.now)
    day.poller = day.another()  # killed, and another goes on
    await day.until(16 * hour)
    await day.wait(hour * HOUR)  # nobody looks for an hour
    day.poller = day.another()
    async with day.webhook():
        await day.until(20 * hour)
    await day.until(24 * hour)
    came, expected = day.came(), day.expected()
    await day.gateway.aclose()
    print(
        f"polling: {len(day.all)} calls, {len(expected)} events, {len(day.sandbox.arrivals)}"
        f" requests, at most {day.busiest()} a minute; lost {len(expected - came.keys())},"
        f" doubled {sum(n > 1 for n in came.values())}, made up {len(came.keys() - expected)}"
    )
    assert expected - came.keys() == set()
    assert [one for one, many in came.items() if many > 1] == []
    assert came.keys() - expected == set()
    assert day.busiest() <= 6
    assert len(day.sandbox.arrivals) > 100
    assert [one.mark for one in day.log.read(Query(limit=500)) if one.mark] == []
