"""The link that reads lists, alone: below it is an Aircall of the test's own, which counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aircall_mcp.gateway.continuations import LASTING
from aircall_mcp.gateway.request import Request
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.reply import Reply

from ..upstream import bound
from .lists import Reader, Tags, items_of, page_of

pytestmark = pytest.mark.anyio

# As few requests as can be


SIZES = st.lists(st.integers(1, 3_000), min_size=1, max_size=8)


@given(
    count=st.integers(0, 400),
    sizes=SIZES,
    room=st.integers(1, 12_000),
    most=st.none() | st.integers(1, 500),
    per_page=st.none() | st.integers(1, 50),
    page=st.integers(1, 4),
)
@settings(max_examples=200, deadline=None)
async def test_a_long_read_takes_as_few_requests_as_it_has_pages_whatever_the_sizes(
    count: int, sizes: list[int], room: int, most: int | None, per_page: int | None, page: int
) -> None:
    tags = Tags(count, lambda n: sizes[n % len(sizes)])
    so_far: list[int] = []

    def check(reply: Reply) -> None:
        so_far.extend(items_of([reply]))
        assert len(tags.asked) <= len(so_far) / 50 + 2
        few = per_page if per_page and not most and page == 1 else 50
        assert tags.asked[0][1] == few
        assert all(size == 50 for _, size in tags.asked[1:])
        following = page_of(reply).next
        if following is not None:
            assert items_of([reply])  # it goes on, and not on the spot
            assert following["per_page"] == (per_page or 50)
        assert page_of(reply).returned == len(reply.body["tags"]) <= (most or per_page or 50)

    given_ = {"max_items": most, "per_page": per_page, "page": page if page > 1 else None}
    arguments = {name: value for name, value in given_.items() if value is not None}
    await Reader(tags).all("list_tags", room, check, **arguments)
    assert so_far == list(range((page - 1) * (per_page or 50) + 1, count + 1))


async def test_what_has_no_room_waits_and_is_not_read_again() -> None:
    """211 items fit, and 2,000 are wanted: once that took 40 requests, and 454 for 211 more."""
    tags = Tags(2_000)
    reader = Reader(tags)
    first = await reader.read(bound("list_tags", max_items=2_000), room=211)
    assert page_of(first).next == {"max_items": 2_000, "page": 5, "per_page": 50, "skip": 11}
    assert len(tags.asked) == 5
    second = await reader.read(bound("list_tags", **page_of(first).next), room=211)
    assert items_of([first, second]) == list(range(1, 423))
    assert [page for page, _ in tags.asked] == list(range(1, 10))


async def test_whoever_wants_few_is_not_kept_waiting_for_fifty_and_may_go_on() -> None:
    tags = Tags(130)
    reader = Reader(tags)
    first = await reader.read(bound("list_tags", per_page=20))
    assert page_of(first).next == {"page": 2, "per_page": 20}
    tags.rows.insert(0, {"id": 1_000, "size": 1})  # the 20th is the 21st by now
    second = await reader.read(bound("list_tags", **page_of(first).next))
    assert items_of([first, second]) == list(range(1, 41))
    assert second.notes == (
        "The list changed while it was read: 1 items that had been given came once more and were"
        " left out.",
    )
    assert tags.asked == [(1, 20), (1, 50)]


async def test_what_has_no_room_of_few_is_not_read_again() -> None:
    tags = Tags(130)
    reader = Reader(tags)
    first = await reader.read(bound("list_tags", per_page=20), room=12)
    assert page_of(first).next == {"page": 1, "per_page": 20, "skip": 12}
    second = await reader.read(bound("list_tags", **page_of(first).next), room=12)
    third = await reader.read(bound("list_tags", **page_of(second).next), room=12)
    assert items_of([first, second, third]) == list(range(1, 37))
    assert tags.asked == [(1, 20), (1, 50)]


async def test_few_that_are_all_are_complete() -> None:
    tags = Tags(20)
    only = page_of(await Reader(tags).read(bound("list_tags", per_page=20)))
    assert (only.complete, only.total, only.next, tags.asked) == (True, 20, None, [(1, 20)])


async def test_an_item_that_fits_no_answer_is_given_all_the_same() -> None:
    tags = Tags(3, lambda _: 10_000)
    replies = await Reader(tags).all("list_tags", 100, lambda _: None)
    assert [items_of([reply]) for reply in replies] == [[1], [2], [3]]
    assert tags.asked == [(1, 50)]


async def test_whoever_wants_one_item_after_the_other_takes_few_requests() -> None:
    tags = Tags(120)
    replies = await Reader(tags).all("list_tags", None, lambda _: None, max_items=1)
    assert items_of(replies) == list(range(1, 121))
    assert [page for page, _ in tags.asked] == [1, 2, 3]


async def test_a_page_is_cut_anew_behind_any_of_its_items() -> None:
    """Less may fit than was thought: the answer is measured once more."""
    tags = Tags(90)
    tags.weight = 300_000
    reader = Reader(tags)
    whole = page_of(await reader.read(bound("list_tags", max_items=90)))
    for kept in (1, 49, 50, 51, 89):
        cut = whole.cut_to(kept)
        assert (cut.complete, cut.returned, cut.why) == (False, kept, "")
        rest = await reader.read(bound("list_tags", **cut.next))
        assert items_of([rest]) == list(range(kept + 1, 91))
    assert len(tags.asked) == 2


# A cursor


class Templates:
    """A list through which a cursor leads, and the tokens and sizes that were asked for."""

    def __init__(self, count: int, size: Callable[[int], int] = lambda _: 1) -> None:
        self.rows = [{"id": n, "size": size(n)} for n in range(1, count + 1)]
        self.asked: list[tuple[str | None, int]] = []

    async def send(self, request: Request) -> Reply:
        query = dict(request.bound.query)
        token, limit = query.get("token"), int(query["limit"])
        self.asked.append((token, limit))
        first = (int(token or 7_000) - 7_000) // 3
        beyond = first + limit
        more = {"nextToken": 7_000 + 3 * beyond} if beyond < len(self.rows) else {}
        info = {**more, "totalCount": len(self.rows)}
        return Reply(200, {"templates": self.rows[first:beyond], "pageInfo": info}, weight=1_000)


@given(
    count=st.integers(0, 300),
    sizes=SIZES,
    room=st.integers(1, 12_000),
    most=st.none() | st.integers(1, 400),
    limit=st.none() | st.integers(1, 120),
)
@settings(max_examples=100, deadline=None)
async def test_a_cursor_takes_as_few_requests_as_it_has_pages(
    count: int, sizes: list[int], room: int, most: int | None, limit: int | None
) -> None:
    templates = Templates(count, lambda n: sizes[n % len(sizes)])
    so_far: list[int] = []

    def check(reply: Reply) -> None:
        so_far.extend(items_of([reply], "templates"))
        assert len(templates.asked) <= len(so_far) / 50 + 2
        first = 50 if most else min(limit or 50, 50)
        assert [size for _, size in templates.asked[:1]] == [first]
        assert {size for _, size in templates.asked[1:]} <= {50}
        assert page_of(reply).complete is (len(so_far) == count == page_of(reply).returned)

    given_ = {"max_items": most, "limit": limit, "number_id": 7}
    arguments = {name: value for name, value in given_.items() if value is not None}
    await Reader(templates).all("list_whatsapp_templates", room, check, **arguments)
    assert so_far == list(range(1, count + 1))


async def test_a_cursor_that_waits_no_longer_goes_on_at_the_right_place() -> None:
    templates = Templates(130)
    reader = Reader(templates)
    gone: list[int] = []
    following: Any = {"number_id": 7, "max_items": 130}
    while following:
        got = await reader.read(bound("list_whatsapp_templates", **following), room=40)
        gone += items_of([got], "templates")
        reader.clock.pass_by(LASTING)
        following = page_of(got).next
    assert gone == list(range(1, 131))


# What is no list, or one send


async def test_what_is_no_list_and_what_asks_for_one_send_passes() -> None:
    class Company:
        asked = 0

        async def send(self, _request: Request) -> Reply:
            self.asked += 1
            return Reply(200, {"company": {}}, age=7.0)

    company = Company()
    reader = Reader(company)
    got = await reader.read(bound("get_company"))
    assert (got.page, got.notes) == (None, ("Read 7 s ago; fresh:true reads anew.",))
    once = await reader.pages.send(Request(bound("list_tags"), Caller()))
    assert (once.page, company.asked) == (None, 2)
