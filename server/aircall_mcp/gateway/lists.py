"""Facts about lists: leaves, the places in them, and Aircall's maximum for one query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from ..ground.operation import Bound
from ..ground.reply import Reply

ITEM_CAP = 10_000
"""Items that Aircall serves of one query: by their place, whatever the list."""

LONGEST_TOKEN = 2 * 1024
"""Bytes of a token that is handed on to the model; Aircall's have some twenty."""

At: TypeAlias = int | str | None
"""Where a leaf is: at the number of its page, or behind a token; None for the first by tokens."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Before one item of a list: that of this index on the leaf at `at`."""

    at: At
    index: int = 0


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a list, as Aircall gave it.

    `following` is where the next one is, if there is `more`; `fault` says what is wrong with that.
    `guessed` says that Aircall gave less than was asked for and tells not whether more comes.
    A `begun` one is the beginning of one alone, of which the rest is to be read.
    `total` is what Aircall counts. `read` is a moment of the monotonic clock, `weight` in bytes.
    """

    at: At
    items: list[Any]
    more: bool
    following: At = None
    total: int | None = None
    weight: int = 0
    read: float = 0.0
    fault: str = ""
    sandbox: bool = False
    guessed: bool = False
    begun: bool = False

    @property
    def next(self) -> Bookmark | None:
        if not self.more:
            return None
        return Bookmark(self.at, len(self.items)) if self.begun else Bookmark(self.following)

    def has(self, place: Bookmark) -> bool:
        """Whether what stands at `place` is here, or nothing is."""
        return self.at == place.at and not (self.begun and place.index >= len(self.items))


def behind_the_cap(bound: Bound, leaf: Leaf | None) -> dict[str, Any] | None:
    """The arguments that go on behind the cap, by moving the end of the period that is nearer.

    The new period begins in the second of the last item of `leaf`, and `skip` passes by those of
    that second which have been given. None where the order is not that of time, or where nothing
    would move.
    """
    window = bound.operation.window
    by_time = bound.arguments.get("order_by", "created_at") == "created_at"
    if window is None or leaf is None or not leaf.items or not by_time:
        return None
    moments = [count_of(fields(item).get(window.by)) for item in leaf.items]
    moment = moments[-1]
    if moment is None:
        return None
    edge = "from" if bound.arguments.get("order", "desc") == "asc" else "to"
    outwards = -1 if edge == "from" else 1
    moved = moment + outwards * (window.excluded == edge)
    if bound.arguments.get(edge) == moved:
        return None
    same = next((n for n, one in enumerate(reversed(moments)) if one != moment), len(moments))
    return {**without_place(bound.arguments), edge: moved, "skip": same}


def without_place(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for, without where in it. What goes on is never read anew as a whole."""
    return {
        name: value
        for name, value in arguments.items()
        if name not in ("page", "per_page", "token", "skip", "fresh")
    }


def unwrapped(reply: Reply, key: str) -> tuple[list[Any] | None, Mapping[str, Any]]:
    """The items of an answer, None where it has no such list, and the fields beside them."""
    body = fields(reply.body)
    items = body.get(key)
    return (cast("list[Any]", items) if isinstance(items, list) else None), body


def fields(value: Any) -> Mapping[str, Any]:
    """`value` if it is a JSON object, else an empty one."""
    # A dict is seen at once, while to ask the abstract class takes ten times as long.
    return cast("Mapping[str, Any]", value) if isinstance(value, (dict, Mapping)) else {}


def count_of(value: Any) -> int | None:
    """`value` if it counts something, or is a moment."""
    fine = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if fine else None


def token_of(value: Any) -> str | int | None:
    """`value` if it is what a token can be: a text or a number of few bytes."""
    if isinstance(value, str):
        return value if len(value.encode("utf-8", "replace")) <= LONGEST_TOKEN else None
    fine = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**64
    return value if fine else None


def identity(item: Any) -> int | str | None:
    """What tells an item from others; None where it has nothing of that kind."""
    key = fields(item).get("id")
    return key if isinstance(key, (int, str)) else None
