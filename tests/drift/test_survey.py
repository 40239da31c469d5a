"""What differs is found, and nothing else; and what was looked at is told to nobody."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from time import monotonic
from typing import Any, cast

import pytest

from aircall_mcp import spec
from aircall_mcp.drift import report
from aircall_mcp.drift.forms import form, invented
from aircall_mcp.drift.overheard import Overheard
from aircall_mcp.drift.survey import Survey, survey
from aircall_mcp.errors import CredentialError, Refused
from aircall_mcp.gateway import ledger as budgets
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.state import InMemory

from ..harness import THURSDAY, Clock, gateway_to, sandbox_with
from ..live.facts import fields
from .changed import Changed, each

pytestmark = pytest.mark.anyio

REGISTRY = Registry.of(spec.load())


async def surveyed(app: Any, **more: Any) -> Survey:
    """By a gateway that thinks `app` to be Aircall."""
    overheard = Overheard()
    ours = gateway_to(app, heard=overheard, **more)
    clock = Clock(THURSDAY).handed()
    try:
        return await survey(ours, REGISTRY.ids, spec.document(), overheard, clock=clock)
    finally:
        await ours.aclose()


def small(**choices: Any) -> Sandbox:
    return sandbox_with(clock=Clock(), requests_per_minute=None, **choices)


@pytest.fixture
def there() -> Changed:
    return Changed(small())


def places(found: Survey) -> set[tuple[str, str, str]]:
    return {(one.kind, one.of, one.place) for one in found.differences}


async def test_the_sandbox_is_as_described(full: bool) -> None:
    retired = {"list_users_v1", "get_user_v1"}
    for data in ("small", "empty", *(("large",) if full else ())):
        sandbox = small(data=data)
        found = await surveyed(sandbox)
        assert found.differences == ()
        assert len(found.looked) >= (20 if data == "empty" else 34)
        assert found.requests == len(sandbox.arrivals) <= 64
        assert {one.method for one in sandbox.arrivals} == {"GET"}
        # Of each read it is known whether it was looked at, and else why not.
        reads = {one.id for one in REGISTRY.known if one.effect == "read" and not one.ours}
        assert reads == {*found.looked, *(one.of for one in found.unseen)}
        assert all(one.why for one in found.unseen)
        # That Aircall has retired something is none of our description's faults.
        assert {one.of for one in found.unseen if "retired it, and" in one.why} >= retired


async def test_what_aircall_has_retired_and_still_answers_is_looked_at() -> None:
    found = await surveyed(small(users_v1=True))
    assert found.differences == ()
    assert {"list_users_v1", "get_user_v1"} <= set(found.looked)


Change = Callable[[dict[str, Any]], object]


async def test_what_aircall_has_retired_is_asked_for_all_the_same() -> None:
    """Whether it still answers is worth knowing, and a no is none of our description's faults."""
    gone, still = await surveyed(small()), await surveyed(small(users_v1=True))
    assert gone.differences == still.differences == ()
    retired = {"list_users_v1", "get_user_v1"}
    assert {one.of for one in gone.unseen if "retired it, and answered 404" in one.why} >= retired
    assert retired <= set(still.looked)


def without(name: str) -> Change:
    return lambda one: one.pop(name)


def renamed(old: str, new: str) -> Change:
    return lambda one: one.update({new: one.pop(old)})


def becomes(name: str, value: Any) -> Change:
    return lambda one: one.update({name: value})


def within(name: str, change: Change) -> Change:
    return lambda one: change(one[name]) if one.get(name) else None


def first_alone(change: Change) -> Change:
    """The first that comes, and no other, whenever it comes again."""
    first: list[Any] = []

    def once(one: dict[str, Any]) -> None:
        first.append(one["id"])
        if one["id"] == first[0]:
            change(one)

    return once


