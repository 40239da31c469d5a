"""What the policy asks about the company: read from Aircall where it must be, and kept a while."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from ..errors import AircallMCPError
from ..gateway.ask import Aircall
from ..ground.caller import AccountName
from ..ground.clock import Clock

log = logging.getLogger(__name__)

HOME_LASTS: Final = 3600.0
"""Seconds for which the countries of the company's numbers are taken to be the same."""
UNREAD_LASTS: Final = 60.0
"""Seconds after which they are asked for again where that failed."""
KNOWN_LASTS: Final = 300.0
"""Seconds for which somebody who was found among the contacts is known."""
MOST_LOOKED_UP: Final = 5
"""Recipients that are looked for among the contacts; of more, nobody is taken to be known."""
MOST_NUMBERS: Final = 500


class Company:
    """The `World` of the judge. `asking` gives an `Aircall` that acts for an account, `resolve` the
    account that is meant by a name or by none, `listens` whether our own sandbox is asked."""

    def __init__(
        self,
        asking: Callable[[str], Aircall],
        resolve: Callable[[str | None], Awaitable[str]],
        listens: Callable[[], Awaitable[bool]],
        clock: Clock,
        *,
        loopback: str = "",
    ) -> None:
        self._asking = asking
        self._resolve = resolve
        self._listens = listens
        self._clock = clock
        self.loopback = loopback
        self._home: dict[AccountName, tuple[float, frozenset[str] | None]] = {}
        self._known: dict[tuple[AccountName, str], float] = {}

    async def account(self, named: str | None) -> str:
        return await self._resolve(named)

    async def at_sandbox(self) -> bool:
        return await self._listens()

    async def home(self, account: str) -> frozenset[str] | None:
        now = self._clock.monotonic()
        until, home = self._home.get(account, (now, None))
        if now < until:
            return home
        try:
            home = await self._countries(account)
        except AircallMCPError as error:
            log.warning("the countries of the company's numbers: %s", error.message)
            home = None
        self._home[account] = (now + (UNREAD_LASTS if home is None else HOME_LASTS), home)
        return home

    async def known(self, account: str, numbers: tuple[str, ...]) -> frozenset[str]:
        if len(numbers) > MOST_LOOKED_UP:
            return frozenset()
        return frozenset([n for n in numbers if await self._is_known(account, n)])

    async def _countries(self, account: str) -> frozenset[str] | None:
        listed = await self._asking(account).ask("list_numbers", max_items=MOST_NUMBERS)
        found = {one.get("country") for one in _objects(listed.body, "numbers")}
        return frozenset(c for c in found if isinstance(c, str) and len(c) == 2) or None

    async def _is_known(self, account: str, number: str) -> bool:
        now = self._clock.monotonic()
        if self._known.get((account, number), now) > now:
            return True
        try:
            found = await self._asking(account).ask("search_contacts", phone_number=number)
        except AircallMCPError as error:
            log.warning("whether a recipient is a contact: %s", error.message)
            return False
        if not _objects(found.body, "contacts"):
            return False
        if len(self._known) > 1_000:
            for key in [key for key, until in self._known.items() if until <= now]:
                del self._known[key]
        self._known[account, number] = now + KNOWN_LASTS
        return True


def _objects(body: Any, key: str) -> list[dict[str, Any]]:
    listed: Any = cast("dict[str, Any]", body).get(key) if isinstance(body, dict) else None
    if not isinstance(listed, list):
        return []
    return [one for one in cast("list[Any]", listed) if isinstance(one, dict)]
