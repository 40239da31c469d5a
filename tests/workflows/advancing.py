"""The workflows over a sandbox, on a clock that waiting moves on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aircall_mcp.desk import Outcome
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.tables import MIGRATIONS
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock as Handed
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.storage.state import InMemory
from aircall_mcp.vault.mailbox import Sealer
from aircall_mcp.workflows import Workflows
from aircall_mcp.workflows.contacts import Contacts
from aircall_mcp.workflows.kit import Habits, Kit

from ..harness import Clock, OwnDesk, OwnGateway, gateway_to

TO = "+33199001234"


@dataclass
class AdvancingHarness:
    desk: OwnDesk
    sandbox: Sandbox
    clock: Clock
    kit: Kit
    caller: Caller

    @property
    def world(self) -> Any:
        return self.sandbox.world

    async def outcome(self, tool: str, **arguments: Any) -> Outcome:
        return await self.desk.call(f"aircall_{tool}", arguments, self.caller)

    async def call(self, tool: str, **arguments: Any) -> Any:
        outcome = await self.outcome(tool, **arguments)
        assert not outcome.is_error, outcome.payload
        return outcome.payload

    async def refused(self, tool: str, **arguments: Any) -> Any:
        outcome = await self.outcome(tool, **arguments)
        assert outcome.is_error, outcome.payload
        return outcome.payload["error"]

    def user(self, first_name: str) -> Any:
        return next(u for u in self.world.users.values() if u.first_name == first_name)

    def dialled(self, to: str = TO) -> list[Any]:
        return [one for one in self.world.calls if one.digits == to and one.fresh]

    def asked(self, operation: str) -> int:
        return sum(one.operation == operation for one in self.sandbox.arrivals)


@asynccontextmanager
async def advancing_harness(
    registry: Registry,
    sandbox: Sandbox,
    clock: Clock,
    home: Path,
    *,
    me: Habits | None = None,
    gateway: OwnGateway | None = None,
    contacts: Contacts | None = None,
    log: EventLog | None = None,
) -> AsyncGenerator[AdvancingHarness]:
    """`me` is who the owner is; without `gateway` the sandbox is asked directly."""

    async def passing(seconds: float) -> None:
        clock.pass_by(seconds)
        await asyncio.sleep(0)

    async def owner(_account: str | None) -> Habits:
        return me or Habits()

    handed = Handed(clock, clock, passing)
    journal = Journal(lambda: InMemory(journals.MIGRATIONS), clock=handed)
    gateway = gateway or gateway_to(sandbox, operations=registry.ids, journal=journal, clock=handed)
    store = Database(home / "no-events.db", MIGRATIONS, durability="vault")
    silent = EventLog(store, sealer=Sealer, clock=handed)
    kit = Kit(
        gateway, registry.ids, log=lambda: log or silent, owner=owner, index=contacts, clock=handed
    )  # fmt: skip
    desk = OwnDesk(Offers(registry), gateway, performers=Workflows(lambda: kit).performers)
    try:
        yield AdvancingHarness(desk, sandbox, clock, kit, Caller())
    finally:
        await kit.contacts.aclose()
        await desk.aclose()
        silent.close()


def patient(of: AdvancingHarness, **more: Any) -> AdvancingHarness:
    """The same on behalf of another caller."""
    return replace(of, caller=replace(of.caller, **more))