BODIES: list[tuple[str, str, Any, set[tuple[str, str, str]]]] = [
    ("/v2/users", "users", without("email"), {("absent", "list_users_v2", "users[].email")}),
    # What identifies is missed where a single item lacks it.
    ("/v1/numbers", "numbers", first_alone(without("id")),
     {("absent", "list_numbers", "numbers[].id")}),
    ("/v1/calls", "calls", within("user", without("language")),
     {("absent", "list_calls", "calls[].user.language")}),
    ("/v1/numbers", "numbers", without("users"),
     {("absent", "list_numbers", "numbers[].users")}),
    ("/v1/calls", "calls", renamed("duration", "seconds_in_all"),
     {("absent", "list_calls", "calls[].duration"),
      ("extra", "list_calls", "calls[].seconds_in_all")}),
    ("/v1/contacts", "contacts", becomes("is_shared", "yes"),
     {("type", "list_contacts", "contacts[].is_shared")}),
    ("/v1/calls/search", "calls", becomes("duration", 12.5),
     {("type", "search_calls", "calls[].duration")}),
    ("/v1/tags", "tags", becomes("name", None), {("type", "list_tags", "tags[].name")}),
    ("/v1/calls", "calls", becomes("direction", "sideways"),
     {("word", "list_calls", "calls[].direction")}),
    ("/v2/users", "users", becomes("created_at", "2026-06-18 10:11"),
     {("form", "list_users_v2", "users[].created_at")}),
    ("/v1/numbers", "numbers", becomes("region", "IDF"),
     {("extra", "list_numbers", "numbers[].region")}),
    ("/v1/calls", "calls", within("number", becomes("carrier", {"name": "Zoe"})),
     {("extra", "list_calls", "calls[].number.carrier")}),
    ("/v1/webhooks", "webhooks", becomes("events", [1, 2]),
     {("type", "list_webhooks", "webhooks[].events[]")}),
    # A word that the account has, too, is none of its own where the description has it.
    ("/v1/calls", "calls", becomes("done_at", 1), {("extra", "list_calls", "calls[].done_at")}),
    ("/v2/users", "users", becomes("wrap_up_time", True),
     {("type", "list_users_v2", "users[].wrap_up_time")}),
    ("/v1/company", "company", becomes("plan", "pro"),
     {("extra", "get_company", "company.plan")}),
    ("/v1/teams", "teams", becomes("users", {}), {("type", "list_teams", "teams[].users")}),
]  # fmt: skip


async def test_a_changed_body_is_found_and_nothing_else(full: bool) -> None:
    """All at once, so that each has what it must and nothing beside; in full one by one, too."""
    rounds = [BODIES, *([one] for one in BODIES if full)]
    for changes in rounds:
        there = Changed(small())
        for path in {path for path, *_ in changes}:
            ours = [(key, change) for at, key, change, _ in changes if at == path]

            def all_of(body: Any, ours: Any = ours) -> Any:
                for key, change in ours:
                    body = each(key, change)(body)
                return body

            there.body[path] = all_of
        wanted = {place for *_, expected in changes for place in expected}
        assert places(await surveyed(there)) == wanted


async def test_another_header_is_found(there: Changed) -> None:
    there.headers["*"] = {"x-aircallapi-limit": "120", "x-api-version": "2026-11"}
    there.headers["/v1/tags"] = {"deprecation": "true", "content-type": "text/plain"}
    there.headers["/v1/company"] = {"content-type": ""}
    there.headers["/v1/numbers"] = {"content-type": "application/zoe"}
    found = {(one.kind, one.name, one.seen): one for one in (await surveyed(there)).differences}
    assert found.keys() == {
        ("header", "x-aircallapi-limit", "a number"), ("header", "x-api-version", "text"),
        ("header", "deprecation", "text"), ("header", "content-type", "text/plain"),
        ("header", "content-type", "none"), ("header", "content-type", "another"),
    }  # fmt: skip
    # What all have is told once, and how often it was seen.
    assert found["header", "x-api-version", "text"].times > 40
    assert found["header", "deprecation", "text"].of == "list_tags"


def meta(**fields: Any) -> Callable[[Any], Any]:
    return lambda body: body | {"meta": body["meta"] | fields}


def smaller_pages(query: dict[str, str]) -> dict[str, str]:
    return query | {"per_page": str(min(int(query.get("per_page", 20)), 20))}


def moved(name: str, by: int) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda q: q | ({name: str(int(q[name]) + by)} if name in q else {})


