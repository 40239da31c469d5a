"""Items of lists that were read and not yet returned, for the calls that continue.

An answer holds less than a page often enough. What is left of it waits here, in memory alone, for
a few minutes; where it is gone, it is read again from the place where the call goes on. What we
write forgets it, as it forgets all reads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ..ground.caller import Whose
from ..ground.clock import Clock
from ..ground.operation import Bound
from .lists import Bookmark, Leaf, identity, without_place

LASTING = 300.0
"""Seconds."""

MOST = 8 * 1024 * 1024
"""Weight in bytes of all that waits here, over all accounts; the heaviest page weighs 5 MB."""

_AN_ID = 64
"""Bytes."""

Key: TypeAlias = tuple[Whose, str]
"""Whose list, and what is asked for."""


@dataclass(frozen=True, slots=True)
class Course:
    """A long read under way: its leaves from where it goes on, and what it gave before.

    `given` are the identities of what came before; it is kept since the moment `since`.
    """

    leaves: tuple[Leaf, ...] = ()
    given: frozenset[int | str] = frozenset()
    since: float = 0.0

    @property
    def weight(self) -> int:
        return sum(leaf.weight for leaf in self.leaves) + _AN_ID * len(self.given)

    def leaf(self, place: Bookmark) -> Leaf | None:
        """The leaf that has what stands at `place`; None where that is to be read."""
        return next((leaf for leaf in self.leaves if leaf.has(place)), None)

    def behind(self, count: int) -> Course:
        """The same without its first leaves."""
        gone = frozenset(_identities([item for leaf in self.leaves[:count] for item in leaf.items]))
        return replace(self, leaves=self.leaves[count:], given=self.given | gone)

    def going_on(self, place: Bookmark) -> Course:
        """The same from `place` on; an empty course if that is no place of it."""
        if self.leaves and self.leaves[-1].next == place:
            return self.behind(len(self.leaves))
        for n, leaf in enumerate(self.leaves):
            if leaf.has(place):
                course = self.behind(n)
                before = frozenset(_identities(leaf.items[: place.index]))
                return replace(course, given=course.given | before)
        return Course()


def _identities(items: list[Any]) -> list[int | str]:
    return [key for item in items if (key := identity(item)) is not None]


class Continuations:
    """See the module docstring."""

    def __init__(self, clock: Clock, *, lasting: float = LASTING, most: int = MOST) -> None:
        self._clock = clock
        self._lasting = lasting
        self._most = most
        self._courses: dict[Key, Course] = {}
        """The oldest first."""
        self._weights: dict[Key, int] = {}
        self._weight = 0

    def get(self, key: Key, place: Bookmark) -> Course:
        """What is here of the read that goes on at `place`; an empty course where it is gone."""
        self._sweep()
        return self._courses.get(key, Course()).going_on(place)

    def keep(self, key: Key, course: Course) -> None:
        """In the place of what was kept before of the same; of too much, the beginning goes."""
        while course.leaves and course.weight > self._most:
            course = course.behind(1)
        self._drop(key)
        self._courses[key] = replace(course, since=self._clock.monotonic())
        self._weights[key] = course.weight
        self._weight += course.weight
        self._sweep()
        while self._weight > self._most:
            self._drop(next(iter(self._courses)))

    def forget(self, company: str) -> None:
        """Something was written at this company."""
        for key in [key for key in self._courses if key[0].company == company]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        if self._courses.pop(key, None) is not None:
            self._weight -= self._weights.pop(key)

    def _sweep(self) -> None:
        until = self._clock.monotonic() - self._lasting
        while self._courses and self._courses[oldest := next(iter(self._courses))].since <= until:
            self._drop(oldest)


def key_of(bound: Bound, company: str, account: str | None) -> Key:
    """Names what is asked for, without where in it, how much of it and in which detail."""
    ours = ("max_items", "limit", "detail", "account")
    asked = {k: v for k, v in without_place(bound.arguments).items() if k not in ours}
    said = json.dumps([bound.operation.id, asked], sort_keys=True)
    return Whose(company, account or ""), said
