"""A long read is ended by time, a limit or a fault, and loses nothing."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from aircall_mcp.errors import BudgetExhausted
from aircall_mcp.gateway.body import LESS
from aircall_mcp.gateway.budget import WINDOW, Budget
from aircall_mcp.gateway.ledger import MIGRATIONS
from aircall_mcp.gateway.retries import Retries
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry
from aircall_mcp.storage.state import InMemory

from ..harness import App, Clock, Harness, answering, desk_over, gateway_to, sandbox_with
from .test_long_reads import leading, listing

pytestmark = pytest.mark.anyio


async def test_a_long_read_ends_when_its_time_is_up_unless_somebody_watches_it(
    registry: Registry,
) -> None:
    for app, tool, key, onward in (
        (listing(120), "list_tags", "tags", {"page": 2, "per_page": 50}),
        (leading(120, 10), "list_whatsapp_templates", "templates", {"token": 7_000 + 3 * 50}),
    ):
        harness = Harness(desk_over(app, registry), sandbox_with(data="empty"))
        asked = {"max_items": 100} | ({"number_id": 1} if key == "templates" else {})
        got = await harness.desk.call(f"aircall_{tool}", asked, Caller(deadline=0.0))
        assert got.payload["notes"][0] == "Time was up; page.next goes on from here."
        page = {"complete": False, "returned": 50, "total": 120, "next": {**asked, **onward}}
        assert got.payload["page"] == page
        watched = Caller(deadline=0.0, watched=True)
        got = await harness.desk.call(f"aircall_{tool}", asked, watched)
        assert "Time was up" not in str(got.payload.get("notes"))
        assert got.payload["page"]["returned"] == len(got.payload["data"][key]) == 100
        await harness.desk.aclose()


async def test_a_walk_that_is_stopped_keeps_what_it_has_and_says_where_to_go_on(
    registry: Registry,
) -> None:
    sandbox = sandbox_with(data="large", requests_per_minute=None)
    told: list[tuple[float, float | None, str]] = []

    async def progress(done: float, total: float | None, message: str) -> None:
        told.append((done, total, message))

    async def company(_account: str | None) -> tuple[str, int]:
        return "company", 5

    clock = Clock()
    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=0, clock=clock.handed())
    gateway = gateway_to(sandbox, budget=budget, company=company, clock=clock.handed())
    bound = registry.ids["list_calls"].bind({"max_items": 500})
    got = await gateway.read(bound, Caller(progress=progress))
    assert got.page
    # Of five requests a minute bulk reading takes four; the rest is for people.
    assert (got.page.complete, got.page.returned, len(sandbox.arrivals)) == (False, 200, 4)
    assert got.page.next == {"max_items": 500, "page": 5, "per_page": 50}
    assert "Stopped early" in got.notes[0]
    assert "page.next goes on from here in 60 s" in got.notes[0]
    assert [done for done, _, _ in told] == [50, 100, 150, 200]
    await gateway.send(registry.ids["ping"].bind({}), Caller())
    with pytest.raises(BudgetExhausted):
        await gateway.read(bound, Caller())
    await gateway.aclose()


# One deadline


def in_time(clock: Clock, seconds: float, *statuses: int) -> tuple[App, list[str]]:
    """An Aircall with many tags that takes `seconds` for each answer, with these statuses, then
    200; and the pages it was asked for."""
    tags, asked = listing(1_000), list[str]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(parse_qs(scope["query_string"].decode())["page"][0])
        clock.pass_by(seconds)
        status = statuses[len(asked) - 1] if len(asked) <= len(statuses) else 200
        await (tags if status == 200 else answering(status)[0])(scope, receive, send)

    return app, asked


async def test_a_deadline_is_one_for_all_pages(registry: Registry) -> None:
    clock = Clock()
    app, asked = in_time(clock, 10)
    gateway = gateway_to(app, clock=clock.handed())
    bound = registry.ids["list_tags"].bind({"max_items": 500})
    got = await gateway.read(bound, Caller(deadline=25))
    assert got.page
    assert (asked, got.page.returned, got.page.complete) == (["1", "2", "3"], 150, False)
    assert got.page.next == {"max_items": 500, "page": 4, "per_page": 50}
    assert got.notes == ("Time was up; page.next goes on from here.",)
    await gateway.aclose()


async def test_and_for_all_attempts_at_one_of_them(registry: Registry) -> None:
    clock = Clock()
    app, asked = in_time(clock, 10, 200, 200, 503)
    gateway = gateway_to(app, clock=clock.handed(), retries=Retries(first=0.0))
    bound = registry.ids["list_tags"].bind({"max_items": 500, "fresh": True})
    got = await gateway.read(bound, Caller(deadline=25))
    assert got.page
    assert (asked, got.page.returned) == (["1", "2", "3"], 100)
    assert "Stopped early" in got.notes[0]
    await gateway.aclose()


async def test_and_for_the_waiting_between_them(registry: Registry) -> None:
    clock = Clock()

    async def company(_account: str | None) -> tuple[str, int]:
        return "company", 2

    async def sleep(seconds: float) -> None:
        clock.pass_by(seconds)

    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=1_000, clock=clock.handed(sleep))
    app, asked = in_time(clock, 0)
    gateway = gateway_to(app, clock=clock.handed(), budget=budget, company=company)
    bound = registry.ids["list_tags"].bind({"max_items": 500, "fresh": True})
    got = await gateway.read(bound, Caller(deadline=WINDOW - 1))
    assert asked == ["1"]  # bulk reading has one of the two, and the next is a window away
    assert "Stopped early" in got.notes[0]
    got = await gateway.read(bound, Caller(deadline=WINDOW - 1, watched=True))
    assert asked[1:] == [str(number) for number in range(1, 11)]
    assert got.page
    assert got.page.returned == 500
    await gateway.aclose()


async def test_what_is_watched_waits_longer_for_the_limit_than_what_nobody_sees(
    registry: Registry,
) -> None:
    clock = Clock()

    async def company(_account: str | None) -> tuple[str, int]:
        return "company", 2

    async def sleep(seconds: float) -> None:
        clock.pass_by(seconds)

    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=1, clock=clock.handed(sleep))
    app, asked = in_time(clock, 0)
    gateway = gateway_to(app, clock=clock.handed(), budget=budget, company=company)
    bound = registry.ids["list_tags"].bind({"max_items": 150, "fresh": True})
    got = await gateway.read(bound, Caller())
    assert asked == ["1"]
    assert "Stopped early" in got.notes[0]
    got = await gateway.read(bound, Caller(watched=True))
    assert asked[1:] == ["1", "2", "3"]
    assert got.notes == ()
    await gateway.aclose()


# Too much for one answer


def heavy(total: int, *, keyed: bool) -> tuple[App, list[tuple[int, int]]]:
    """An Aircall whose items weigh 200 KB each, in what a concise answer leaves out, and which
    offsets and sizes it was asked for."""
    asked: list[tuple[int, int]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        query = {k: v[0] for k, v in parse_qs(scope["query_string"].decode()).items()}
        size = int(query.get("limit") or query["per_page"])
        first = int(query.get("token", 0)) if keyed else (int(query["page"]) - 1) * size
        asked.append((first, size))
        beyond = min(first + size, total)
        items = [{"id": n + 1, "cost": "x" * 200_000} for n in range(first, beyond)]
        more = beyond < total
        body: dict[str, Any] = {"meta": {"total": total, "next_page_link": "x" if more else None}}
        if keyed:
            body = {"pageInfo": {"totalCount": total, **({"nextToken": beyond} if more else {})}}
        content = json.dumps({"templates" if keyed else "tags": items, **body}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": content})

    return app, asked


async def test_a_page_that_is_too_much_for_one_answer_is_read_in_parts(registry: Registry) -> None:
    app, asked = heavy(63, keyed=False)
    harness = Harness(desk_over(app, registry), sandbox_with(data="empty"))
    answer = await harness.call("list_tags", max_items=100)
    assert [tag["id"] for tag in answer["data"]["tags"]] == list(range(1, 64))
    assert answer["page"] == {"complete": True, "returned": 63, "total": 63}
    assert asked == [(0, 50), *((n, 10) for n in range(0, 50, 10)), (50, 50)]
    await harness.desk.aclose()


async def test_a_cursor_leads_through_parts_as_well(registry: Registry) -> None:
    app, asked = heavy(63, keyed=True)
    harness = Harness(desk_over(app, registry), sandbox_with(data="empty"))
    answer = await harness.call("list_whatsapp_templates", number_id=1, max_items=100)
    assert [one["id"] for one in answer["data"]["templates"]] == list(range(1, 64))
    assert answer["page"]["complete"] is True
    assert {size for _, size in asked} == {50, 10}
    await harness.desk.aclose()


async def test_what_is_too_much_even_in_parts_says_what_to_do(registry: Registry) -> None:
    app, asked = answering(200, b'{"tags": [' + b"1," * 60_000 + b"1]}")
    harness = Harness(desk_over(app, registry), sandbox_with(data="empty"))
    error = await harness.refused("list_tags")
    assert (error["kind"], error["hint"]) == ("unreachable", LESS)
    assert len(asked) == 2
    await harness.desk.aclose()


async def test_what_we_write_forgets_what_waits_of_a_list(registry: Registry) -> None:
    asked: list[int] = []
    tags, made = listing(120, weight=1_500, asked=asked), answering(201, {"tag": {"id": 9}})[0]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (made if scope["method"] == "POST" else tags)(scope, receive, send)

    harness = Harness(desk_over(app, registry), sandbox_with(data="empty"))
    first = await harness.call("list_tags", max_items=120)
    second = await harness.call("list_tags", **first["page"]["next"])
    assert asked == [1, 2]
    await harness.call("create_tag", name="VIP", color="#00B388")
    third = await harness.call("list_tags", **second["page"]["next"])
    assert asked[2] == 2
    ids = [tag["id"] for part in (first, second, third) for tag in part["data"]["tags"]]
    assert ids == list(range(1, len(ids) + 1))
    await harness.desk.aclose()
