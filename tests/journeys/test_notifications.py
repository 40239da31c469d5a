"""Word of what changes, to several clients of one server: in memory and over HTTP, both eras."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from mcp import Client
from mcp.client.subscriptions import ResourceUpdated
from mcp_types import (
    EmptyResult,
    SubscribeRequest,
    SubscribeRequestParams,
    UnsubscribeRequest,
    UnsubscribeRequestParams,
)

from aircall_mcp.events.event import Arrival
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.resources import Resources
from aircall_mcp.events.tools import EventTools
from aircall_mcp.ground import asgi as hosting
from aircall_mcp.protocol.http import mcp_app
from aircall_mcp.protocol.mcp_server import AircallServer

from ..harness import Clock, Harness, gateway_to
from ..mail import call, log_in
from ..waiting import PATIENCE

pytestmark = pytest.mark.anyio

EVENTS = "aircall://events"
Reach: TypeAlias = Callable[..., Client]


class Served:
    """A server with a log, and the way its clients reach it."""

    def __init__(self, log: EventLog, reach: Any) -> None:
        self.log = log
        self.reach = reach

    def tell(self, *events: Arrival) -> None:
        self.log.append(events)


class LegacyClient:
    """A client of the legacy era, and what it was told of."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.client: Client | None = None

    async def __call__(self, message: Any) -> None:
        if getattr(message, "method", "") == "notifications/resources/updated":
            self.heard.put_nowait(str(message.params.uri))

    async def subscribe(self, uri: str) -> None:
        assert self.client
        asked = SubscribeRequest(params=SubscribeRequestParams(uri=uri))
        await self.client.session.send_request(asked, EmptyResult)

    async def unsubscribe(self, uri: str) -> None:
        assert self.client
        asked = UnsubscribeRequest(params=UnsubscribeRequestParams(uri=uri))
        await self.client.session.send_request(asked, EmptyResult)

    async def next(self) -> str:
        return await asyncio.wait_for(self.heard.get(), PATIENCE)


@pytest.fixture(params=["in memory", "over HTTP"])
async def served(
    request: pytest.FixtureRequest, home: Path, harness: Harness, clock: Clock
) -> AsyncGenerator[Served]:
    log, gateway = log_in(home, clock), gateway_to(harness.sandbox)

    def no_rules() -> Any:
        raise AssertionError("nobody passes anything on here")

    operations = harness.desk.registry.ids
    tools = EventTools(log, gateway, operations, no_rules, clock=clock.handed())
    news = Resources(tools, log, gateway, operations)
    server = AircallServer(harness.desk, news=lambda: news)
    async with AsyncExitStack() as stack:
        where: Any = server
        if request.param == "over HTTP":
            where = await stack.enter_async_context(at_a_port(server))
        yield Served(log, where)
    await gateway.aclose()
    log.close()


@asynccontextmanager
async def at_a_port(server: AircallServer) -> AsyncGenerator[str]:
    listening = hosting.listen("127.0.0.1", 0)
    port: int = listening.getsockname()[1]
    app = mcp_app(server, "127.0.0.1", port, key=None)
    serving = asyncio.create_task(hosting.serve(app, listening))
    yield f"http://127.0.0.1:{port}/mcp"
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


@asynccontextmanager
async def legacy(served: Served) -> AsyncGenerator[LegacyClient]:
    listener = LegacyClient()
    async with Client(served.reach, mode="legacy", message_handler=listener) as client:
        listener.client = client
        yield listener


async def test_of_two_clients_on_one_resource_both_hear(served: Served) -> None:
    async with legacy(served) as one, legacy(served) as other:
        for listener in (one, other):
            await listener.subscribe(EVENTS)
        served.tell(call("created", 1))
        assert [await one.next(), await other.next()] == [EVENTS, EVENTS]
        await one.unsubscribe(EVENTS)  # which is no matter to the other one
        served.tell(call("ended", 1))
        assert await other.next() == EVENTS
        assert one.heard.empty()


async def test_one_client_hears_of_several_resources_and_only_of_those(served: Served) -> None:
    async with legacy(served) as one, legacy(served) as other:
        for uri in ("aircall://calls/1", "aircall://calls/2"):
            await one.subscribe(uri)
        await other.subscribe("aircall://calls/3")
        served.tell(call("ended", 1), call("ended", 2), call("ended", 3))
        assert [await one.next(), await one.next()] == ["aircall://calls/1", "aircall://calls/2"]
        assert await other.next() == "aircall://calls/3"
        assert one.heard.empty()
        assert other.heard.empty()


async def test_one_that_left_does_not_keep_the_other_from_hearing(served: Served) -> None:
    async with legacy(served) as stays:
        async with legacy(served) as leaves:
            await leaves.subscribe(EVENTS)
            await stays.subscribe(EVENTS)
            served.tell(call("created", 1))
            assert [await leaves.next(), await stays.next()] == [EVENTS, EVENTS]
        for number in (2, 3):
            served.tell(call("created", number))
            assert await stays.next() == EVENTS


async def test_two_of_the_modern_era_both_hear_and_one_of_the_other_era_too(served: Served) -> None:
    async with (
        Client(served.reach, mode="2026-07-28") as one,
        Client(served.reach, mode="2026-07-28") as other,
        legacy(served) as third,
        one.listen(resource_subscriptions=[EVENTS]) as first,
        other.listen(resource_subscriptions=[EVENTS, "aircall://calls/1"]) as second,
    ):
        await third.subscribe(EVENTS)
        heard_first, heard_second = aiter(first), aiter(second)
        for number in (1, 2):
            served.tell(call("created", number))
            async with asyncio.timeout(PATIENCE):
                changes = [await anext(heard_first), await anext(heard_second)]
                if number == 1:
                    changes.append(await anext(heard_second))
            assert all(isinstance(change, ResourceUpdated) for change in changes)
            told = [str(getattr(change, "uri", "")) for change in changes]
            assert told == [EVENTS, EVENTS, *(["aircall://calls/1"] if number == 1 else [])]
            assert await third.next() == EVENTS


class Slow(EventLog):
    """A log that is looked at when the test says so."""

    def hold(self) -> None:
        self.gate = threading.Event()

    def latest(self) -> int:
        self.gate.wait(PATIENCE)
        return super().latest()


async def test_whoever_was_told_that_they_are_subscribed_misses_nothing(served: Served) -> None:
    """What happens right after the answer is news already, however long the first look takes."""
    served.log.__class__ = Slow
    assert isinstance(served.log, Slow)
    served.log.hold()
    async with legacy(served) as listener:
        asking = asyncio.create_task(listener.subscribe(EVENTS))
        done, _ = await asyncio.wait([asking], timeout=0.3)
        assert not done
        served.log.gate.set()
        await asking
        served.tell(call("created", 1))
        assert await listener.next() == EVENTS