RULES: list[tuple[Callable[[Changed], object], set[tuple[str, str, str]]]] = [
    (lambda a: a.body.update({"/v1/tags": meta(count=0)}),
     {("page", "list_tags", "count_is_of_this_page")}),
    (lambda a: a.body.update({"/v1/teams": meta(current_page=0)}),
     {("page", "list_teams", "current_page_is_as_asked")}),
    (lambda a: a.body.update({"/v1/contacts": meta(next_page_link=None)}),
     {("page", "list_contacts", "next_link_until_the_last_page")}),
    (lambda a: a.body.update({"/v1/numbers": meta(total=0)}),
     {("page", "list_numbers", "total_is_of_all")}),
    (lambda a: a.query.update({"/v1/contacts": smaller_pages}),
     {("page", "list_contacts", "per_page_is_as_asked")}),
    (lambda a: a.query.update({"/v1/contacts": lambda q: q | {"page": "1"}}),
     {("page", "list_contacts", "pages_follow_each_other"),
      ("page", "list_contacts", "next_link_leads_to_the_next_page"),
      ("page", "list_contacts", "current_page_is_as_asked")}),
    (lambda a: a.query.update({"/v1/calls": lambda q: {"order": "desc"} | q}),
     {("page", "list_calls", "usual_order")}),
    (lambda a: a.query.update({"/v1/calls": lambda q: {"per_page": "25"} | q}),
     {("page", "list_calls", "usual_size_of_a_page")}),
    (lambda a: a.query.update({"/v1/calls": lambda q: q | {"order": "asc"}}),
     {("page", "list_calls", "order_is_as_asked")}),
    (lambda a: a.status.update({"/v1/tags": lambda s, q: 400 if q.get("per_page") == "51" else s}),
     {("page", "list_tags", "larger_pages_are_clamped")}),
    (lambda a: a.status.update({"/v1/tags": lambda s, _: 404 if s == 400 else s}),
     {("page", "list_tags", "pages_end_at_the_cap")}),
    (lambda a: a.query.update({"/v1/calls": moved("from", -1)}),
     {("window", "list_calls", "from_of_a_period")}),
    (lambda a: a.query.update({"/v1/calls": moved("to", -1)}),
     {("window", "list_calls", "to_of_a_period")}),
    (lambda a: a.query.update({"/v1/contacts": moved("from", 1)}),
     {("window", "list_contacts", "from_of_a_period")}),
    (lambda a: a.query.update({"/v1/contacts/search": moved("to", -1)}),
     {("window", "search_contacts", "to_of_a_period")}),
]  # fmt: skip
TOGETHER = ((0, 1, 2, 3, 6, 14), (4, 7, 9), (5, 11), (8, 13), (10, 12))
"""Which of them do not get in each other's way."""


async def test_another_rule_of_pages_or_periods_is_found(full: bool) -> None:
    assert sorted(sum(TOGETHER, ())) == list(range(len(RULES)))
    rounds = [*TOGETHER, *((one,) for one in range(len(RULES)) if full)]
    for numbers in rounds:
        there = Changed(small())
        for prepare, _ in (RULES[number] for number in numbers):
            prepare(there)
        found = await surveyed(there)
        wanted = {place for number in numbers for place in RULES[number][1]}
        assert {(one.kind, one.of, one.name) for one in found.differences} == wanted


async def test_another_status_is_found_and_a_route_that_is_gone_by_who_says_so(
    there: Changed,
) -> None:
    """Aircall's application and what stands before it say no in different words."""
    there.status["/v1/company"] = lambda _same, _query: 206
    there.status["/v1/teams"] = lambda _same, _query: 418
    there.raw["/v1/integrations/me"] = b'{"message": "Not Found"}'
    there.status["/v1/integrations/me"] = lambda _same, _query: 404
    found = await surveyed(there)
    statuses = {one.of: (one.said, one.seen) for one in found.differences if one.kind == "status"}
    gone = {one.of for one in found.differences} - statuses.keys()
    assert statuses["get_company"] == ("200", "206")
    assert statuses["list_teams"] == ("200", "418")
    assert {*statuses, *gone} == {"get_company", "list_teams", "get_integration"}
    assert {"get_company", "list_teams", "get_integration"} & set(found.looked) == {"get_company"}


async def test_what_is_no_such_body_is_found_and_stops_nothing(there: Changed) -> None:
    there.raw = {
        "/v1/calls": b"<html>", "/v1/calls/search": b"[]", "/v1/contacts": b"null",
        "/v1/contacts/search": b"[1, 2", "/v1/numbers": b"{}", "/v1/teams": b'"text"',
        "/v1/webhooks": b"", "/v1/users/availabilities": b'{"users": [7, null], "meta": []}',
    }  # fmt: skip
    found = await surveyed(there)
    told = {one.of for one in found.differences} | {one.of for one in found.unseen}
    odd = {
        "list_calls", "search_calls", "list_contacts", "search_contacts", "list_numbers",
        "list_teams", "list_webhooks", "list_user_availabilities",
    }  # fmt: skip
    assert odd <= told
    assert {one.of for one in found.differences} <= odd
    assert {"list_tags", "get_user_v2"} <= set(found.looked)


async def test_a_key_that_is_refused_is_said_and_nothing_more_is_asked() -> None:
    sandbox = small()
    with pytest.raises(Refused) as refused:
        await surveyed(sandbox, key=("wrong", "wrong"))
    assert "does not accept the credential" in refused.value.message
    assert len(sandbox.arrivals) <= 2
    with pytest.raises(CredentialError):
        await surveyed(small(), key=None)


