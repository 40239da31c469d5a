"""Drafts of plans: effects that a script collected, and that nobody has asked for yet.

They live in the memory of this process: an answer that told of a draft listed its steps, so whoever
brings those has the same plan without it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..ground.clock import Clock
from ..ground.operation import Bound
from .planned import LASTING

MOST: Final = 200
MOST_OF_ONE: Final = 20
"""Of one principal; the oldest goes for a new one."""


@dataclass(frozen=True, slots=True)
class Draft:
    """`account` is the one that would act; `made` is in seconds of the monotonic clock."""

    id: str
    principal: str
    account: str | None
    steps: tuple[Bound, ...]
    made: float


class Drafts:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, Draft] = {}

    def keep(self, steps: Sequence[Bound], principal: str, account: str | None) -> Draft:
        """A draft of exactly these steps, which lasts as long as a plan does."""
        mine = [one.id for one in self._kept.values() if one.principal == principal]
        if len(mine) >= MOST_OF_ONE:
            del self._kept[mine[0]]
        elif len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        now = self._clock.monotonic()
        draft = Draft(os.urandom(5).hex(), principal, account, tuple(steps), now)
        self._kept[draft.id] = draft
        return draft

    def find(self, name: str, principal: str) -> Draft | None:
        """The draft of this id, if it is that of `principal` and not too old."""
        draft = self._kept.get(name)
        if draft is None or draft.principal != principal:
            return None
        return draft if self._clock.monotonic() - draft.made < LASTING else None
