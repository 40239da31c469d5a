"""One check whether the log has grown, for everybody in this process who waits for that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..ground.clock import Clock

POLL = 0.02
"""Seconds between two looks for what another process appended."""


class Watcher:
    """Looks while anybody waits: one task, begun by the first and ended by the last.

    `look` gives the newest sequence; between two looks it sleeps `every` seconds. Another
    process appends without telling us, so that somebody has to look; it need not be each of us.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[int]],
        *,
        every: float = POLL,
        clock: Clock | None = None,
    ) -> None:
        self._look = look
        self._every = every
        self._sleep = (clock or Clock()).sleep
        self._newest = 0
        self._waiting: dict[asyncio.Future[int], int] = {}
        self._task: asyncio.Task[None] | None = None

    async def beyond(self, sequence: int) -> int:
        """Wait until there is something newer than `sequence`; the newest. Raises what `look`
        raises."""
        if self._task is not None and self._newest > sequence:
            return self._newest
        woken: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[woken] = sequence
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        try:
            return await woken
        finally:
            del self._waiting[woken]
            if not self._waiting:
                self._rest()

    def _rest(self) -> None:
        if self._task is not None:
            self._task.cancel()
        # Who comes next begins anew, also before this one has noticed its end.
        self._task, self._newest = None, 0

    async def _watch(self) -> None:
        while True:
            try:
                self._newest = newest = await self._look()
            except Exception as error:
                for woken in self._asleep():
                    woken.set_exception(error)
            else:
                for woken in self._asleep(newest):
                    woken.set_result(newest)
            await self._sleep(self._every)

    def _asleep(self, newest: int | None = None) -> list[asyncio.Future[int]]:
        """Those who are still to be woken, and of them those whom `newest` wakes."""
        return [
            woken
            for woken, sequence in self._waiting.items()
            if not woken.done() and (newest is None or newest > sequence)
        ]
