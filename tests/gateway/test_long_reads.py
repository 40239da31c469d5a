from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from aircall_mcp.gateway.lists import ITEM_CAP, LONGEST_TOKEN
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry
from aircall_mcp.offer.shape import LARGEST

from ..harness import App, Clock, Harness, desk_over, gateway_to, sandbox_with

pytestmark = pytest.mark.anyio


THE_END = "The list ends here; what comes before is not in this answer."


def listing(
    total: int, *, weight: int = 0, weights: Sequence[int] = (), asked: list[int] | None = None
) -> App:
    """An Aircall with so many tags, which pages through them as Aircall does. Each page that is
    asked for is noted in `asked`."""
    weights = weights or [weight]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        query = {k: v[0] for k, v in parse_qs(scope["query_string"].decode()).items()}
        page, size = int(query.get("page", 1)), int(query.get("per_page", 20))
        assert 1 <= size <= 50
        if asked is not None:
            asked.append(page)
        first = (page - 1) * size
        tags = [
            {"id": n + 1, "name": "x" * weights[n % len(weights)]}
            for n in range(first, min(first + size, total))
        ]
        more = f"https://api.aircall.io/v1/tags?page={page + 1}" if first + size < total else None
        meta = {"count": len(tags), "total": total, "current_page": page, "per_page": size,
                "next_page_link": more, "previous_page_link": None}  # fmt: skip
        body = json.dumps({"tags": tags, "meta": meta}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return app


def leading(total: int, weight: int) -> App:
    """An Aircall with so many templates, where a cursor that says nothing leads from one to the
    next."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        query = {k: v[0] for k, v in parse_qs(scope["query_string"].decode()).items()}
        first, limit = (int(query.get("token", 7_000)) - 7_000) // 3, int(query["limit"])
        assert 1 <= limit <= 50
        beyond = first + limit
        shown = [{"id": n + 1, "name": "x" * weight} for n in range(first, min(beyond, total))]
        following = {"nextToken": 7_000 + 3 * beyond} if beyond < total else {}
        answer = {"templates": shown, "pageInfo": {**following, "totalCount": total}}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return app


async def walk(harness: Harness, tool: str, key: str, **arguments: Any) -> list[Any]:
    """Follow `next` to the end."""
    items: list[Any] = []
    for _ in range(1_000):
        answer = await harness.call(tool, **arguments)
        page = answer["page"]
        listed = answer["data"].get(key, [])
        assert page["returned"] == len(listed)
        if "max_items" in arguments:
            assert len(listed) <= arguments["max_items"]
        items += listed
        if "next" not in page:
            return items
        assert page["complete"] is False
        arguments = page["next"]
    raise AssertionError("it never ends")


@given(
    total=st.integers(0, 260),
    most=st.none() | st.integers(1, 300),
    size=st.none() | st.integers(1, 50),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_following_next_gives_every_item_once_and_never_more_than_asked(
    registry: Registry, total: int, most: int | None, size: int | None
) -> None:
    harness = Harness(desk_over(listing(total), registry), sandbox_with(data="empty"))
    arguments = {k: v for k, v in {"max_items": most, "per_page": size}.items() if v is not None}
    items = await walk(harness, "list_tags", "tags", **arguments)
    assert [item["id"] for item in items] == list(range(1, total + 1))
    await harness.desk.aclose()


@given(
    total=st.integers(0, 600),
    weights=st.lists(
        st.integers(0, 400) | st.integers(0, 8_000) | st.integers(15_000, 40_000),
        min_size=1, max_size=6,
    ),
    most=st.none() | st.integers(1, 600),
    detail=st.sampled_from(["concise", "full"]),
)  # fmt: skip
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_a_long_read_takes_a_request_for_fifty_items_whatever_their_sizes(
    registry: Registry, total: int, weights: list[int], most: int | None, detail: str
) -> None:
    asked: list[int] = []
    app = listing(total, weights=weights, asked=asked)
    harness = Harness(desk_over(app, registry), sandbox_with(data="empty"))
    arguments: Any = {"detail": detail, "fresh": True, "max_items": most}
    arguments = {name: value for name, value in arguments.items() if value is not None}
    ids: list[int] = []
    while arguments is not None:
        answer = await harness.call("list_tags", **arguments)
        ids += [tag["id"] for tag in answer["data"]["tags"]]
        assert len(asked) <= len(ids) / 50 + 2
        assert len(to_json(answer["data"])) <= LARGEST
        arguments = answer["page"].get("next")
    assert ids == list(range(1, total + 1))
    await harness.desk.aclose()


async def test_a_read_whose_answer_holds_little_of_it_is_not_read_ahead(registry: Registry) -> None:
    """Some 211 items fit into an answer: once 40 requests were sent for them, and 454 for the
    next 211."""
    asked: list[int] = []
    app = listing(2_000, weight=255, asked=asked)
    harness = Harness(desk_over(app, registry), sandbox_with(data="empty"))
    first = await harness.call("list_tags", max_items=2_000)
    assert 190 <= first["page"]["returned"] <= 230
    assert asked == [1, 2, 3, 4, 5]
    second = await harness.call("list_tags", **first["page"]["next"])
    given_ = first["page"]["returned"] + second["page"]["returned"]
    assert 380 <= given_ <= 460
    assert len(asked) <= given_ / 50 + 2
    assert len(set(asked)) == len(asked)
    await harness.desk.aclose()


async def test_a_list_says_whether_it_is_all(harness: Harness) -> None:
    tags = await harness.call("list_tags")
    assert tags["page"] == {"complete": True, "returned": 8, "total": 8}
    calls = await harness.call("list_calls")
    total = len(harness.world.calls)
    assert calls["page"]["complete"] is False
    assert (calls["page"]["returned"], calls["page"]["total"]) == (50, total)
    assert calls["page"]["next"] == {"page": 2, "per_page": 50}
    second = await harness.call("list_calls", page=2)
    assert second["page"]["complete"] is False


async def test_the_last_page_is_not_all_and_has_no_next(harness: Harness) -> None:
    last = await harness.call("list_tags", per_page=5, page=2)
    assert last["page"] == {"complete": False, "returned": 3, "total": 8, "why": THE_END}
    beyond = await harness.call("list_tags", per_page=5, page=9)
    assert beyond["page"]["returned"] == 0
    assert beyond["page"]["complete"] is False


async def test_lists_come_newest_first(harness: Harness) -> None:
    calls = (await harness.call("list_calls"))["data"]["calls"]
    assert [call["id"] for call in calls] == [c.id for c in reversed(harness.world.calls)][:50]


async def test_the_arguments_given_are_kept_in_next(harness: Harness) -> None:
    page = (await harness.call("list_calls", **{"from": 1, "order": "asc", "max_items": 30}))[
        "page"
    ]
    assert page["next"] == {"from": "1", "order": "asc", "max_items": 30, "page": 1, "per_page": 50,
                            "skip": 30}  # fmt: skip


async def test_a_page_number_without_a_size_means_pages_of_fifty(harness: Harness) -> None:
    ids = [call.id for call in reversed(harness.world.calls)]
    calls = (await harness.call("list_calls", page=2, max_items=60))["data"]["calls"]
    assert [call["id"] for call in calls] == ids[50:110]


async def test_fewer_items_than_a_page_holds_can_start_in_the_middle(harness: Harness) -> None:
    ids = [call.id for call in reversed(harness.world.calls)]
    middle = await harness.call("list_calls", page=2, per_page=50, max_items=10)
    assert [call["id"] for call in middle["data"]["calls"]] == ids[50:60]
    assert middle["page"]["next"] == {"page": 2, "per_page": 50, "max_items": 10, "skip": 10}


async def test_an_item_that_moves_to_the_next_page_meanwhile_is_given_once(
    registry: Registry,
) -> None:
    """The list grows at its newest end between two pages."""
    pages = iter(
        [
            {"tags": [{"id": 3}, {"id": 2}], "meta": {"total": 3, "next_page_link": "x"}},
            {"tags": [{"id": 2}, {"id": 1}], "meta": {"total": 4, "next_page_link": None}},
        ]
    )
    gateway = gateway_to(in_turn(pages))
    bound = registry.ids["list_tags"].bind({"max_items": 4, "per_page": 2})
    got = await gateway.read(bound, Caller())
    assert [tag["id"] for tag in got.body["tags"]] == [3, 2, 1]
    await gateway.aclose()


def in_turn(bodies: Iterator[Any]) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(next(bodies)).encode()})

    return app


@pytest.mark.slow
async def test_of_more_than_ten_thousand_the_first_ten_thousand_are_read_and_the_rest_is_said(
    registry: Registry, clock: Clock
) -> None:
    sandbox = sandbox_with(data="large", clock=clock, requests_per_minute=None)
    gateway = gateway_to(sandbox)
    bound = registry.ids["list_calls"].bind({"max_items": ITEM_CAP})
    got = await gateway.read(bound, Caller())
    newest = [call.id for call in reversed(sandbox.world.calls)][:ITEM_CAP]
    assert [call["id"] for call in got.body["calls"]] == newest
    assert got.page
    assert not got.page.complete
    assert got.page.total
    assert got.page.total > ITEM_CAP
    oldest = got.body["calls"][-1]
    assert got.page.next is not None
    moment = oldest["started_at"]
    assert got.page.next == {"max_items": ITEM_CAP, "to": moment, "skip": 1}
    assert any("goes on in another period" in note for note in got.notes)
    further = await gateway.read(
        registry.ids["list_calls"].bind({**got.page.next, "max_items": 100}), Caller()
    )
    older = [call["id"] for call in further.body["calls"]]
    whole = [call.id for call in reversed(sandbox.world.calls)]
    assert older == whole[ITEM_CAP : ITEM_CAP + 100]
    await gateway.aclose()


@pytest.mark.slow
async def test_the_page_behind_the_ten_thousandth_item_is_not_asked_for(
    registry: Registry, clock: Clock
) -> None:
    sandbox = sandbox_with(data="large", clock=clock, requests_per_minute=None)
    harness = Harness(desk_over(sandbox, registry), sandbox)
    answer = await harness.call("list_calls", page=201, per_page=50)
    assert answer["page"] == {"complete": False, "returned": 0}
    assert any("narrow from/to" in note for note in answer["notes"])
    assert harness.arrivals() == []
    last = await harness.call("list_calls", page=200, per_page=50)
    assert last["page"]["returned"] == 50
    assert set(last["page"]["next"]) == {"to", "skip"}


async def test_a_cursor_leads_through_the_templates(harness: Harness) -> None:
    line = next(n.id for n in harness.world.numbers.values() if n.waba)
    everything = await walk(harness, "list_whatsapp_templates", "templates", number_id=line)
    assert len(everything) == len(harness.world.whatsapp_templates)
    for most in (1, 2, 3):
        parts = await walk(
            harness, "list_whatsapp_templates", "templates", number_id=line, max_items=most
        )
        assert parts == everything
    one = await harness.call("list_whatsapp_templates", number_id=line, max_items=1)
    assert one["page"]["complete"] is False


HEAVY = [(120, 3_000, None), (120, 3_000, 120), (120, 900, 100), (60, 20_000, None)]
"""Templates, bytes of each and `max_items`, so that an answer holds only some of a page."""


@pytest.mark.parametrize(("total", "weight", "most"), HEAVY)
async def test_where_a_cursor_leads_nothing_that_was_cut_is_lost(
    registry: Registry, total: int, weight: int, most: int | None
) -> None:
    harness = Harness(desk_over(leading(total, weight), registry), sandbox_with(data="empty"))
    arguments = {"number_id": 1} | ({} if most is None else {"max_items": most})
    first = await harness.call("list_whatsapp_templates", **arguments, sort="asc")
    assert (first["page"]["complete"], first["page"]["total"]) == (False, total)
    assert first["page"]["next"].items() >= {"number_id": 1, "sort": "asc"}.items()
    items = await walk(harness, "list_whatsapp_templates", "templates", **arguments)
    assert {item["id"] for item in items} == set(range(1, total + 1))
    await harness.desk.aclose()


async def test_what_is_cut_in_the_middle_goes_on_where_its_own_cursor_stood(
    registry: Registry,
) -> None:
    harness = Harness(desk_over(leading(120, 3_000), registry), sandbox_with(data="empty"))
    rest = await walk(
        harness, "list_whatsapp_templates", "templates", number_id=1, token=7_000 + 3 * 40
    )
    assert {item["id"] for item in rest} == set(range(41, 121))
    await harness.desk.aclose()


@pytest.mark.parametrize(("total", "weight", "most"), HEAVY)
async def test_where_a_cursor_leads_nothing_that_was_cut_comes_twice(
    registry: Registry, total: int, weight: int, most: int | None
) -> None:
    harness = Harness(desk_over(leading(total, weight), registry), sandbox_with(data="empty"))
    arguments = {"number_id": 1} | ({} if most is None else {"max_items": most})
    items = await walk(harness, "list_whatsapp_templates", "templates", **arguments)
    assert [item["id"] for item in items] == list(range(1, total + 1))
    await harness.desk.aclose()


@pytest.mark.parametrize(
    "token",
    ["t" * (5 * 2**20 - 200), "é" * LONGEST_TOKEN, 10**4000, True, 1.5, ["t"], {"t": "t"}],
    ids=["5 MB", "4 KB", "4,000 digits", "true", "float", "list", "object"],
)
@pytest.mark.parametrize("most", [None, 100])
async def test_a_token_that_is_none_ends_the_walk_and_is_not_handed_on(
    registry: Registry, token: Any, most: int | None
) -> None:
    first = {"templates": [{"id": 1}], "pageInfo": {"nextToken": "t", "totalCount": 9}}
    last = {"templates": [{"id": 2}], "pageInfo": {"nextToken": token, "totalCount": 9}}
    bodies = [last] if most is None else [first, last]
    harness = Harness(desk_over(in_turn(iter(bodies)), registry), sandbox_with(data="empty"))
    arguments = {"number_id": 1} | ({} if most is None else {"max_items": most})
    answer = await harness.call("list_whatsapp_templates", **arguments)
    why = "What follows cannot be read: Aircall's token for it is none."
    page = {"complete": False, "returned": len(bodies), "total": 9, "why": why}
    assert answer["page"] == page
    assert len(json.dumps(answer)) < 1000
    await harness.desk.aclose()


@pytest.mark.parametrize(
    "token", ["t" * LONGEST_TOKEN, "", 0, 2**63], ids=["2 KB", "empty", "0", "large"]
)
async def test_a_token_is_a_text_or_a_number(registry: Registry, token: Any) -> None:
    body = {"templates": [{"id": 1}], "pageInfo": {"nextToken": token}}
    harness = Harness(desk_over(in_turn(iter([body])), registry), sandbox_with(data="empty"))
    answer = await harness.call("list_whatsapp_templates", number_id=1)
    assert answer["page"]["next"]["token"] == token
    await harness.desk.aclose()


@pytest.mark.parametrize(
    "total",
    ["many", "9", -1, True, 1.5, [9], 10**4000, {}],
    ids=["word", "text", "negative", "true", "float", "list", "4,000 digits", "object"],
)
@pytest.mark.parametrize("most", [None, 100])
async def test_a_total_that_is_no_count_is_not_known(
    registry: Registry, total: Any, most: int | None
) -> None:
    more = [] if most is None else [{"nextToken": "t"}]
    bodies = [
        {"templates": [{"id": n}], "pageInfo": {**info, "totalCount": total}}
        for n, info in enumerate([*more, {"nextToken": None}])
    ]
    harness = Harness(desk_over(in_turn(iter(bodies)), registry), sandbox_with(data="empty"))
    arguments = {} if most is None else {"max_items": most}
    answer = await harness.call("list_whatsapp_templates", number_id=1, **arguments)
    assert answer["page"] == {"complete": True, "returned": len(bodies)}
    tags = {"tags": [{"id": 1}], "meta": {"total": total, "next_page_link": None}}
    harness = Harness(desk_over(in_turn(iter([tags])), registry), sandbox_with(data="empty"))
    assert (await harness.call("list_tags"))["page"] == {"complete": True, "returned": 1}
    await harness.desk.aclose()


async def test_a_list_of_another_form_is_given_as_it_came_and_never_called_complete(
    registry: Registry,
) -> None:
    for body in ({"labels": [1]}, {"tags": {"a": 1}}, [1], "text"):
        harness = Harness(desk_over(in_turn(iter([body])), registry), sandbox_with(data="empty"))
        answer = await harness.call("list_tags", detail="full")
        assert "page" not in answer
        assert "The answer has no list `tags`." in answer["notes"]
        await harness.desk.aclose()


async def test_the_last_part_that_a_cursor_leads_to_is_not_all_and_has_no_next(
    registry: Registry,
) -> None:
    harness = Harness(desk_over(leading(60, 10), registry), sandbox_with(data="empty"))
    last = await harness.call("list_whatsapp_templates", number_id=1, token=7_000 + 3 * 50)
    assert last["page"] == {"complete": False, "returned": 10, "total": 60, "why": THE_END}
    whole = await harness.call("list_whatsapp_templates", number_id=1, max_items=60)
    assert whole["page"] == {"complete": True, "returned": 60, "total": 60}
    await harness.desk.aclose()


async def test_a_list_is_not_complete_where_the_end_of_a_text_is_missing(
    registry: Registry,
) -> None:
    for app, tool, asked in (
        (listing(2, weight=35_000), "list_tags", {}),
        (leading(2, 35_000), "list_whatsapp_templates", {"number_id": 1}),
    ):
        harness = Harness(desk_over(app, registry), sandbox_with(data="empty"))
        answer = await harness.call(tool, **asked)
        why = "something in it was too large and was cut; the notes say what"
        assert answer["page"] == {"complete": False, "returned": 2, "total": 2, "why": why}
        assert answer["notes"][-1] == "Texts over 20000 characters were cut."
        await harness.desk.aclose()


@pytest.mark.parametrize("asked", [{"page": 2}, {"page": 2, "per_page": 30, "max_items": 60}])
async def test_what_begins_on_the_second_page_is_never_all(
    registry: Registry, asked: dict[str, int]
) -> None:
    harness = Harness(desk_over(listing(70), registry), sandbox_with(data="empty"))
    answer = await harness.call("list_tags", **asked)
    assert answer["page"]["complete"] is False
    assert "next" not in answer["page"]
    await harness.desk.aclose()


async def test_what_is_no_list_has_no_page(harness: Harness) -> None:
    assert "page" not in await harness.call("get_company")


async def test_a_cursor_behind_the_last_item_is_not_followed(registry: Registry) -> None:
    """What the answer counts is believed before a token that leads to nothing."""
    pages = [
        {"templates": [{"id": n + 1} for n in range(first, first + 50)],
         "pageInfo": {"nextToken": first + 50, "totalCount": 100}}
        for first in (0, 50)
    ]  # fmt: skip
    harness = Harness(desk_over(in_turn(iter(pages)), registry), sandbox_with(data="empty"))
    answer = await harness.call("list_whatsapp_templates", number_id=1, max_items=100)
    assert answer["page"] == {"complete": True, "returned": 100, "total": 100}
    await harness.desk.aclose()
