"""Webhooks of ours at an Aircall, and processes of ours that may die at any step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from aircall_mcp.accounts import Memory
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.query import Query
from aircall_mcp.events.subscriptions import Subscriptions
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox

from ..harness import App, Clock, gateway_to
from ..mail import log_in, mailbox, told

T = TypeVar("T")
URL = "https://events.example.com"
ELSEWHERE = "https://elsewhere.example/in"


class Killed(BaseException):
    """The process is gone."""


class Countdown:
    """Ends after so many steps: each is a request that was answered, or work done on a file."""

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps

    async def of(self, work: Callable[[], Awaitable[T]]) -> T:
        found = await work()
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise Killed
        return found


class DyingLog(EventLog):
    countdown = Countdown()

    async def aside(self, work: Callable[[], T]) -> T:
        return await self.countdown.of(lambda: super(DyingLog, self).aside(work))


class DyingVault(Memory):
    countdown = Countdown()

    async def aside(self, work: Callable[[], T]) -> T:
        return await self.countdown.of(lambda: super(DyingVault, self).aside(work))


def dying(app: App, countdown: Countdown) -> App:
    async def dies(scope: Any, receive: Any, send: Any) -> None:
        await countdown.of(lambda: app(scope, receive, send))

    return dies


class Deployment:
    """A sandbox that stands for Aircall, and what of a home outlives a process."""

    def __init__(self, home: Path, sandbox: Sandbox, registry: Registry, clock: Clock) -> None:
        self.home, self.sandbox, self.registry, self.clock = home, sandbox, registry, clock
        self.vault = DyingVault()
        self.app: App = sandbox
        self._names = iter(f"w{number}" for number in range(1, 100))
        self._open: list[tuple[Gateway, EventLog]] = []
        log_in(home, clock).webhooks.shut("front-door")

    def process(self, countdown: Countdown | None = None) -> Subscriptions:
        """A process of ours that begins now."""
        countdown = countdown or Countdown()
        self.log = log_in(self.home, self.clock)
        self.log.webhooks.shut("front-door")
        self.log.__class__ = DyingLog
        assert isinstance(self.log, DyingLog)
        self.log.countdown = self.vault.countdown = countdown
        gateway = gateway_to(dying(self.app, countdown), allowed=frozenset({"read"}))
        self._open.append((gateway, self.log))
        return self.subscriptions(gateway, name=lambda: next(self._names))

    def subscriptions(self, gateway: Gateway, **choices: Any) -> Subscriptions:
        """Ours, of the process that began last, and asked for by way of `gateway`."""
        choices.setdefault("clock", self.clock.handed())
        choices.setdefault("name", lambda: "new")
        return Subscriptions(
            self.log, self.vault, gateway, self.registry.ids, mailbox=lambda: mailbox().public,
            **choices,
        )  # fmt: skip

    async def aclose(self) -> None:
        for gateway, log in self._open:
            await gateway.aclose()
            log.close()

    def standing(self) -> list[Any]:
        """Ours, at Aircall."""
        return [one for one in self.sandbox.world.webhooks.values() if one.name == "aircall-mcp"]

    def tell(self, webhook: str, *identities: int) -> list[bool | None]:
        """As the receiver takes it in; for each whether it was new."""
        families = {one.name: one.family for one in self.log.webhooks.active()}
        return list(
            self.log.append([
                replace(told("call.ended", one, webhook=webhook), family=families.get(webhook, ""))
                for one in identities
            ])
        )  # fmt: skip

    def trusted(self) -> dict[int, bool]:
        return {event.data["id"]: event.trusted for event in self.log.read(Query())}


def made(deployment: Deployment) -> int:
    return sum(one.operation == "create_webhook" for one in deployment.sandbox.arrivals)
