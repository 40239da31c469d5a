"""Budgets over one state, as the processes of a machine share them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.ledger import MIGRATIONS, Share
from aircall_mcp.ground.clock import Clock as Handed
from aircall_mcp.storage.state import until_reboot

from ..harness import Clock

WALL = 1_795_082_400.0
LOOK = 1.0
"""Seconds between two looks of who waits for a slot."""


class Budgets:
    """Budgets over one state, on one clock that their waiting moves on."""

    def __init__(self, home: Path) -> None:
        self.clock = Clock(1_000.0)
        self.home = home
        self.made: list[Budget] = []
        self.told: list[tuple[float, float | None, str]] = []

    def another(self, *, wall: Callable[[], float] = lambda: WALL) -> Budget:
        made = Budget(
            lambda: until_reboot(self.home, "state", MIGRATIONS, "b1"),
            clock=Handed(self.clock, wall, self._sleep),
            random=lambda: 0.0,
        )
        self.made.append(made)
        return made

    async def _sleep(self, seconds: float) -> None:
        if seconds > LOOK:  # what was over is settled behind, for which nobody waits
            await asyncio.Event().wait()
        self.clock.pass_by(seconds)
        await asyncio.sleep(0)

    async def tell(self, done: float, total: float | None, words: str) -> None:
        self.told.append((done, total, words))


THREE = Share("company", 3)


async def spend(budget: Budget, share: Share, count: int = 1) -> None:
    for _ in range(count):
        (await budget.slot(share, hold=25)).release()
