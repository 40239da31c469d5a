"""The time zone of a time that has none: as set, else as known for the account, else that of most
users of the company, who are asked for once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import tzinfo
from typing import Any, Final, TypeAlias, cast
from zoneinfo import ZoneInfo

from ..errors import ToolError
from ..ground.caller import Caller, Whose
from ..ground.operation import PAGE_SIZE, Operation
from ..ground.times import zone_here
from .ask import Aircall, Sends

log = logging.getLogger(__name__)

LONGEST_LOOK: Final = 5.0
"""Seconds that the look for the company's time zone may take from the call that needs it."""

_IN_UTC: Final = (
    "Times without an offset were read as UTC, since the company's time zone is not known here:"
    " write them like 2026-11-18T09:00:00+01:00, or set AIRCALL_MCP_TIME_ZONE."
)

ZoneOf: TypeAlias = Callable[[str | None], Awaitable[str | None]]
"""From an account to the time zone that its owner gave it."""

WhoseIs: TypeAlias = Callable[[str | None], Awaitable[Whose]]
"""From an account, or from none named, to whose that is at this moment."""


class Zones:
    """`configured` wins over `zone_of`, and that over what the company's users have; `whose` says
    which company an account is."""

    def __init__(
        self,
        gateway: Sends,
        operations: Mapping[str, Operation],
        *,
        configured: str | None,
        zone_of: ZoneOf | None,
        whose: WhoseIs,
    ) -> None:
        self._gateway = gateway
        self._operations = operations
        self._configured: tzinfo | None = ZoneInfo(configured) if configured else None
        self._known = zone_of
        self._whose = whose
        self._of: dict[Whose, tzinfo | None] = {}

    async def for_call(
        self, operation: Operation, arguments: Any, caller: Caller
    ) -> tuple[tzinfo | None, str]:
        """The zone that reads times without an offset, asked for only where there are some; and
        what must be said where none could be learnt and UTC stands in. Nothing is read less for
        that, but nothing is done by a time that may be hours off either."""
        if self._configured is not None or not isinstance(arguments, Mapping):
            return self._configured, ""
        named = cast("Mapping[str, Any]", arguments)
        if not operation.needs_zone(named):
            return None, ""
        # What is refused, an account that is not on offer above all, asks nobody for a zone.
        account = operation.bind(named).account or caller.account
        return await self.of(replace(caller, account=account), operation)

    async def of(
        self, caller: Caller, operation: Operation | None = None
    ) -> tuple[tzinfo | None, str]:
        """The zone of the caller's account, and what must be said where UTC stands in for it.
        Raises `ToolError` where it cannot be looked up for an `operation` that is no read."""
        if self._configured is not None:
            return self._configured, ""
        account = caller.account
        # Which account is meant by none may change, and so may whose a name is, and its zone.
        whose = await self._whose(account)
        if known := await self._known(account) if self._known else None:
            zone = zone_here(known)
            return zone, "" if zone else _IN_UTC
        if whose not in self._of:
            try:
                self._of[whose] = await self._company_zone(whose.account or None, caller)
            except ToolError as error:
                if operation is not None and operation.effect != "read":
                    raise
                log.info("the company's time zone: %s", error.kind)
                return None, f"{_IN_UTC} It could not be looked up: {error.message}"
        zone = self._of[whose]
        return zone, "" if zone else _IN_UTC

    async def _company_zone(self, account: str | None, caller: Caller) -> tzinfo | None:
        """The time zone most users of the company have."""
        asked = replace(caller, account=account, deadline=min(caller.deadline, LONGEST_LOOK))
        asking = Aircall(self._gateway, self._operations, asked)
        body: Any = (await asking.ask("list_users_v2")).body
        users: Any = cast("dict[str, Any]", body).get("users") if isinstance(body, dict) else None
        listed = cast("list[Any]", users)[:PAGE_SIZE] if isinstance(users, list) else []
        zones = [
            cast("dict[str, Any]", one).get("time_zone") for one in listed if isinstance(one, dict)
        ]
        known = [zone for zone in zones if isinstance(zone, str)]
        return zone_here(max(sorted(set(known)), key=known.count)) if known else None
