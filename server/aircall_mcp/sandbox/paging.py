"""Pages as Aircall cuts them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from .deed import Answer, Json, Request, bad, refused

T = TypeVar("T")

CAP = 10_000
"""How far any list can be paged: by place, however many items there are."""

_TOO_FAR = (
    "Your query is limited to 10k results and pagination is out of bound, "
    "please use timestamps or other filters."
)


def page(
    request: Request,
    key: str,
    items: Sequence[T],
    view: Callable[[T], Json],
    *,
    linked: bool = True,
) -> Answer:
    """One page of `items`, which are already filtered and in order, under `key` with `meta`.

    Past the cap Aircall keeps advertising a next page and answers it with a 400. Where a list is
    not `linked`, its `meta` has no links, not even empty ones.
    """
    current, size = request.query.get("page", 1), request.query.get("per_page", 20)
    if size < 1:
        raise bad("per_page must be 1 or more")
    if current * size > CAP:
        raise refused(
            400, "BAD_REQUEST", message="BAD_REQUEST", errors=_TOO_FAR, data=None, success=False
        )
    start = (current - 1) * size
    shown = [view(item) for item in items[start : start + size]]
    last = math.ceil(len(items) / size)
    meta: Json = {
        "count": len(shown),
        "total": len(items),
        "current_page": current,
        "per_page": size,
    }
    if linked:
        meta["next_page_link"] = _link(request, current + 1, size) if current < last else None
        meta["previous_page_link"] = _link(request, current - 1, size) if current > 1 else None
    return Answer(200, {key: shown, "meta": meta})


def within(request: Request, items: Iterable[T], instant: Callable[[T], float]) -> list[T]:
    """The items of the asked time window, by their instant, in the asked order."""
    start, end = window(request)
    found = [item for item in items if start <= instant(item) <= end]
    return sorted(found, key=instant, reverse=descending(request))


def window(request: Request) -> tuple[float, float]:
    return request.query.get("from", -math.inf), request.query.get("to", math.inf)


def descending(request: Request) -> bool:
    return request.query.get("order", "asc") == "desc"


def _link(request: Request, number: int, size: int) -> str:
    kept = [(name, value) for name, value in request.asked if name not in ("page", "per_page")]
    asked = [("page", str(number)), ("per_page", str(size)), *kept]
    return f"{request.link}?{urlencode(asked)}"
