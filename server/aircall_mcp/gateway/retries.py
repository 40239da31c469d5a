"""When to try again: depends on repeatability, and on whether a byte was sent.

| what happened                          | safe | idempotent         | never |
| -------------------------------------- | ---- | ------------------ | ----- |
| not a byte was sent                    | 2    | 2                  | 2     |
| Aircall said 429: it did nothing       | 2    | 2                  | 2     |
| sent, and no answer or none to be read | 2    | 1, after a look    | 0     |
| Aircall said 502, 503 or 504           | 2    | 1, after a look    | 0     |
| any other answer                       | 0    | 0                  | 0     |

The figures are further attempts. A look is a read that tells whether the effect took place.
"""

from __future__ import annotations

import random as chance
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..ground.operation import Repeatability

Trouble = Literal["not_sent", "throttled", "lost"]
"""Why there is no answer to give: the first three rows of the table; the fourth is `lost` too."""

PASSING = frozenset({502, 503, 504})
"""Statuses of something in front of Aircall that got no answer itself."""

_MOST: dict[Repeatability, dict[Trouble, int]] = {
    "safe": {"not_sent": 2, "throttled": 2, "lost": 2},
    "idempotent": {"not_sent": 2, "throttled": 2, "lost": 1},
    "never": {"not_sent": 2, "throttled": 2, "lost": 0},
}


@dataclass(frozen=True, slots=True)
class Retries:
    """Full jitter: a pause is anywhere between none and `first * 2 ** attempt` seconds."""

    first: float = 0.25
    longest: float = 4.0
    random: Callable[[], float] = chance.random

    def again(self, repeatable: Repeatability, trouble: Trouble, tried: int) -> bool:
        """Whether another attempt follows after `tried` ones that ended in `trouble`."""
        return tried <= _MOST[repeatable][trouble]

    def pause(self, tried: int) -> float:
        """Seconds to the next attempt."""
        return self.random() * min(self.longest, self.first * 2.0**tried)
