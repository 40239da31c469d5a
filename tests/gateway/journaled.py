"""A gateway whose effects are written down, over real connections."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from aircall_mcp.errors import (
    StoreError,
)
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock
from aircall_mcp.storage.state import State, durable
from aircall_mcp.storage.store import Transaction

from ..upstream import Upstream, gateway

T = TypeVar("T")

SOON = Caller(deadline=0.5)


class Hours:
    """The monotonic clock of a gateway and its journal, as fast as tests want."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Counting:
    """A state that counts its commits, and may refuse them from some number on."""

    def __init__(self, state: State, full_after: int = 99) -> None:
        self._state = state
        self.commits = 0
        self._full_after = full_after

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if self.commits >= self._full_after:
            raise StoreError("No room.")
        self.commits += 1
        return await self._state.write(work)

    def close(self) -> None:
        self._state.close()


def journaled(there: Upstream, home: Path, hours: Hours | None = None) -> tuple[Gateway, Journal]:
    journal = Journal(
        lambda: durable(home / "journal.db", journals.MIGRATIONS), clock=Clock(hours or Hours())
    )
    return gateway(there.proxy.base_url, journal=journal), journal


async def outcomes(journal: Journal) -> list[str]:
    return [intent.outcome for intent in await journal.newest()]
