"""The part of a list that one answer contains, and whether it is everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..ground.operation import Bound
from ..ground.reply import NOT_WHOLE, Room
from .continuations import Course
from .lists import Bookmark, Leaf, identity

_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class End:
    """Where the reading stopped: before `place`, or with the list, where that is None.

    `fault` is why nobody goes on, though something may follow.
    """

    place: Bookmark | None
    fault: str = ""


class Given:
    """Items in the order of the list, each once, as many as are wanted and have room."""

    def __init__(self, wanted: int, room: Room | None, course: Course) -> None:
        self.items: list[Any] = []
        self.leaves: list[Leaf] = []
        self._at: list[tuple[Leaf, int]] = []
        """The leaf of each of the items, and its index there."""
        self.twice = 0
        """Items that came once more, since the list changed meanwhile."""
        self.full = False
        self.crowded = False
        """Whether the next item had no room."""
        self._wanted = wanted
        self._room = room
        self._left = room.bytes if room else 0
        self._course = course
        self._seen = set(course.given)

    @property
    def weight(self) -> int:
        return sum(leaf.weight for leaf in self.leaves)

    @property
    def goal(self) -> int:
        """How many items it will be, as far as can be told."""
        total = self.leaves[-1].total if self.leaves else None
        return min(total or self._wanted, self._wanted)

    def take(self, leaf: Leaf, index: int) -> Bookmark | None:
        """Give what has room of `leaf` from `index` on; the place before the rest, None for the end
        of the list."""
        self.leaves.append(leaf)
        for n in range(index, len(leaf.items)):
            item = leaf.items[n]
            key = identity(item)
            if key is not None and key in self._seen:
                self.twice += 1
                continue
            size = self._room.size(item) if self._room else 0
            if self.items and size > self._left and self._room:
                self.full = self.crowded = True
                return Bookmark(leaf.at, n)
            self._left -= size
            if key is not None:
                self._seen.add(key)
            self.items.append(item)
            self._at.append((leaf, n))
            if len(self.items) == self._wanted:
                self.full = True
                return leaf.next if n + 1 == len(leaf.items) else Bookmark(leaf.at, n + 1)
        return leaf.next

    def behind(self, count: int) -> Bookmark:
        """The place behind the first `count` items."""
        leaf, n = self._at[count - 1]
        following = leaf.next if n + 1 == len(leaf.items) else None
        return following or Bookmark(leaf.at, n + 1)

    def doubt(self, bound: Bound, end: End, now: float, *, whole: bool) -> str:
        """Why a list that ends here is not surely all that there is; "" where that is proven.

        `now` is UNIX seconds; `whole` says that it was read from its first item.
        """
        if end.fault:
            return end.fault
        window = bound.operation.window
        given = [bound.arguments[edge] for edge in ("from", "to") if edge in bound.arguments]
        if window and window.days and given and min(given) < now - window.days * _A_DAY:
            return f"Aircall lists the last {window.days} days alone; what is older is not here."
        if not whole:
            return NOT_WHOLE
        totals = [leaf.total for leaf in self.leaves if leaf.total is not None]
        if self.twice or len(set(totals)) > 1:
            return "The list changed while it was read: an item may be missing."
        if totals and totals[-1] != len(self.items):
            return f"Aircall counts {totals[-1]} items and gave {len(self.items)}."
        return ""

    def notes(self) -> tuple[str, ...]:
        if self.crowded:
            return (*self._twice(), "No more has room in one answer; page.next goes on from here.")
        return self._twice()

    def _twice(self) -> tuple[str, ...]:
        if not self.twice:
            return ()
        return (f"The list changed while it was read: {self.twice} items that had been given came"
                " once more and were left out.",)  # fmt: skip

    def course(self) -> Course:
        """What was read here, for the call that goes on."""
        return Course(tuple(self.leaves), self._course.given)
