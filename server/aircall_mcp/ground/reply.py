"""What Aircall answered on success, and how much of a list it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


def _nowhere(_count: int) -> Mapping[str, Any]:
    raise LookupError("There is no way on from here.")


NOT_WHOLE = "The list ends here; what comes before is not in this answer."
"""Why the last page of a list is not all of it."""


@dataclass(frozen=True, slots=True)
class Page:
    """How much of a list this is.

    `complete`: everything that matches is in this answer, for sure. `next`: the arguments of the
    call that goes on from here, None where nothing follows; `why` then says what is not sure.
    `total` is None where Aircall does not say. `onward` gives the arguments of the call that goes
    on behind so many of its items, one at least.
    """

    complete: bool
    returned: int
    total: int | None
    next: Mapping[str, Any] | None
    why: str = ""
    onward: Callable[[int], Mapping[str, Any]] = field(default=_nowhere, compare=False, repr=False)

    def cut_to(self, kept: int) -> Page:
        """This page when only its first `kept` items fit into an answer."""
        following = self.onward(kept)
        return replace(self, complete=False, returned=kept, next=following, why="")


@dataclass(frozen=True, slots=True)
class Room:
    """What an answer has room for: so many `bytes` of items, each of which takes `size` of them."""

    bytes: int
    size: Callable[[Any], int]


@dataclass(frozen=True, slots=True)
class Reply:
    """What Aircall answered when it went well: `body` is JSON, or None for an empty answer.

    `weight` is the work that `body` makes, in bytes. `age` is in seconds, for an answer that was
    kept; `notes` say what else a caller must know; `page`, of a list, is how much of it this is.
    """

    status: int
    body: Any
    sandbox: bool = False
    age: float = 0.0
    notes: tuple[str, ...] = ()
    page: Page | None = None
    weight: int = field(default=0, compare=False)
