"""All of a list, for sure; else the answer says why not."""

from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.errors import Unreachable
from aircall_mcp.gateway.request import Request
from aircall_mcp.ground.reply import Reply

from ..upstream import bound
from .lists import LINK, Reader, Tags, items_of, page_of

pytestmark = pytest.mark.anyio


async def test_a_list_is_complete_where_every_item_of_it_came() -> None:
    for count, most in ((0, None), (3, None), (50, None), (50, 60), (120, 120), (120, 500)):
        arguments = {} if most is None else {"max_items": most}
        page = page_of(await Reader(Tags(count)).read(bound("list_tags", **arguments)))
        assert (page.complete, page.returned, page.next, page.why) == (True, count, None, "")


class Odd(Tags):
    """Tags whose `meta` is as a test says, by the number of the page."""

    def __init__(self, count: int, **metas: dict[str, Any]) -> None:
        super().__init__(count)
        self._metas = metas

    def meta(self, page: int, size: int, items: list[Any], total: int) -> dict[str, Any]:  # noqa: ARG002
        return self._metas.get(f"page{page}", self._metas["other"])


async def test_fewer_or_more_items_than_aircall_counts_are_not_all() -> None:
    for total in (6, 8, 9):
        odd = Odd(7, other={"total": total, "next_page_link": None})
        page = page_of(await Reader(odd).read(bound("list_tags")))
        assert (page.complete, page.next) == (False, None)
        assert page.why == f"Aircall counts {total} items and gave 7."


async def test_an_empty_page_with_a_link_to_more_is_not_the_end() -> None:
    more = {"total": 70, "next_page_link": LINK}

    class Gap(Tags):
        """Its second page is empty, and the third is not."""

        async def send(self, request: Request) -> Reply:
            if dict(request.bound.query)["page"] == "2":
                self.asked.append((2, 50))
                return Reply(200, {"tags": [], "meta": more})
            return await super().send(request)

    gap = Gap(120)
    got = await Reader(gap).read(bound("list_tags", max_items=200))
    assert items_of([got]) == [*range(1, 51), *range(101, 121)]
    assert page_of(got).complete is False
    assert page_of(got).why == "The list changed while it was read: an item may be missing."
    endless = Odd(0, other=more)
    for arguments in ({}, {"max_items": 10}, {"max_items": 5_000}):
        endless.asked.clear()
        page = page_of(await Reader(endless).read(bound("list_tags", **arguments)))
        assert (page.complete, page.returned, page.next) == (False, 0, None)
        assert page.why == "Aircall gives empty pages and says that more follow."
        assert len(endless.asked) == 2


