"""What Aircall answered when it went well, and how much of a list it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .operation import PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Page:
    """How much of a list this is.

    `complete`: everything that matches is in this answer. `next`: the arguments of the call that
    goes on from here, None where nothing follows. `total` is None where Aircall does not say.
    `before` counts the items of the pages before this one, None where a cursor leads; `cursors`
    are then the tokens that go on behind so many of its items.
    """

    complete: bool
    returned: int
    total: int | None
    next: Mapping[str, Any] | None
    before: int | None = None
    cursors: Mapping[int, Any] = field(default_factory=dict[int, Any])

    def cut_to(self, kept: int, arguments: Mapping[str, Any]) -> Page:
        """This page when only its first `kept` items fit into an answer, or less, even none: pages
        are whole, so the next one must begin exactly behind the last item that is given."""
        if self.before is None:
            returned = max((count for count in self.cursors if count <= kept), default=0)
            token = {"token": self.cursors[returned]} if returned else {"limit": kept}
            following = {**arguments, **token, "max_items": returned or kept}
            return replace(self, complete=False, returned=returned, next=following)
        sizes = [n for n in range(1, min(kept, PAGE_SIZE) + 1) if self.before % n == 0]
        size = max(sizes, key=lambda n: (kept // n * n, n))
        returned = kept // size * size
        number = (self.before + returned) // size + 1
        following = {**arguments, "page": number, "per_page": size}
        return replace(self, complete=False, returned=returned, next=following)


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
