"""Everything that passes events on, over one log and on one clock, and who is at the other end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import httpx2

from aircall_mcp.accounts import Memory
from aircall_mcp.events.forwarding import Forwarder, Rules
from aircall_mcp.events.forwarding import rules as forwarding
from aircall_mcp.events.log import EventLog
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.storage.sqlite import Database

from .harness import Clock
from .mail import log_in

SLACK = "https://hooks.slack.example/services/T0/B0/secret-path"

Answers: TypeAlias = Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]


class Receiver:
    """What stands at the other end: takes, or says what it is told to say."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.got: list[httpx2.Request] = []
        self.tried = 0
        self.refuses: set[str] = set()
        self._taken = asyncio.Condition()

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.tried += 1
        if self.status == 0:
            raise httpx2.ConnectError("down")
        if self.status != 200 or any(word in request.content.decode() for word in self.refuses):
            return httpx2.Response(self.status if self.status != 200 else 400, headers=self.headers)
        async with self._taken:
            self.got.append(request)
            self._taken.notify_all()
        return httpx2.Response(200)

    async def arrived(self, many: int) -> None:
        async with asyncio.timeout(5), self._taken:
            await self._taken.wait_for(lambda: len(self.got) >= many)

    def sequences(self) -> list[int]:
        return [json.loads(request.content)["sequence"] for request in self.got]


class Forwarding:
    """Rules and a forwarder over one log, everything on one clock."""

    def __init__(self, home: Path, *, addresses: Sequence[str] = ("8.8.8.8",)) -> None:
        self.clock = Clock()
        self.log: EventLog = log_in(home, self.clock)
        self.vault = Memory()
        self.store = Database(home / "forwarding.db", forwarding.MIGRATIONS, durability="vault")
        self.rules = Rules(self.store, self.log, clock=self.clock.handed())
        self.receiver = Receiver()
        self.addresses = list(addresses)
        self.asked: list[str] = []
        self.forwarder = self.another()

    def another(
        self,
        there: Answers | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        **more: Any,
    ) -> Forwarder:
        async def resolve(host: str, port: int) -> list[str]:
            self.asked.append(f"{host}:{port}")
            return self.addresses

        more.setdefault("resolve", resolve)
        return Forwarder(
            self.rules,
            self.log,
            self.vault,
            clock=self.clock.handed(sleep),
            random=lambda: 1.0,
            transport=httpx2.MockTransport(there or self.receiver),
            **more,
        )

    def destination(self, name: str = "https:crm", url: str = "https://crm.example.com/in?a=1",
                    **more: Any) -> str | None:  # fmt: skip
        return self.rules.name_destination(name, Secret(url), self.vault, **more)

    def passes_all_on(self) -> None:
        """One destination, and a rule by which every event goes there."""
        self.destination()
        self.rules.add(["*"], "crm")

    async def settle(self, rounds: int = 100) -> None:
        for _ in range(rounds):
            if not await self.forwarder.step():
                return


def shown(request: httpx2.Request) -> str:
    """What people see of what came to a Slack-shaped destination, where it is nothing but blocks
    of plain text."""
    said = json.loads(request.content)
    assert {block["type"] for block in said["blocks"]} == {"section"}
    assert {block["text"]["type"] for block in said["blocks"]} == {"plain_text"}
    assert {block["text"]["emoji"] for block in said["blocks"]} == {False}
    assert (said["mrkdwn"], said["unfurl_links"], said["unfurl_media"]) == (False, False, False)
    assert all(len(block["text"]["text"]) <= 3_000 for block in said["blocks"])
    return "\n".join(block["text"]["text"] for block in said["blocks"])


@asynccontextmanager
async def opened(home: Path, **more: Any) -> AsyncGenerator[Forwarding]:
    forwarding = Forwarding(home, **more)
    yield forwarding
    await forwarding.forwarder.aclose()
    forwarding.store.close()
    forwarding.log.close()
