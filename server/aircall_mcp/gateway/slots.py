"""The budget's link: a slot is held while a request is out, and given back if no byte left."""

from __future__ import annotations

import logging
from dataclasses import replace

from ..errors import StoreError
from ..ground.clock import Clock
from .budget import Budget, Slot
from .request import Answered, Attempt, Request, Trying

log = logging.getLogger(__name__)

MARGIN = 5.0
"""Seconds that a slot is held for beyond the deadline of its request."""


class Slots:
    """Without a budget nothing waits."""

    def __init__(self, then: Trying, budget: Budget | None, clock: Clock) -> None:
        self._then = then
        self._budget = budget
        self._clock = clock

    async def send(self, request: Request) -> Attempt:
        """Raises `BudgetExhausted` as soon as it is certain that no slot is free in time."""
        if self._budget is None:
            return await self._then.send(request)
        slot = await self._slot(self._budget, request)
        out = False

        async def leaving() -> None:
            nonlocal out
            await request.before_first_byte()
            out = True

        try:
            attempt = await self._then.send(replace(request, before_first_byte=leaving))
        finally:
            if out:
                slot.release()
            else:
                slot.give_back()
        if isinstance(attempt, Answered):
            try:
                await self._budget.learn(request.share, attempt.status, attempt.headers)
            except StoreError as error:  # that it cannot be noted spoils no answer
                log.warning("The limit is not noted: %s", error.message)
        return attempt

    async def _slot(self, budget: Budget, request: Request) -> Slot:
        caller = request.caller
        patience = caller.patience
        if request.until is not None:
            left = request.until - self._clock.monotonic()
            patience = left if patience is None else min(left, patience)
        return await budget.slot(
            request.share,
            hold=caller.deadline + MARGIN,
            patience=patience,
            progress=caller.progress,
        )
