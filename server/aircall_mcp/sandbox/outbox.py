"""What the sandbox sends to one address, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from .deed import Json
from .entities import Webhook

REPEATS_FOR = 12 * 3600.0
"""Seconds for which what failed is repeated."""

SLOWEST = 600.0


class Outbox:
    """What goes to one address: in order, one at a time; repetitions come when they come.

    `post(event, url, payload, repetition)` is one try and says whether it was taken; `spawn` runs
    beside; `drawn` says whether the next is sent twice, and whether it is overtaken; `pause` waits
    for seconds. Message callbacks have no `webhook`: they are not repeated. Otherwise `first_wait`
    is the seconds before the first repetition, and `failures` in a row disable the webhook.
    """

    def __init__(
        self,
        post: Callable[[str, str, Json, int], Awaitable[bool]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        drawn: Callable[[], tuple[bool, bool]],
        pause: Callable[[float], Awaitable[None]],
        webhook: Webhook | None,
        *,
        first_wait: float,
        failures: int,
    ) -> None:
        self._post = post
        self._spawn = spawn
        self._drawn = drawn
        self._pause = pause
        self._webhook = webhook
        self._first_wait = first_wait
        self._failures = failures
        self._queue: asyncio.Queue[tuple[str, str, Json]] = asyncio.Queue()
        self._failed = 0
        self._held: tuple[str, str, Json] | None = None
        self._under_way = 0

    @property
    def busy(self) -> bool:
        """Whether something is on its way, repetitions included."""
        return self._under_way > 0

    def take(self, event: str, url: str, payload: Json) -> None:
        """Queue one; what was held back to be overtaken follows it."""
        twice, overtaken = self._drawn()
        one = (event, url, payload)
        if overtaken and self._held is None:
            self._held = one
            return
        for each in filter(None, (one, one if twice else None, self._held)):
            self._under_way += 1
            self._queue.put_nowait(each)
        self._held = None

    async def run(self) -> None:
        """Deliver one after the other, until cancelled."""
        while True:
            event, url, payload = await self._queue.get()
            if await self._try(event, url, payload, 0) or self._webhook is None:
                self._under_way -= 1  # message callbacks are not repeated
            else:
                self._spawn(self._repeat(event, url, payload))

    async def _repeat(self, event: str, url: str, payload: Json) -> None:
        waited, wait, repetition = 0.0, self._first_wait, 1
        try:
            while waited < REPEATS_FOR:
                await self._pause(wait)
                waited, wait = waited + wait, min(wait * 2, SLOWEST)
                if await self._try(event, url, payload, repetition):
                    return
                repetition += 1
        finally:
            self._under_way -= 1

    async def _try(self, event: str, url: str, payload: Json, repetition: int) -> bool:
        taken = await self._post(event, url, payload, repetition)
        self._failed = 0 if taken else self._failed + 1
        if self._webhook is not None:
            if taken and not self._webhook.active and repetition:
                self._webhook.active = True
            elif self._failed >= self._failures:
                self._webhook.active = False
        return taken
