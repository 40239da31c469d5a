"""Retries: as often as it does no harm, within one deadline, and not where nobody answers."""

from __future__ import annotations

from ..ground.clock import Clock
from .breaker import Breakers
from .request import Answered, Attempt, Lost, Request, Trying
from .retries import PASSING, Retries, Trouble


class Attempts:
    """Returns the last attempt that makes sense. `paced`: a budget waits after a 429."""

    def __init__(
        self,
        then: Trying,
        retries: Retries,
        breakers: Breakers,
        *,
        paced: bool,
        clock: Clock,
    ) -> None:
        self._then = then
        self._retries = retries
        self._breakers = breakers
        self._paced = paced
        self._clock = clock

    async def send(self, request: Request) -> Attempt:
        """Raises `Unreachable` while the breaker is open, and what the next links raise."""
        repeatable = request.operation.repeatable
        tried = 0
        while True:
            tried += 1
            attempt = await self._one(request)
            trouble = self._trouble(attempt)
            if trouble is None:
                return attempt
            request = request.after(attempt)
            pause = 0.0 if trouble == "throttled" else self._retries.pause(tried)
            if (
                request.caller.once
                or (not isinstance(attempt, Answered) and not attempt.passing)
                or (trouble == "lost" and repeatable != "safe")
                or not self._retries.again(repeatable, trouble, tried)
                or self._clock.monotonic() + pause >= attempt.until
            ):
                return attempt
            await self._clock.sleep(pause)

    async def _one(self, request: Request) -> Attempt:
        """One attempt, reported to the breaker; a look ignores the breaker."""
        if request.look:
            return await self._then.send(request)
        breaker = self._breakers.of(request.share.company)
        probe = breaker.admit()
        healthy: bool | None = None
        try:
            attempt = await self._then.send(request)
            answered = isinstance(attempt, Answered)
            healthy = attempt.status < 500 if answered else not attempt.passing
            return attempt
        finally:
            breaker.report(answered=healthy, probe=probe)

    def _trouble(self, attempt: Attempt) -> Trouble | None:
        """Why there is no usable answer; None if there is one."""
        if not isinstance(attempt, Answered):
            return "lost" if isinstance(attempt, Lost) else "not_sent"
        if attempt.status == 429 and self._paced:
            return "throttled"
        return "lost" if attempt.status in PASSING else None
