"""What can be meant, what was found for it, and what to say if that is not exactly one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import ArgumentError, quoted

Kind = Literal["user", "contact", "number", "tag", "team"]

MOST_CHOICES = 8
"""Of those that fit, how many are told."""


@dataclass(frozen=True, slots=True)
class Named:
    """One that can be meant. `phones` are its numbers however written, `beside` more that it is
    known by (a company, a place), told to keep apart what is called the same."""

    id: int
    name: str
    kind: Kind = "user"
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    beside: str = ""

    def __str__(self) -> str:
        more = ", ".join(
            filter(None, [next(iter(self.emails), ""), next(iter(self.phones), ""), self.beside])
        )
        return f"{self.name or 'without a name'} (id {self.id}{f', {more}' if more else ''})"


@dataclass(frozen=True, slots=True)
class Found:
    """What fits. One in `fits` that is `sure` is meant; otherwise somebody has to say which. `near`
    are the nearest where nothing fits. `slipped`: only if fingers did. `grade` is how well they
    fit: 0 by id, address or digits, 1 by the whole name, 2 by words of it, 3 by what is like it."""

    fits: tuple[Named, ...] = ()
    sure: bool = True
    slipped: bool = False
    near: tuple[Named, ...] = ()
    grade: int = 0

    @property
    def one(self) -> Named | None:
        return self.fits[0] if len(self.fits) == 1 and self.sure else None


def merged(*found: Found) -> Found:
    """What is found in several lists, as if they were one."""
    there = [one for one in found if one.fits]
    if not there:
        return Found(near=tuple(near for one in found for near in one.near))
    best = [one for one in there if one.grade == min(one.grade for one in there)]
    fits = tuple(named for one in best for named in one.fits)
    slipped = any(one.slipped for one in best)
    return Found(fits, all(one.sure for one in best), slipped, grade=best[0].grade)


def unclear(query: str, found: Found, kind: str) -> ArgumentError:
    """What to say of a query that means several or none."""
    said = quoted(" ".join(query.split()))
    listed = "; ".join(str(one) for one in (found.fits or found.near)[:MOST_CHOICES])
    if not found.fits:
        hint = f"The nearest: {listed}." if listed else f"There is no {kind} like it."
        return ArgumentError(f"No {kind} is called `{said}`.", hint=hint)
    if len(found.fits) == 1:
        return ArgumentError(
            f"No {kind} is called exactly `{said}`.",
            hint=f"If {listed} is meant, say so by id; else ask your user.",
        )
    more = len(found.fits) - MOST_CHOICES
    rest = f"; and {more} more" if more > 0 else ""
    return ArgumentError(
        f"`{said}` fits {len(found.fits)} {kind}s.",
        hint=f"Ask your user which is meant, then give the id: {listed}{rest}.",
    )
