"""What the folder keeps in a home, opened together and closed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..ground.clock import Clock
from ..storage import state
from ..storage.store import Migration
from . import approvals, usage, visitors
from .approvals import Approvals
from .usage import Usage
from .visitors import Visitors


@dataclass(frozen=True, slots=True)
class Safety:
    """`approvals` wait for a person, `usage` counts what is under a cap and who is left alone,
    `visitors` are who may look at the page. Nothing is opened before it is used."""

    approvals: Approvals
    usage: Usage
    visitors: Visitors

    @classmethod
    def of(cls, home: Path, *, clock: Clock | None = None, fleeting: bool = False) -> Self:
        """That of `home`; what is `fleeting` is kept in memory and ends with the process."""
        clock = clock or Clock()

        def kept(name: str, migrations: Sequence[Migration]) -> state.State:
            if fleeting:
                return state.InMemory(migrations)
            return state.durable(home / f"{name}.db", migrations)

        return cls(
            Approvals(kept("approvals", approvals.MIGRATIONS), clock),
            Usage(kept("usage", usage.MIGRATIONS), clock),
            Visitors(kept("visitors", visitors.MIGRATIONS), clock),
        )

    @staticmethod
    def waits_in(home: Path) -> bool:
        """Whether anybody was ever asked in `home`. To look makes nothing."""
        return (home / "approvals.db").exists()

    def close(self) -> None:
        self.approvals.close()
        self.usage.close()
        self.visitors.close()
