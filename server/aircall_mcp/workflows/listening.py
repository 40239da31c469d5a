"""Waiting for changes of calls: woken by an event if webhooks report them, else by time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..errors import ToolError
from ..ground.caller import Caller
from .kit import Kit

BREATH = 0.5
"""Seconds after an event before anybody looks: others come along with it."""


class Listening:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def from_now(self, caller: Caller) -> Callable[[float], Awaitable[None]]:
        """What waits at most so many seconds, and less where an event came in since this was
        called, or since it last waited. An event is a hint: who was woken looks."""
        account = self._kit.account or caller.account
        try:
            log = self._kit.log()
            heard = await log.aside(
                lambda: (
                    log.exists
                    and any(account in (None, one.account) for one in log.webhooks.active())
                )
            )
            last = [await log.aside(log.latest)] if heard else []
        except ToolError:
            return self._kit.clock.sleep
        if not last:
            return self._kit.clock.sleep

        async def wait(seconds: float) -> None:
            try:
                async with asyncio.timeout(seconds):
                    last[0] = await log.beyond(last[0])
                await self._kit.clock.sleep(min(seconds, BREATH))
            except TimeoutError:
                pass
            except ToolError:
                await self._kit.clock.sleep(seconds)

        return wait
