"""Lists over a period: where Aircall's cap splits it, and what it leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.gateway.request import Request
from aircall_mcp.ground.reply import Reply

from ..harness import THURSDAY
from ..upstream import bound
from .lists import Reader, Tags, items_of, page_of

pytestmark = pytest.mark.anyio

CAP = 10_000


class Timed(Tags):
    """Phone calls or contacts, newest first or last, within a period as Aircall takes it, and
    10,000 of them at most."""

    def __init__(self, moments: list[int], by: str, *, exclusive: bool) -> None:
        super().__init__()
        self.rows = [{"id": n, "size": 1, by: at} for n, at in enumerate(moments, 1)]
        self._by = by
        self._exclusive = exclusive

    def chosen(self, query: dict[str, str]) -> list[dict[str, Any]]:
        since, until = int(query.get("from", 0)), int(query.get("to", 2**40))
        since += self._exclusive
        rows = [row for row in self.rows if since <= row[self._by] <= until]
        return sorted(rows, key=lambda row: row[self._by], reverse=query.get("order") == "desc")

    async def send(self, request: Request) -> Reply:
        query = dict(request.bound.query)
        assert int(query["page"]) * int(query["per_page"]) <= CAP, "400 at Aircall"
        return await super().send(request)


KINDS = [("list_calls", "calls", "started_at", True), ("search_calls", "calls", "started_at", True),
         ("list_contacts", "contacts", "created_at", False)]  # fmt: skip


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(("name", "key", "by", "exclusive"), KINDS)
async def test_behind_the_cap_another_period_begins_and_nothing_is_lost_or_comes_twice(
    name: str, key: str, by: str, exclusive: bool, order: str
) -> None:
    """Several items have the second at which the list is split."""
    recent = int(THURSDAY) - 86_400
    there = Timed([recent + n // 3 for n in range(CAP + 700)], by, exclusive=exclusive)
    replies = await Reader(there).all(
        name, None, lambda _: None, order=order, max_items=2_500,
        **{"from": recent - 5, "to": recent + 9_999},
    )  # fmt: skip
    got = items_of(replies, key)
    assert len(got) == len(set(got)) == CAP + 700
    assert len(there.asked) <= len(got) / 50 + 2 + 2
    split = next(reply for reply in replies if "in another period" in " ".join(reply.notes))
    assert set(page_of(split).next) >= {"skip", "from" if order == "asc" else "to"}
    assert not any(page_of(reply).complete for reply in replies)
    n = replies.index(split)  # what Aircall counts behind it is not all that match
    assert [page_of(reply).total for reply in replies[: n + 1]] == [CAP + 700] * (n + 1)


@pytest.mark.parametrize("most", [None, 30, 300, 5_000])
async def test_behind_the_cap_no_total_is_given_as_that_of_the_whole(most: int | None) -> None:
    recent = int(THURSDAY) - 86_400
    there = Timed([recent + n // 3 for n in range(CAP + 700)], "started_at", exclusive=True)
    wanted = {} if most is None else {"max_items": most}
    replies = await Reader(there).all("list_calls", None, lambda _: None, **wanted)
    got = items_of(replies, "calls")
    assert len(got) == len(set(got)) == CAP + 700
    totals = [page_of(reply).total for reply in replies]
    n = next(n for n, reply in enumerate(replies) if "in another period" in " ".join(reply.notes))
    assert totals == [CAP + 700] * (n + 1) + [None] * (len(replies) - n - 1)
    assert len(replies) > n + 1
    assert len(there.asked) <= len(got) / 50 + 4


async def test_a_list_whose_periods_are_not_known_ends_at_the_cap() -> None:
    tags = Tags(CAP + 1)
    got = await Reader(tags).read(bound("list_tags", page=200, max_items=70))
    assert (len(got.body["tags"]), page_of(got).next, page_of(got).complete) == (50, None, False)
    (note,) = got.notes
    assert note == "Aircall serves 10000 items of one query; narrow from/to to see the rest."
    beyond = await Reader(tags).read(bound("list_tags", page=201))
    assert (beyond.body["tags"], tags.asked) == ([], [(200, 50)])
    assert beyond.notes == got.notes


@pytest.mark.parametrize("name", ["list_calls", "list_contacts", "list_tags", "list_users_v2",
                                  "search_calls", "read_events"])  # fmt: skip
def test_a_period_that_ends_before_it_begins_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match="is later than `to`") as caught:
        bound(name, **{"from": 1_790_000_001, "to": 1_790_000_000})
    assert caught.value.hint == "Give the earlier moment as `from`."
    bound(name, **{"from": 1_790_000_000, "to": 1_790_000_000})


async def test_what_is_older_than_aircall_lists_is_not_known_to_be_all() -> None:
    now, old = int(THURSDAY), int(THURSDAY) - 200 * 86_400
    there = Timed([], "started_at", exclusive=True)
    periods = {"from": old}, {"to": old}, {"from": old, "to": old + 1}, {"from": old, "to": now}
    for given_ in periods:
        page = page_of(await Reader(there).read(bound("list_calls", **given_)))
        assert (page.complete, page.next) == (False, None)
        assert page.why == "Aircall lists the last 180 days alone; what is older is not here."
    many = Timed([int(THURSDAY) - n for n in range(60)], "started_at", exclusive=True)
    replies = await Reader(many).all("list_calls", None, lambda _: None, **{"from": old})
    assert [bool(page_of(reply).why) for reply in replies] == [False, True]
    assert "older is not here" in page_of(replies[1]).why
    recent = {"from": int(THURSDAY) - 86_400}
    assert page_of(await Reader(there).read(bound("list_calls", **recent))).complete
    assert page_of(await Reader(there).read(bound("list_contacts", **{"from": old}))).complete
