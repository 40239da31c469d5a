"""A desk with the workflows over a sandbox, as a model calls them."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path
from typing import Any

from aircall_mcp.events.log import EventLog
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.workflows import Workflows
from aircall_mcp.workflows.kit import Kit

from ..house import Clock, Office, OwnDesk, OwnGateway, gateway_to
from ..mail import log_in


class Shift(Office):
    def __init__(
        self,
        registry: Registry,
        sandbox: Sandbox,
        clock: Clock,
        home: Path,
        *,
        zone: tzinfo | None = None,
        gateway: OwnGateway | None = None,
    ) -> None:
        gateway = gateway or gateway_to(sandbox, operations=registry.ids)
        self.log: EventLog | None = None
        self.caller = Caller()
        self._home, self._clock = home, clock

        async def in_zone(_caller: Caller) -> tuple[tzinfo | None, str]:
            return zone, ""

        self.kit = Kit(
            gateway, registry.ids, log=self._events, zone=in_zone, clock=clock.handed()
        )  # fmt: skip
        workflows = Workflows(lambda: self.kit)
        desk = OwnDesk(Offers(registry), gateway, performers=workflows.performers)
        super().__init__(desk, sandbox)

    def _events(self) -> EventLog:
        self.log = self.log or log_in(self._home, self._clock)
        return self.log

    async def call(self, tool: str, **arguments: Any) -> Any:
        result = await self.desk.call(f"aircall_{tool}", arguments, self.caller)
        assert not result.is_error, result.payload
        return result.payload
