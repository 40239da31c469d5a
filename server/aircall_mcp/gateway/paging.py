"""The two ways to read a list: by page numbers, and by a cursor.

Both read whole pages of fifty, so that requests are as few as can be, and what is read and not
given waits for the call that goes on. A place between is told to that call as a page and how many
of its items to `skip`. Of a list that somebody wants fewer of and may not go on with, those alone
are read at first: fifty take longer, and going on costs one request more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ..ground.operation import PAGE_SIZE, Bound
from ..ground.reply import Reply
from .lists import (
    ITEM_CAP,
    At,
    Bookmark,
    Leaf,
    behind_the_cap,
    count_of,
    fields,
    token_of,
    unwrapped,
    without_place,
)

PART_SIZE = 10
"""Items that are asked for at a time where a page of fifty is too much for one answer."""


class Paging(Protocol):
    """How one call goes through its list: where it begins, and how many items it wants."""

    key: str
    start: Bookmark
    whole: bool
    """Whether it begins with the first item."""
    moved: bool
    """Whether it goes on behind the cap, where Aircall counts what is left alone."""
    wanted: int

    def served(self, at: At) -> bool:
        """Whether Aircall serves the leaf at `at`."""
        ...

    def asking(self, at: At) -> Bound:
        """The request for the leaf at `at`."""
        ...

    def parts(self, at: At) -> Iterator[Bound]:
        """Requests for less at a time, where that leaf is too much for one answer."""
        ...

    def leaf(self, reply: Reply, at: At, now: float) -> Leaf | None:
        """What came, None where it is no list."""
        ...

    def over(self, leaf: Leaf, count: int) -> bool:
        """Whether nothing follows `leaf`, with which `count` items are given, whatever it says."""
        ...

    def onward(self, place: Bookmark) -> dict[str, Any]:
        """The arguments of the call that goes on there."""
        ...

    def beyond(self, last: Leaf | None) -> dict[str, Any] | None:
        """The arguments of the call that goes on where Aircall serves no more of this query."""
        ...


def paging_of(bound: Bound) -> Paging:
    return ByCursor(bound) if bound.operation.answer.paging == "cursor" else ByNumber(bound)


class ByNumber:
    """A caller's pages may be of another size than those that are read."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self.key = bound.operation.answer.key
        given = bound.arguments
        self._size = int(given.get("per_page", PAGE_SIZE))
        row = (int(given.get("page", 1)) - 1) * self._size + int(given.get("skip", 0))
        self.whole = row == 0
        self.moved = "skip" in given and "page" not in given  # as `behind_the_cap` has it
        self.start = Bookmark(row // PAGE_SIZE + 1, row % PAGE_SIZE)
        self.wanted = bound.max_items or self._size
        self._first = self._size if self.whole and bound.max_items is None else PAGE_SIZE

    def served(self, at: At) -> bool:
        return _number(at) * PAGE_SIZE <= ITEM_CAP

    def asking(self, at: At) -> Bound:
        return _with_query(self._bound, page=at, per_page=self._asked(at))

    def _asked(self, at: At) -> int:
        return self._first if at == 1 else PAGE_SIZE

    def parts(self, at: At) -> Iterator[Bound]:
        count = PAGE_SIZE // PART_SIZE
        for n in range(1, count + 1):
            page = (_number(at) - 1) * count + n
            yield _with_query(self._bound, page=page, per_page=PART_SIZE)

    def leaf(self, reply: Reply, at: At, now: float) -> Leaf | None:
        items, body = unwrapped(reply, self.key)
        if items is None:
            return None
        at = _number(at)
        meta = fields(body.get("meta"))
        more, guessed = _more(at, len(items), self._asked(at), meta)
        return Leaf(
            at, items, more, at + 1, count_of(meta.get("total")), reply.weight, now - reply.age,
            sandbox=reply.sandbox, guessed=guessed,
            begun=len(items) == self._asked(at) < PAGE_SIZE,
        )  # fmt: skip

    def over(self, leaf: Leaf, count: int) -> bool:  # noqa: ARG002
        return False

    def onward(self, place: Bookmark) -> dict[str, Any]:
        row = (_number(place.at) - 1) * PAGE_SIZE + place.index
        if self.moved:
            return {**without_place(self._bound.arguments), "per_page": self._size, "skip": row}
        page, skip = divmod(row, self._size)
        onward = {**without_place(self._bound.arguments), "page": page + 1, "per_page": self._size}
        return {**onward, "skip": skip} if skip else onward

    def beyond(self, last: Leaf | None) -> dict[str, Any] | None:
        return behind_the_cap(self._bound, last)


class ByCursor:
    """A token leads from each leaf to the next."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self.key = bound.operation.answer.key
        given = bound.arguments
        self.start = Bookmark(given.get("token"), int(given.get("skip", 0)))
        self.whole = self.start == Bookmark(None)
        self.moved = False
        self.wanted = bound.max_items or int(given.get("limit", PAGE_SIZE))
        few = self.whole and bound.max_items is None
        self._first = min(self.wanted, PAGE_SIZE) if few else PAGE_SIZE

    def served(self, at: At) -> bool:  # noqa: ARG002
        return True

    def asking(self, at: At) -> Bound:
        return self._asking(at, self._first if at is None else PAGE_SIZE)

    def parts(self, at: At) -> Iterator[Bound]:
        yield self._asking(at, PART_SIZE)  # its own token leads on

    def _asking(self, at: At, limit: int) -> Bound:
        token = {} if at is None else {"token": at}
        return _with_query(self._bound, limit=limit, **token)

    def leaf(self, reply: Reply, at: At, now: float) -> Leaf | None:
        items, body = unwrapped(reply, self.key)
        if items is None:
            return None
        position = fields(body.get("pageInfo"))
        told, token = position.get("nextToken"), token_of(position.get("nextToken"))
        lost = told is not None and token is None
        fault = "What follows cannot be read: Aircall's token for it is none." if lost else ""
        total = count_of(position.get("totalCount"))
        return Leaf(
            at, items, token is not None, token, total, reply.weight, now - reply.age, fault,
            reply.sandbox,
        )  # fmt: skip

    def over(self, leaf: Leaf, count: int) -> bool:
        """What the answer counts is believed before a token that leads to nothing."""
        return self.whole and leaf.total is not None and count >= leaf.total

    def onward(self, place: Bookmark) -> dict[str, Any]:
        there = {"token": place.at, "skip": place.index or None}
        kept = {name: value for name, value in there.items() if value is not None}
        return {**without_place(self._bound.arguments), **kept}

    def beyond(self, last: Leaf | None) -> dict[str, Any] | None:  # noqa: ARG002
        return None


def joined(parts: Sequence[Reply], key: str) -> Reply:
    """Parts of one leaf as one answer; what is no list ends it."""
    items: list[Any] = []
    for part in parts:
        items += unwrapped(part, key)[0] or []
    last = parts[-1]
    body = {**fields(last.body), key: items}
    if "meta" in body:
        body["meta"] = {**fields(body["meta"]), "per_page": PAGE_SIZE}
    weight, age = sum(part.weight for part in parts), max(part.age for part in parts)
    return replace(last, body=body, weight=weight, age=age)


def _more(at: int, count: int, asked: int, meta: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether more follow the page `at` of `count` items, and whether that is a guess.

    Aircall may give fewer items a page than were asked for, so that a short page proves nothing:
    the next one tells.
    """
    if "next_page_link" in meta:
        return bool(meta["next_page_link"]), False
    if not count:
        return False, False
    short = count < asked
    size = count_of(meta.get("per_page")) or (None if short and at > 1 else asked)
    total = count_of(meta.get("total"))
    if total is not None and size is not None and (at - 1) * size + count <= total:
        return (at - 1) * size + count < total, False
    return True, short


def _number(at: At) -> int:
    return at if isinstance(at, int) else 1


def _with_query(bound: Bound, **values: Any) -> Bound:
    given: Mapping[str, str] = {name: str(value) for name, value in values.items()}
    kept = [pair for pair in bound.query if pair[0] not in given]
    return replace(bound, query=(*kept, *given.items()))
