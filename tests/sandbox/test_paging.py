from __future__ import annotations

import pytest

from .office import Office

pytestmark = pytest.mark.anyio


async def test_pages_link_to_one_another_and_keep_the_filters() -> None:
    office = Office()
    query = {"per_page": 50, "direction": "inbound", "tags[]": next(iter(office.world.tags))}
    first = await office.get("/v1/calls/search", **{**query, "per_page": 1})
    link = first["meta"]["next_page_link"]
    assert link.startswith("https://api.aircall.io/v1/calls/search?page=2&per_page=1")
    second = await office.get(link)
    assert second["meta"]["current_page"] == 2
    assert second["meta"]["total"] == first["meta"]["total"]
    assert second["calls"][0]["id"] != first["calls"][0]["id"]
    assert {call["direction"] for call in second["calls"]} == {"inbound"}
    assert (await office.get(second["meta"]["previous_page_link"]))["calls"] == first["calls"]


async def test_following_the_links_shows_every_call_once_oldest_first() -> None:
    office = Office()
    link: str | None = "/v1/calls?per_page=50"
    seen: list[int] = []
    while link:
        page = await office.get(link)
        assert page["meta"]["count"] == len(page["calls"])
        seen += [call["id"] for call in page["calls"]]
        link = page["meta"]["next_page_link"]
    assert seen == [call.id for call in office.world.calls]


async def test_links_name_the_address_the_sandbox_was_given() -> None:
    office = Office(base_url="http://127.0.0.1:9001/")
    page = await office.get("/v1/tags", per_page=1)
    assert page["meta"]["next_page_link"] == "http://127.0.0.1:9001/v1/tags?page=2&per_page=1"
    assert page["tags"][0]["direct_link"].startswith("http://127.0.0.1:9001/v1/tags/")


@pytest.mark.parametrize("query", ["page=0", "page=-1", "per_page=0", "per_page=51", "per_page=x"])
async def test_a_page_out_of_bounds_is_refused(query: str) -> None:
    office = Office()
    for path in ("/v1/calls", "/v1/contacts", "/v2/users", "/v1/tags", "/v1/webhooks"):
        status, why = await office.refused("GET", f"{path}?{query}")
        assert (status, query.split("=")[0] in why) == (400, True)


async def test_sms_templates_come_by_the_hundred() -> None:
    office = Office()
    assert len((await office.get("/v1/sms/templates", per_page=100))["templates"]) == 6
    assert await office.status("GET", "/v1/sms/templates?per_page=101") == 400
    found = await office.get("/v1/sms/templates", search="ENGINEER")
    assert [one["name"] for one in found["templates"]] == ["visit_reminder"]


async def test_a_page_past_the_end_is_empty() -> None:
    office = Office()
    page = await office.get("/v1/tags", page=9)
    assert page["tags"] == []
    assert page["meta"]["count"] == 0
    assert page["meta"]["next_page_link"] is None


async def test_ten_thousand_items_are_the_most_though_more_are_advertised() -> None:
    office = Office(data="large")
    for key in ("calls", "contacts"):
        last = await office.get(f"/v1/{key}", page=200, per_page=50)
        assert last["meta"]["total"] > 10_000
        assert len(last[key]) == 50
        assert last["meta"]["next_page_link"] is not None
        status, why = await office.refused("GET", last["meta"]["next_page_link"])
        assert (status, "10000" in why) == (400, True)
    again = await office.get("/v1/calls", **{"from": last_start(office), "per_page": 1})
    assert again["meta"]["total"] == len(office.world.calls) - 10_000


def last_start(office: Office) -> int:
    return office.world.calls[10_000].started


async def test_the_large_company_has_the_small_one_in_it() -> None:
    small, large = Office(), Office(data="large")
    assert len(large.world.calls) == len(small.world.calls) + 50_000
    assert len(large.world.contacts) == len(small.world.contacts) + 12_000
    newest = large.world.calls[-len(small.world.calls) :]
    assert [(c.started, c.digits) for c in newest] == [
        (c.started, c.digits) for c in small.world.calls
    ]
    assert large.world.calls == sorted(large.world.calls, key=lambda call: call.started)
    phones = [c.phones[0].value for c in large.world.contacts.values()]
    assert len(set(phones)) == len(phones)