async def test_without_links_the_count_tells_whether_more_follow() -> None:
    """As Aircall lists webhooks."""
    for count in (0, 7, 50, 51, 100):
        hooks = Odd(count, other={"total": count, "per_page": 50})
        replies = await Reader(hooks).all("list_webhooks", None, lambda _: None)
        assert items_of(replies, "webhooks") == list(range(1, count + 1))
        assert page_of(replies[0]).complete is (count <= 50)
        assert len(hooks.asked) == max(1, -(-count // 50))


async def test_without_links_and_count_a_full_page_may_be_the_last_one() -> None:
    for count in (0, 49, 50, 100):
        hooks = Odd(count, other={})
        first = page_of(await Reader(hooks).read(bound("list_webhooks")))
        full = count >= 50
        assert (first.complete, first.next is not None) == (not full, full)
        whole = page_of(await Reader(hooks).read(bound("list_webhooks", max_items=200)))
        assert (whole.complete, whole.returned) == (True, count)


class Clamped(Tags):
    """Gives twenty items a page, whatever is asked for; `says` are the fields of its `meta`."""

    def __init__(self, count: int, *says: str, **lies: Any) -> None:
        super().__init__(count)
        self._says = says
        self._lies = lies

    async def send(self, request: Request) -> Reply:
        page = int(dict(request.bound.query)["page"])
        self.asked.append((page, 20))
        assert len(self.asked) < 50
        items = self.rows[(page - 1) * 20 : page * 20]
        facts = {
            "count": len(items), "per_page": 20, "current_page": page, "total": len(self.rows),
        }  # fmt: skip
        meta = {name: facts[name] for name in self._says} | self._lies
        return Reply(200, {request.operation.answer.key: items, **({"meta": meta} if meta else {})})


@pytest.mark.parametrize("name", ["list_webhooks", "list_contacts", "list_tags"])
@pytest.mark.parametrize(
    "says",
    [
        (), ("count",), ("per_page",), ("count", "per_page", "current_page"), ("total",),
        ("count", "total", "per_page", "current_page"),
    ],
)  # fmt: skip
async def test_fewer_a_page_than_were_asked_for_are_not_the_end(
    name: str, says: tuple[str, ...]
) -> None:
    key = bound(name).operation.answer.key
    for count in (0, 1, 20, 40, 50, 75, 80):
        clamped = Clamped(count, *says)
        whole = await Reader(clamped).read(bound(name, max_items=200))
        assert items_of([whole], key) == list(range(1, count + 1))
        assert (page_of(whole).complete, page_of(whole).next) == (True, None)
        if {"total", "per_page"} <= set(says):
            assert len(clamped.asked) == max(1, -(-count // 20))
        replies = await Reader(clamped).all(name, None, lambda _: None)
        assert items_of(replies, key) == list(range(1, count + 1))
        assert not any(page_of(reply).complete for reply in replies[:-1])
        assert page_of(replies[-1]).complete is (len(replies) == 1)


async def test_what_the_size_of_a_page_is_said_to_be_may_be_untrue() -> None:
    lying = Clamped(75, "total", per_page=50)
    got = await Reader(lying).read(bound("list_webhooks", max_items=200))
    assert (items_of([got], "webhooks"), page_of(got).complete) == (list(range(1, 76)), True)


async def test_a_short_page_is_followed_by_one_more_and_then_it_is_all() -> None:
    hooks = Odd(7, other={})
    page = page_of(await Reader(hooks).read(bound("list_webhooks")))
    assert (page.complete, page.returned, [number for number, _ in hooks.asked]) == (
        True,
        7,
        [1, 2],
    )


async def test_the_same_page_again_ends_the_read_and_is_not_all() -> None:
    """As of a server that does not know `page`."""

    class Same(Tags):
        async def send(self, request: Request) -> Reply:  # noqa: ARG002
            self.asked.append((0, 0))
            return Reply(200, {"tags": self.rows, "meta": self.says})

        says: dict[str, Any] = {}  # noqa: RUF012

    for says in ({}, {"next_page_link": LINK}, {"total": 500, "per_page": 7}):
        same = Same(7)
        same.says = says
        page = page_of(await Reader(same).read(bound("list_tags", max_items=500)))
        assert (page.complete, page.returned, page.next, len(same.asked)) == (False, 7, None, 2)
        assert page.why == "Aircall gives the same page again; more may follow."


async def test_a_list_that_grows_meanwhile_gives_each_item_once_and_is_not_complete() -> None:
    tags = Tags(100)

    def grow(number: int) -> None:
        if number == 2:
            tags.rows.insert(0, {"id": 1_000, "size": 1})

    tags.before = grow
    got = await Reader(tags).read(bound("list_tags", max_items=200))
    assert items_of([got]) == list(range(1, 101))
    assert page_of(got).complete is False
    assert page_of(got).why == "The list changed while it was read: an item may be missing."
    assert "1 items that had been given came once more" in got.notes[0]


async def test_a_list_that_shrinks_while_it_is_read_is_not_complete() -> None:
    tags = Tags(100)

    def shrink(number: int) -> None:
        if number == 2:
            del tags.rows[0]

    tags.before = shrink
    got = await Reader(tags).read(bound("list_tags", max_items=200))
    assert items_of([got]) == [*range(1, 51), *range(52, 101)]
    assert (page_of(got).complete, page_of(got).next) == (False, None)
    assert page_of(got).why == "The list changed while it was read: an item may be missing."


async def test_one_comes_and_one_goes_while_it_is_read_and_the_count_does_not_show_it() -> None:
    tags = Tags(100)

    def swap(number: int) -> None:
        if number == 2:
            del tags.rows[70]
            tags.rows.insert(0, {"id": 1_000, "size": 1})

    tags.before = swap
    got = await Reader(tags).read(bound("list_tags", max_items=200))
    assert (page_of(got).complete, page_of(got).total) == (False, 100)
    assert page_of(got).why == "The list changed while it was read: an item may be missing."


async def test_what_moves_between_two_calls_is_given_once_and_told() -> None:
    tags = Tags(100)
    reader = Reader(tags)
    first = await reader.read(bound("list_tags"))
    tags.rows.insert(0, {"id": 1_000, "size": 1})
    second = await reader.read(bound("list_tags", **page_of(first).next))
    assert items_of([first, second]) == list(range(1, 100))
    assert "had been given came once more" in second.notes[0]
    third = await reader.read(bound("list_tags", **page_of(second).next))
    assert items_of([third]) == [100]


async def test_what_begins_in_the_middle_is_never_complete() -> None:
    for arguments in ({"page": 2}, {"skip": 1}, {"page": 2, "per_page": 10}):
        page = page_of(await Reader(Tags(60)).read(bound("list_tags", **arguments, max_items=99)))
        assert (page.complete, page.next) == (False, None)
        assert page.why == "The list ends here; what comes before is not in this answer."


async def test_a_page_that_is_no_list_ends_the_read_and_loses_nothing() -> None:
    tags = Tags(120)

    class Broken(Tags):
        async def send(self, request: Request) -> Reply:
            reply = await tags.send(request)
            return reply if len(tags.asked) < 2 else Reply(200, {"tags": None})

    got = await Reader(Broken()).read(bound("list_tags", max_items=120))
    assert items_of([got]) == list(range(1, 51))
    assert page_of(got).next == {"max_items": 120, "page": 2, "per_page": 50}
    assert got.notes == ("The answer has no list `tags`.",)


async def test_a_page_that_cannot_be_had_ends_the_read_and_loses_nothing() -> None:
    tags = Tags(120)

    class Broken(Tags):
        async def send(self, request: Request) -> Reply:
            if len(tags.asked) == 1:
                raise Unreachable("It broke.")
            return await tags.send(request)

    reader = Reader(Broken())
    got = await reader.read(bound("list_tags", max_items=120))
    assert items_of([got]) == list(range(1, 51))
    assert page_of(got).next == {"max_items": 120, "page": 2, "per_page": 50}
    assert got.notes == ("Stopped early: It broke. page.next goes on from here.",)
    with pytest.raises(Unreachable):
        await reader.read(bound("list_tags", **page_of(got).next))
