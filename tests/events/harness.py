"""The tools about events at a desk, and what they stand on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aircall_mcp.accounts import Memory
from aircall_mcp.events.event import Arrival
from aircall_mcp.events.forwarding import Rules
from aircall_mcp.events.forwarding import rules as forwarding
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.resources import Resources
from aircall_mcp.events.tools import EventTools
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.performs import performers_of
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.sqlite import Database

from ..connections import lent
from ..harness import Clock, OwnDesk, gateway_to
from ..mail import log_in, watched


class EventHarness:
    """The four tools at a desk, as a model calls them."""

    def __init__(
        self, home: Path, sandbox: Sandbox, registry: Registry, clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep, account: str | None = None,
        real: bool = False,
    ) -> None:  # fmt: skip
        self.log: EventLog = log_in(home, clock)
        self.waits = watched(self.log)
        self.log_path = home / "events.db"
        self.log.note_listening(clock.now)
        self.clock = clock
        self.vault = Memory()
        store = lent(Database(home / "forwarding.db", forwarding.MIGRATIONS, durability="vault"))
        self.rules = Rules(store, self.log, clock=clock.handed())
        self.gateway = gateway = gateway_to(sandbox, sandbox=not real)
        self.operations = registry.ids
        self.tools = EventTools(
            self.log, gateway, registry.ids, lambda: self.rules, clock=clock.handed(pause),
            account=account,
        )  # fmt: skip

        self.resources = Resources(self.tools, self.log, gateway, registry.ids, account=account)
        self.desk = OwnDesk(
            Offers(registry), gateway, performers=performers_of(EventTools, lambda: self.tools)
        )
        self.told: list[tuple[float, float | None, str]] = []

    async def ask(self, tool: str, /, **arguments: Any) -> Any:
        async def progress(done: float, total: float | None, message: str) -> None:
            self.told.append((done, total, message))

        result = await self.desk.call(f"aircall_{tool}", arguments, Caller(progress=progress))
        return result.payload

    def hear(self, *events: Arrival) -> None:
        self.log.append(events)
