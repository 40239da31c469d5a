"""How lists behave, beside their content: pages, order and periods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, cast

Broken = tuple[str, str, str]
"""The name of a rule, what the description says, and what was seen instead."""

Json = Mapping[str, Any]


def items_of(body: Any, key: str) -> list[Json]:
    """The items of a list, what is no object left out."""
    found: Any = cast("Json", body).get(key) if isinstance(body, Mapping) else None
    listed = cast("list[Any]", found) if isinstance(found, list) else []
    return [cast("Json", one) for one in listed if isinstance(one, Mapping)]


def meta_of(body: Any) -> Json:
    found: Any = cast("Json", body).get("meta") if isinstance(body, Mapping) else None
    return cast("Json", found) if isinstance(found, Mapping) else {}


def moment_of(value: Any) -> int | None:
    """UNIX seconds of a time as Aircall writes it, None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(datetime.fromisoformat(value).timestamp()) if isinstance(value, str) else None
    except ValueError:
        return None


def of_page(body: Any, key: str, *, page: int, size: int) -> Iterator[Broken]:
    """What is odd about one page, asked for as `page` of `size`."""
    items, meta = items_of(body, key), meta_of(body)
    if len(items) > size:
        yield "page_is_no_larger_than_asked", "at most `per_page` items", "more"
    for name, wanted in (("current_page", page), ("per_page", size), ("count", len(items))):
        if _whole(meta.get(name)) and meta[name] != wanted:
            yield _META[name]
    total: Any = meta.get("total")
    if not _whole(total):
        return
    if total < len(items):
        yield "total_is_of_all", "`meta.total` is that of all pages", "less than are on this one"
    if "next_page_link" in meta:
        more, link = page * size < total, meta["next_page_link"]
        if more != (link is not None):
            seen = "none before the last page" if more else "one on the last page"
            yield "next_link_until_the_last_page", "a link until the last page", seen
        elif link is not None and f"page={page + 1}" not in str(link):
            yield "next_link_leads_to_the_next_page", "`next_page_link` names the next", "another"


_META = {
    "current_page": ("current_page_is_as_asked", "`meta.current_page` is as asked", "another"),
    "per_page": ("per_page_is_as_asked", "`meta.per_page` is as asked", "another"),
    "count": ("count_is_of_this_page", "`meta.count` is of this page", "another"),
}


def of_second_page(first: Any, second: Any, key: str) -> Iterator[Broken]:
    """`second` is page 2 of one item each, `first` a page that holds both."""
    before, after = items_of(first, key), items_of(second, key)
    if not after or after[0].get("id") != before[1].get("id"):
        said = "page 2 goes on where page 1 ended"
        yield "pages_follow_each_other", said, "nothing" if not after else "another item"


def in_order(items: Sequence[Json], by: str, order: str) -> bool:
    """Whether they ascend or descend by that field, as far as it can be read."""
    moments = [moment for one in items if (moment := moment_of(one.get(by))) is not None]
    return all(a <= b if order == "asc" else a >= b for a, b in pairwise(moments))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
