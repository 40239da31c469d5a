from __future__ import annotations

import pytest

from .api import SandboxApi

pytestmark = pytest.mark.anyio


async def test_pages_link_to_one_another_and_keep_the_filters() -> None:
    api = SandboxApi()
    query = {"per_page": 50, "direction": "inbound", "tags[]": next(iter(api.world.tags))}
    first = await api.get("/v1/calls/search", **{**query, "per_page": 1})
    link = first["meta"]["next_page_link"]
    assert link.startswith("https://api.aircall.io/v1/calls/search?page=2&per_page=1")
    second = await api.get(link)
    assert second["meta"]["current_page"] == 2
    assert second["meta"]["total"] == first["meta"]["total"]
    assert second["calls"][0]["id"] != first["calls"][0]["id"]
    assert {call["direction"] for call in second["calls"]} == {"inbound"}
    assert (await api.get(second["meta"]["previous_page_link"]))["calls"] == first["calls"]


async def test_following_the_links_shows_every_call_once_oldest_first() -> None:
    api = SandboxApi()
    link: str | None = "/v1/calls?per_page=50"
    seen: list[int] = []
    while link:
        page = await api.get(link)
        assert page["meta"]["count"] == len(page["calls"])
        seen += [call["id"] for call in page["calls"]]
        link = page["meta"]["next_page_link"]
    assert seen == [call.id for call in api.world.calls]


async def test_links_name_the_address_the_sandbox_was_given() -> None:
    api = SandboxApi(base_url="http://127.0.0.1:9001/")
    page = await api.get("/v1/tags", per_page=1)
    assert page["meta"]["next_page_link"] == "http://127.0.0.1:9001/v1/tags?page=2&per_page=1"
    team = (await api.get("/v1/teams", per_page=1))["teams"][0]
    assert team["direct_link"].startswith("http://127.0.0.1:9001/v1/teams/")


@pytest.mark.parametrize("query", ["page=-1", "per_page=0", "per_page=-5", "per_page=x"])
async def test_a_page_out_of_bounds_is_refused(query: str) -> None:
    api = SandboxApi()
    for path in ("/v1/calls", "/v1/contacts", "/v2/users", "/v1/tags", "/v1/webhooks"):
        status, why = await api.refused("GET", f"{path}?{query}")
        assert (status, query.split("=")[0] in why) == (400, True)


@pytest.mark.parametrize(
    ("path", "most"),
    [("/v1/calls", 50), ("/v1/contacts", 50), ("/v1/tags", 50), ("/v2/users", 50),
     ("/v1/webhooks", 50), ("/v1/numbers", 50), ("/v1/teams", 50), ("/v1/sms/templates", 100)],
)  # fmt: skip
async def test_too_many_a_page_are_taken_as_the_most(path: str, most: int) -> None:
    api = SandboxApi()
    for asked in (most + 1, 10**15):
        page = await api.get(path, per_page=asked)
        assert page["meta"]["per_page"] == most
    link = (await api.get("/v1/calls", per_page=51))["meta"]["next_page_link"]
    assert "per_page=50" in link


async def test_what_clients_in_use_send_is_taken() -> None:
    api = SandboxApi()
    first = await api.get("/v1/calls", per_page=1)
    for path in ("/v1/calls?page=0&per_page=1", "/v1/calls/?per_page=1"):
        assert (await api.get(path))["calls"] == first["calls"]
    start = first["calls"][0]["started_at"]
    whole = await api.get("/v1/calls", **{"from": start})
    assert whole["meta"]["total"] == len(api.world.calls) - 1
    for written in (f"{start}.0", f"{start}.75"):
        assert (await api.get("/v1/calls", **{"from": written}))["calls"] == whole["calls"]
    assert (await api.get("/v1/company/"))["company"]["users_count"] == 8
    assert await api.status("GET", "/v1/calls//") == 404
    assert await api.status("GET", f"/v1/calls/{first['calls'][0]['id']}.0") == 400


async def test_sms_templates_are_searched() -> None:
    api = SandboxApi()
    assert len((await api.get("/v1/sms/templates", per_page=100))["templates"]) == 6
    found = await api.get("/v1/sms/templates", search="ENGINEER")
    assert [one["name"] for one in found["templates"]] == ["visit_reminder"]


async def test_the_last_page_names_no_other_though_it_is_full() -> None:
    api = SandboxApi()
    total = (await api.get("/v1/tags"))["meta"]["total"]
    whole = (await api.get("/v1/tags", per_page=total))["meta"]
    assert (whole["count"], whole["next_page_link"]) == (total, None)
    last = (await api.get("/v1/tags", per_page=1, page=total))["meta"]
    assert (last["count"], last["next_page_link"]) == (1, None)
    before = (await api.get("/v1/tags", per_page=1, page=total - 1))["meta"]
    assert before["next_page_link"].endswith(f"?page={total}&per_page=1")


