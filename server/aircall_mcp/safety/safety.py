"""What this folder stores in a home, opened together and closed together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from ..ground.clock import Clock
from ..ground.private_files import Modes
from ..storage import state
from ..storage.state import State
from ..storage.store import Transaction
from . import approvals, askings, leases, planned, usage, visitors
from .approvals import Approvals
from .askings import Askings
from .holds import Holds
from .leases import Leases
from .planned import Planned
from .usage import Usage
from .visitors import Visitors

T = TypeVar("T")

MIGRATIONS = (
    *usage.MIGRATIONS,
    *approvals.MIGRATIONS,
    *planned.MIGRATIONS,
    *leases.MIGRATIONS,
    *planned.MIGRATIONS_LATER,
    *approvals.MIGRATIONS_LATER,
    *usage.MIGRATIONS_LATER,
    *approvals.MIGRATIONS_LAST,
    *askings.MIGRATIONS,
)
"""Of all that one transaction is about. Once released this only grows, at its end."""

EARLIER = "approvals.db"
"""Where earlier releases kept what waits."""


@dataclass(frozen=True, slots=True)
class Safety:
    """`approvals` wait for a person, `usage` counts what is under a cap and who is left alone,
    `planned` knows of plans and `leases` of yeses given ahead; `holds` takes from all of them in
    one transaction of `state`. `askings` are the calls of frameworks that come again, `visitors`
    who may look at the page. Nothing is opened before it is used."""

    state: State
    approvals: Approvals
    askings: Askings
    usage: Usage
    planned: Planned
    leases: Leases
    holds: Holds
    visitors: Visitors

    @classmethod
    def of(cls, home: Path, *, clock: Clock | None = None, fleeting: bool = False) -> Self:
        """That of `home`; what is `fleeting` is kept in memory and ends with the process."""
        clock = clock or Clock()
        kept: State = (
            state.InMemory(MIGRATIONS)
            if fleeting
            else _Brought(state.durable(home / "usage.db", MIGRATIONS), home / EARLIER)
        )
        seen = (
            state.InMemory(visitors.MIGRATIONS)
            if fleeting
            else state.durable(home / "visitors.db", visitors.MIGRATIONS)
        )
        return cls.over(kept, Visitors(seen, clock), clock)

    @classmethod
    def over(cls, kept: State, seen: Visitors, clock: Clock) -> Self:
        """That of a state which has all `MIGRATIONS`."""
        waiting, counted = Approvals(kept, clock), Usage(kept, clock)
        plans, given = Planned(kept, clock), Leases(kept, clock)
        holds = Holds(kept, waiting, counted, plans, given)
        again = Askings(kept, clock)
        return cls(kept, waiting, again, counted, plans, given, holds, seen)

    @staticmethod
    def waits_in(home: Path) -> bool:
        """Whether anybody can have been asked in `home`. To look makes nothing."""
        return (home / "usage.db").exists() or (home / EARLIER).exists()

    async def call_off(self, why: str) -> int:
        """Nothing waits any more, no yes or lease is left to use, and no plan goes on; how many
        that concerned."""
        return (
            await self.approvals.cancel_all(why)
            + await self.planned.stop_all(why)
            + await self.leases.revoke(None, why)
        )

    def close(self) -> None:
        self.state.close()
        self.visitors.close()


class _Brought:
    """A state that takes over what waits in the file of an earlier release, at its first use."""

    def __init__(self, then: State, earlier: Path) -> None:
        self._then = then
        self._earlier = earlier
        self._looked = False

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if not self._looked:
            if self._earlier.exists():
                await self._bring()
            self._looked = True
        return await self._then.write(work)

    async def _bring(self) -> None:
        """A yes is nobody's for a moment rather than good in two places."""
        earlier = state.durable(self._earlier, approvals.MIGRATIONS)
        try:
            rows = await earlier.write(approvals.handed_over)
        finally:
            earlier.close()
        await self._then.write(lambda tx: approvals.take_over(tx, rows))
        Modes().remove(self._earlier)

    def close(self) -> None:
        self._then.close()