async def test_time_windows_are_inclusive_and_order_turns_around() -> None:
    office = Office()
    calls = office.world.calls
    window = {"from": calls[10].started, "to": calls[12].started}
    assert [c["id"] for c in (await office.get("/v1/calls", **window))["calls"]] == [
        call.id for call in calls[10:13]
    ]
    turned = await office.get("/v1/calls", order="desc", **window)
    assert [c["id"] for c in turned["calls"]] == [call.id for call in reversed(calls[10:13])]
    assert (await office.get("/v1/calls", **{"from": 9, "to": 1}))["calls"] == []


async def test_contacts_are_ordered_by_what_was_asked() -> None:
    office = Office()
    query = {"order_by": "updated_at", "order": "desc", "per_page": 50}
    shown = [c["updated_at"] for c in (await office.get("/v1/contacts", **query))["contacts"]]
    assert shown == sorted((c.updated for c in office.world.contacts.values()), reverse=True)[:50]


async def test_search_filters_calls_by_user_number_and_all_of_the_tags() -> None:
    office = Office()
    call = next(c for c in office.world.calls if len(c.tags) == 2 and c.digits != "anonymous")
    tags = [tagging.tag for tagging in call.tags]
    found = await office.get("/v1/calls/search", **{"tags[]": tags, "per_page": 50})
    shown = [{tag["id"] for tag in one["tags"]} for one in found["calls"]]
    assert shown
    assert all(set(tags) <= one for one in shown)
    for user in (call.user, 1):
        mine = await office.get("/v1/calls/search", user_id=user, per_page=50)
        expected = sum(one.user == user for one in office.world.calls)
        assert mine["meta"]["total"] == expected
    theirs = await office.get("/v1/calls/search", phone_number=call.digits, per_page=50)
    assert theirs["meta"]["total"] == sum(c.digits == call.digits for c in office.world.calls)
    line = office.world.numbers[office.number("GB")]
    ours = await office.get("/v1/calls/search", phone_number=line.digits)
    assert ours["meta"]["total"] == sum(c.number == line.id for c in office.world.calls)


async def test_a_contact_is_told_only_when_asked_for() -> None:
    office = Office()
    plain = (await office.get("/v1/calls", per_page=50))["calls"]
    assert {call["contact"] for call in plain} == {None}
    full = (await office.get("/v1/calls", per_page=50, fetch_contact="true"))["calls"]
    known = [call["contact"]["company_name"] for call in full if call["contact"]]
    assert len(known) > 25


async def test_the_other_choices_add_what_they_promise() -> None:
    office = Office()
    line = office.number("GB")
    call = next(c for c in office.world.calls if c.menu_key and c.number == line and c.recorded)
    plain = (await office.get(f"/v1/calls/{call.id}"))["call"]
    added = {
        "recording_short_url",
        "voicemail_short_url",
        "ivr_options_selected",
        "ai_voice_agents",
    }
    assert not added & plain.keys()
    query = dict.fromkeys(("fetch_short_urls", "fetch_call_timeline", "fetch_aiva_conv"), "true")
    full = (await office.get(f"/v1/calls/{call.id}", **query))["call"]
    assert added <= full.keys()
    assert full["ivr_options_selected"][0]["key"] == call.menu_key
    assert full["ai_voice_agents"] == []
    night = next(c for c in office.world.calls if c.voice_agent)
    told = (await office.get(f"/v1/calls/{night.id}", **query))["call"]
    assert [one["agent_name"] for one in told["ai_voice_agents"]] == ["Night desk"]


async def test_whatsapp_templates_are_read_by_cursor() -> None:
    office = Office()
    path = f"/v1/numbers/{office.number('FR')}/templates"
    names: list[str] = []
    totals: set[int] = set()
    token: int | None = 0
    while token is not None:
        page = await office.get(path, token=token, limit=5)
        names += [one["name"] for one in page["templates"]]
        assert page["pageInfo"]["currentToken"] == token
        token = page["pageInfo"]["nextToken"]
        totals.add(page["pageInfo"]["totalCount"])
    assert len(names) == len(set(names)) == 12
    assert totals == {12}
    approved = await office.get(path, status="APPROVED", category="MARKETING", limit=100)
    assert {(one["status"], one["category"]) for one in approved["templates"]} == {
        ("APPROVED", "MARKETING")
    }
    assert await office.status("GET", f"{path}?token=-1") == 400
    other = await office.get(f"/v1/numbers/{office.number('US')}/templates")
    assert other["pageInfo"]["totalCount"] == 0