async def test_it_keeps_to_the_limit_and_to_the_lane_behind_people() -> None:
    """Of 60 in a window a survey takes 48 at most, however many it has to make."""
    sandbox = small()
    window = 0.5
    budget = Budget(lambda: InMemory(budgets.MIGRATIONS), window=window, longest_wait=60)
    times: list[float] = []

    async def clocked(scope: Any, receive: Any, send: Any) -> None:
        times.append(monotonic())
        await sandbox(scope, receive, send)

    found = await surveyed(clocked, budget=budget)
    assert found.differences == ()
    assert len(times) > 48
    assert times[48] - times[0] >= window


# what is told of it

CANARIES = ("Zoe Lund", "zoe.lund@example.com", "+33199001234", "hunter2-secret", "Bonjour Zoe")


NAMED: dict[str, Any] = {
    "zoe_lund": 1, "+33199001234": "x", "zoe.lund@example.com": [], "Zoe": {"a": 1},
    "ZoeLund": None, "id_33199001234": 2, "hunter2_secret": "hunter2-secret",
    "bonjour-zoe": "y", "brand_new": "Bonjour Zoe",
}  # fmt: skip


def planted(body: Any) -> Any:
    """Every text is somebody's, and names of fields are, too."""

    def somebodys(value: Any, depth: int = 0) -> Any:
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            return {key: somebodys(part, depth + 1) for key, part in fields.items()} | NAMED
        if isinstance(value, list):
            return [somebodys(one, depth + 1) for one in cast("list[Any]", value)]
        return CANARIES[depth % len(CANARIES)] if isinstance(value, str) else value

    return somebodys(body) | {"name": "Zoe Lund"}


async def test_of_whom_it_is_nobody_learns(there: Changed) -> None:
    there.body["*"] = planted
    there.headers["*"] = {"x-zoe-lund": "Zoe Lund", "x-33199001234": "1", "x-brand-new": "Zoe Lund"}
    there.status["/v1/teams"] = lambda _same, _query: 404
    found = await surveyed(there)
    assert len(found.differences) > 100
    told = report.as_toml(found, version="0.1.0", day="2026-11-28")
    told += json.dumps(report.as_json(found))
    told += "\n".join(map(report.in_words, found.differences))
    assert "brand_new" in told  # what tells of nobody is named
    assert "x-brand-new" in told
    plain = told.lower().replace("_", " ").replace("-", " ")
    for canary in (*CANARIES, "zoe", "lund", "33199001234", "hunter2", "bonjour"):
        assert canary.lower() not in told.lower()
        assert canary.lower() not in plain


async def test_the_report_is_in_the_form_of_the_facts(there: Changed) -> None:
    there.body["/v1/calls"] = each("calls", renamed("duration", "seconds_in_all"))
    there.body["/v2/users"] = each("users", lambda one: one.update(name=None, new_at=1646651108))
    there.body["/v1/tags"] = meta(count=0)
    there.status["/v1/company"] = lambda _same, _query: 203
    there.headers["/v1/numbers"] = {"x-api-version": "3"}
    found = await surveyed(there)
    facts = tomllib.loads(report.as_toml(found, version="0.1.0", day="2026-11-28"))
    assert facts["sources"]["probe"]["seen"] == "2026-11-28"
    told = {(one.of, one.at, one.name, one.came): one for one in fields(facts)}
    assert {("list_calls", "calls[]", "duration", False),
            ("list_calls", "calls[]", "seconds_in_all", True),
            ("list_users_v2", "users[]", "new_at", True)} <= told.keys()  # fmt: skip
    assert told["list_users_v2", "users[]", "new_at", True].value == 1767261600
    nothing = [one.get("null") for one in facts["recorded"] if one["of"] == "list_users_v2"]
    assert nothing == [["name"]]
    [answered] = facts["answered"]
    assert (answered["ask"], answered["status"]) == ("GET /v1/company", 203)
    [ruled] = facts["ruled"]
    assert ruled["rule"] == "count_is_of_this_page"
    [headed] = facts["headed"]
    assert headed["header"] == "x-api-version"
    for kind in ("recorded", "answered", "ruled", "headed"):
        assert {one["source"] for one in facts[kind]} == {"probe"}
        assert all(one["where"] if kind != "headed" else one["ask"] for one in facts[kind])


@pytest.mark.parametrize(
    ("name", "value"),
    [("a", "2026-06-18T10:11:02.000Z"), ("a", "+19001112299"), ("a", 7), ("a", 1.5), ("a", False),
     ("made_at", 1646651108), ("made_at", 1646651108000), ("token", "abc"), ("a", "x@y.example"),
     ("a", []), ("a", {}), ("a", "https://example.org/zoe"), ("a", "hello"), ("a", "#FF5733")],
)  # fmt: skip
def test_the_invented_value_has_the_form_of_what_came(name: str, value: Any) -> None:
    instead = invented(form(name, value))
    assert instead is not None
    assert form(name, instead) == form(name, value)