async def test_a_page_past_the_end_is_empty() -> None:
    api = SandboxApi()
    page = await api.get("/v1/tags", page=9)
    assert page["tags"] == []
    assert page["meta"]["count"] == 0
    assert page["meta"]["next_page_link"] is None


async def test_ten_thousand_items_are_the_most_though_more_are_advertised() -> None:
    api = SandboxApi(data="large")
    for key in ("calls", "contacts"):
        last = await api.get(f"/v1/{key}", page=200, per_page=50)
        assert last["meta"]["total"] > 10_000
        assert len(last[key]) == 50
        assert last["meta"]["next_page_link"] is not None
        answer = await api.ask("GET", last["meta"]["next_page_link"])
        assert answer.status_code == 400
        assert "limited to 10k results" in answer.json()["errors"]
    again = await api.get("/v1/calls", **{"from": last_start(api), "per_page": 1})
    assert again["meta"]["total"] == len(api.world.calls) - 10_001


async def test_how_far_a_list_is_paged_goes_by_place_and_not_by_what_is_there() -> None:
    api = SandboxApi(data="empty")
    lists = (
        "/v1/calls", "/v1/calls/search", "/v1/contacts", "/v1/contacts/search", "/v2/users",
        "/v1/users/availabilities", "/v1/teams", "/v1/numbers", "/v1/tags", "/v1/webhooks",
        "/v1/sms/templates",
    )  # fmt: skip
    for path in lists:
        for query, status in (
            ("page=200&per_page=50", 200), ("page=201&per_page=50", 400),
            ("page=500&per_page=20", 200), ("page=501&per_page=20", 400), ("page=501", 400),
            ("page=333&per_page=30", 200), ("page=334&per_page=30", 400),
            ("page=10000&per_page=1", 200), ("page=10001&per_page=1", 400),
        ):  # fmt: skip
            answer = await api.ask("GET", f"{path}?{query}")
            assert answer.status_code == status, (path, query)
            if status == 400:
                body = answer.json()
                assert body.keys() == {
                    "error", "data", "message", "errors", "troubleshoot", "success"
                }  # fmt: skip
                assert (body["error"], body["message"]) == ("Bad Request", "BAD_REQUEST")


async def test_the_list_of_webhooks_has_no_links() -> None:
    api = SandboxApi()
    for page in (1, 2, 3):
        meta = (await api.get("/v1/webhooks", per_page=1, page=page))["meta"]
        assert meta == {
            "count": 1 if page < 3 else 0, "total": 2, "current_page": page, "per_page": 1
        }  # fmt: skip


async def test_a_period_before_the_history_is_empty_and_no_error() -> None:
    api = SandboxApi(data="large")
    now = int(api.clock())
    long_ago = await api.get("/v1/calls", **{"from": now - 400 * 86_400, "to": now - 190 * 86_400})
    assert (long_ago["calls"], long_ago["meta"]["total"]) == ([], 0)


def last_start(api: SandboxApi) -> int:
    return api.world.calls[10_000].started


async def test_the_large_company_has_the_small_one_in_it() -> None:
    small, large = SandboxApi(), SandboxApi(data="large")
    assert len(large.world.calls) == len(small.world.calls) + 50_000
    assert len(large.world.contacts) == len(small.world.contacts) + 12_000
    newest = large.world.calls[-len(small.world.calls) :]
    assert [(c.started, c.digits) for c in newest] == [
        (c.started, c.digits) for c in small.world.calls
    ]
    assert large.world.calls == sorted(large.world.calls, key=lambda call: call.started)
    phones = [c.phones[0].value for c in large.world.contacts.values()]
    assert len(set(phones)) == len(phones)


async def test_calls_are_those_after_from_and_up_to_to() -> None:
    api = SandboxApi()
    calls = api.world.calls
    window = {"from": calls[10].started, "to": calls[12].started}
    for path in ("/v1/calls", "/v1/calls/search"):
        assert [c["id"] for c in (await api.get(path, **window))["calls"]] == [
            call.id for call in calls[11:13]
        ]
        turned = await api.get(path, order="desc", **window)
        assert [c["id"] for c in turned["calls"]] == [calls[12].id, calls[11].id]
    whole = await api.get("/v1/calls", **{**window, "from": window["from"] - 1})
    assert [c["id"] for c in whole["calls"]] == [call.id for call in calls[10:13]]
    assert (await api.get("/v1/calls", **{"from": 9, "to": 1}))["calls"] == []


async def test_contacts_are_those_created_from_the_one_edge_to_the_other() -> None:
    api = SandboxApi()
    contacts = list(api.world.contacts.values())
    window = {"from": contacts[10].created, "to": contacts[12].created}
    for path in ("/v1/contacts", "/v1/contacts/search"):
        found = (await api.get(path, **window))["contacts"]
        assert [one["id"] for one in found] == [one.id for one in contacts[10:13]]


