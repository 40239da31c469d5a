"""A desk with the workflows over a sandbox, as a model calls them."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path
from typing import Any

from aircall_mcp.events.log import EventLog
from aircall_mcp.events.tables import MIGRATIONS
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.vault.mailbox import Sealer
from aircall_mcp.workflows import Workflows
from aircall_mcp.workflows.kit import Kit

from ..connections import lent
from ..harness import Clock, Harness, OwnDesk, OwnGateway, gateway_to
from ..mail import log_in


def deaf(home: Path) -> EventLog:
    """An event log that no webhook tells anything."""
    store = Database(home / "deaf.db", MIGRATIONS, durability="vault")
    return lent(EventLog(store, sealer=Sealer))


class WorkflowHarness(Harness):
    def __init__(
        self,
        registry: Registry,
        sandbox: Sandbox,
        clock: Clock,
        home: Path,
        *,
        zone: tzinfo | None = None,
        gateway: OwnGateway | None = None,
        heard: bool = True,
    ) -> None:
        gateway = gateway or gateway_to(sandbox, operations=registry.ids)
        self.log: EventLog | None = None
        self.caller = Caller()
        self._home, self.clock, self._heard = home, clock, heard

        async def in_zone(_caller: Caller) -> tuple[tzinfo | None, str]:
            return zone, ""

        self.kit = Kit(
            gateway, registry.ids, log=self._events, zone=in_zone, clock=clock.handed()
        )  # fmt: skip
        workflows = Workflows(lambda: self.kit)
        desk = OwnDesk(Offers(registry), gateway, performers=workflows.performers)
        super().__init__(desk, sandbox)

    def _events(self) -> EventLog:
        if self.log is None:
            self.log = log_in(self._home, self.clock) if self._heard else deaf(self._home)
        return self.log

    async def call(self, tool: str, **arguments: Any) -> Any:
        result = await self.desk.call(f"aircall_{tool}", arguments, self.caller)
        assert not result.is_error, result.payload
        return result.payload