async def test_the_period_goes_by_creation_even_where_the_order_goes_by_change() -> None:
    api = SandboxApi()
    contact = list(api.world.contacts.values())[5]
    api.clock.pass_by(60)
    asked = {"company_name": "Changed just now"}
    assert await api.status("POST", f"/v1/contacts/{contact.id}", json=asked) == 200
    query = {"order_by": "updated_at", "order": "desc"}
    assert (await api.get("/v1/contacts", **query))["contacts"][0]["id"] == contact.id
    late = {"from": int(api.clock()) - 30, **query}
    assert (await api.get("/v1/contacts", **late))["contacts"] == []


async def test_contacts_are_ordered_by_what_was_asked() -> None:
    api = SandboxApi()
    query = {"order_by": "updated_at", "order": "desc", "per_page": 50}
    shown = [c["updated_at"] for c in (await api.get("/v1/contacts", **query))["contacts"]]
    assert shown == sorted((c.updated for c in api.world.contacts.values()), reverse=True)[:50]


async def test_search_filters_calls_by_user_number_and_all_of_the_tags() -> None:
    api = SandboxApi()
    call = next(c for c in api.world.calls if len(c.tags) == 2 and c.digits != "anonymous")
    tags = [tagging.tag for tagging in call.tags]
    found = await api.get("/v1/calls/search", **{"tags[]": tags, "per_page": 50})
    shown = [{tag["id"] for tag in one["tags"]} for one in found["calls"]]
    assert shown
    assert all(set(tags) <= one for one in shown)
    for user in (call.user, 1):
        mine = await api.get("/v1/calls/search", user_id=user, per_page=50)
        expected = sum(one.user == user for one in api.world.calls)
        assert mine["meta"]["total"] == expected
    theirs = await api.get("/v1/calls/search", phone_number=call.digits, per_page=50)
    assert theirs["meta"]["total"] == sum(c.digits == call.digits for c in api.world.calls)
    line = api.world.numbers[api.number("GB")]
    ours = await api.get("/v1/calls/search", phone_number=line.digits)
    assert ours["meta"]["total"] == sum(c.number == line.id for c in api.world.calls)


async def test_a_contact_is_told_only_when_asked_for() -> None:
    api = SandboxApi()
    plain = (await api.get("/v1/calls", per_page=50))["calls"]
    assert {call["contact"] for call in plain} == {None}
    full = (await api.get("/v1/calls", per_page=50, fetch_contact="true"))["calls"]
    known = [call["contact"]["company_name"] for call in full if call["contact"]]
    assert len(known) > 25


async def test_the_other_choices_add_what_they_promise() -> None:
    api = SandboxApi()
    line = api.number("GB")
    call = next(c for c in api.world.calls if c.menu_key and c.number == line and c.recorded)
    plain = (await api.get(f"/v1/calls/{call.id}"))["call"]
    added = {"ivr_options_selected", "ai_voice_agents"}
    assert not added & plain.keys()
    assert (plain["recording_short_url"], plain["voicemail_short_url"]) == (None, None)
    query = dict.fromkeys(("fetch_short_urls", "fetch_call_timeline", "fetch_aiva_conv"), "true")
    full = (await api.get(f"/v1/calls/{call.id}", **query))["call"]
    assert added <= full.keys()
    assert full["recording_short_url"].startswith("https://")
    assert full["ivr_options_selected"][0]["key"] == call.menu_key
    assert full["ai_voice_agents"] == []
    night = next(c for c in api.world.calls if c.voice_agent)
    told = (await api.get(f"/v1/calls/{night.id}", **query))["call"]
    assert [one["agent_name"] for one in told["ai_voice_agents"]] == ["Night desk"]


async def test_whatsapp_templates_are_read_by_cursor() -> None:
    api = SandboxApi()
    path = f"/v1/numbers/{api.number('FR')}/templates"
    names: list[str] = []
    totals: set[int] = set()
    token: int | None = 0
    while token is not None:
        page = await api.get(path, token=token, limit=5)
        names += [one["name"] for one in page["templates"]]
        assert page["pageInfo"]["currentToken"] == token
        token = page["pageInfo"]["nextToken"]
        totals.add(page["pageInfo"]["totalCount"])
    assert len(names) == len(set(names)) == 12
    assert totals == {12}
    approved = await api.get(path, status="APPROVED", category="MARKETING", limit=100)
    assert {(one["status"], one["category"]) for one in approved["templates"]} == {
        ("APPROVED", "MARKETING")
    }
    assert await api.status("GET", f"{path}?token=-1") == 400
    other = await api.get(f"/v1/numbers/{api.number('US')}/templates")
    assert other["pageInfo"]["totalCount"] == 0
