from __future__ import annotations

import time

import pytest

from aircall_mcp.sandbox import company

from ..harness import sandbox_with
from .api import THURSDAY, SandboxApi

pytestmark = pytest.mark.anyio

DAY = 86_400


# the data set


def test_the_small_company_is_the_same_for_a_seed_and_another_for_another() -> None:
    one, same, other = SandboxApi(), SandboxApi(), SandboxApi(seed=2)
    assert one.world.calls == same.world.calls
    assert one.world.contacts == same.world.contacts
    assert [c.digits for c in one.world.calls] != [c.digits for c in other.world.calls]


def test_the_small_company_is_believable() -> None:
    world = SandboxApi().world
    assert (len(world.users), len(world.teams), len(world.numbers)) == (8, 3, 5)
    assert (len(world.contacts), len(world.tags), len(world.webhooks)) == (200, 8, 2)
    calls = world.calls[:-1]
    assert len(calls) == 309
    assert all(THURSDAY - 42 * DAY <= c.started <= c.ended < THURSDAY for c in calls)
    reasons = {c.missed for c in calls if c.missed}
    assert {"agents_did_not_answer", "no_available_agent", "out_of_opening_hours"} <= reasons
    assert 30 <= sum(c.missed is not None for c in calls) <= 120
    assert any(c.voicemail for c in calls)
    assert all(c.answered is None for c in calls if c.missed)
    assert 50 <= sum(c.talk >= 0 for c in calls) <= 75


HOURS = pytest.mark.parametrize("hours", [0, 13, 62, 87])


@HOURS
async def test_the_newest_calls_that_were_taken_have_words_a_summary_and_topics(hours: int) -> None:
    api = SandboxApi(now=THURSDAY + hours * 3600)
    query = {"order": "desc", "per_page": 50}
    listed = (await api.get("/v1/calls", **query))["calls"]
    taken = [c for c in listed if c["status"] == "done" and c["answered_at"]]
    for call in taken[: len(company.TAKEN_LATELY)]:
        path = f"/v1/calls/{call['id']}"
        said = (await api.get(f"{path}/transcription"))["transcription"]["content"]
        assert len(said["utterances"]) > 5
        assert (await api.get(f"{path}/summary"))["summary"]["content"]
        assert (await api.get(f"{path}/topics"))["topic"]["content"]
        assert call["recording"]
    older = [c.talk >= 0 for c in api.world.calls if c.answered and c.recorded][-20:]
    assert all(older)


@HOURS
async def test_some_missed_calls_were_not_called_back_and_a_voicemail_came_last_night(
    hours: int,
) -> None:
    api = SandboxApi(now=THURSDAY + hours * 3600)
    missed = [c for c in api.world.calls if c.missed][-len(company.MISSED_LATELY) :]
    assert all(api.clock.now - c.started < 3600 for c in missed)
    for call in missed:
        assert api.world.contacts_at(call.digits)
        since = [c.digits for c in api.world.calls if c.started > call.started]
        assert call.digits not in since
    midnight = (api.clock.now + 3600) // DAY * DAY - 3600
    calls = await api.get("/v1/calls", **{"from": int(midnight) - 4 * 3600, "to": int(midnight)})
    (spoken,) = [c for c in calls["calls"] if c["voicemail"] and c["duration"] == 52]
    assert spoken["missed_call_reason"] == "out_of_opening_hours"
    assert spoken["number"]["name"] == "Paris Sales"


async def test_those_whom_journeys_know_by_name_are_there_and_free() -> None:
    """A rep calls on num_555, and hands the call over to user_42."""
    api = SandboxApi()
    rep = (await api.get("/v2/users/rep@example.com"))["user"]
    numbers = (await api.get(f"/v2/users/{rep['id']}/numbers"))["numbers"]
    assert [number["name"] for number in numbers] == ["num_555"]
    start = {"number_id": numbers[0]["id"], "to": "+14155550143"}
    assert await api.status("POST", f"/v1/users/{rep['id']}/calls", json=start) == 204
    api.clock.pass_by(10)
    call = api.world.calls[-1].id
    target = {"user_id": api.user("user_42")}
    assert await api.status("POST", f"/v1/calls/{call}/transfers", json=target) == 204
    assert (await api.get(f"/v1/calls/{call}"))["call"]["user"]["name"] == "user_42"


@HOURS
async def test_user_42_talked_yesterday_and_once_about_leaving(hours: int) -> None:
    api = SandboxApi(now=THURSDAY + hours * 3600)
    midnight = (api.clock() - 6 * 3600) // DAY * DAY + 6 * 3600
    asked = {"from": int(midnight - DAY), "to": int(midnight), "user_id": api.user("user_42")}
    calls = (await api.get("/v1/calls/search", **asked))["calls"]
    told: list[bool] = []
    for call in calls:
        path = f"/v1/calls/{call['id']}/transcription"
        if await api.status("GET", path) == 200:
            said = (await api.get(path))["transcription"]["content"]["utterances"]
            told.append(any("cancel my account" in one["text"] for one in said))
    assert len(told) >= len(company.TAKEN_YESTERDAY)
    assert True in told
    assert False in told


@HOURS
def test_nobody_is_in_two_calls_at_once(hours: int) -> None:
    world = SandboxApi(now=THURSDAY + hours * 3600).world
    until: dict[int, int] = {}
    for call in world.calls:
        if call.user is not None:
            assert until.get(call.user, 0) <= call.started
            until[call.user] = call.ended
    assert len(until) > 1


def test_phone_numbers_and_addresses_belong_to_nobody() -> None:
    world = SandboxApi(data="large").world
    fiction = ("+199", "+33199", "+3363998", "+44207946", "+493023125")
    assert len(world.contacts) > 1_000
    for contact in world.contacts.values():
        digits = contact.phones[0].value.replace(" ", "").replace("-", "")
        american = digits.startswith("+1") and digits[5:10] == "55501"
        assert digits.startswith(fiction) or american
        assert all(email.value.endswith(".example.com") for email in contact.emails)


def test_an_empty_company_has_the_least_an_account_has() -> None:
    world = SandboxApi(data="empty").world
    assert (len(world.users), len(world.numbers)) == (1, 1)
    assert (world.calls, world.contacts, world.teams, world.webhooks) == ([], {}, {}, {})


def test_the_small_company_is_there_at_once() -> None:
    sandbox_with()
    fastest = min(_seconds() for _ in range(5))
    assert fastest < 0.06


def _seconds() -> float:
    start = time.process_time()
    sandbox_with()
    return time.process_time() - start


# users and teams


async def test_users_are_found_by_id_and_by_address() -> None:
    api = SandboxApi()
    by_id = await api.get(f"/v2/users/{api.user('Ana')}")
    assert by_id == await api.get("/v2/users/ana.duarte@example.com")
    assert by_id["user"]["direct_link"].endswith(f"/v2/users/{api.user('Ana')}")
    assert "numbers" not in by_id["user"]
    assert await api.status("GET", "/v2/users/nobody@example.com") == 404


async def test_an_invited_user_is_offline_and_unique_by_address() -> None:
    api = SandboxApi()
    body = {"email": "zoe@example.com", "first_name": "Zoé", "last_name": "Lund"}
    made = await api.ask("POST", "/v2/users", json=body)
    assert made.status_code == 201
    user = made.json()["user"]
    assert (user["name"], user["time_zone"]) == ("Zoé Lund", "Etc/UTC")
    assert (user["substatus"], user["state"]) == ("always_opened", "always_opened")
    assert (user["extension"], user["default_number_id"]) == ("419", None)
    assert (user["availability_status"], user["available"]) == ("available", False)
    assert (await api.get(f"/v1/users/{user['id']}/availability"))["availability"] == "offline"
    assert await api.refused("POST", "/v2/users", json=body) == (
        400,
        "email has already been taken",
    )
    assert (await api.get("/v1/company"))["company"]["users_count"] == 9
    assert await api.status("POST", "/v2/users", json={**body, "email": "zoe"}) == 400


async def test_availability_follows_what_is_set() -> None:
    api = SandboxApi()
    path = f"/v2/users/{api.user('Ana')}"
    body = {"availability_status": "unavailable", "substatus": "On a break"}
    user = (await api.ask("PUT", path, json=body)).json()["user"]
    assert (user["available"], user["substatus"]) == (False, "On a break")
    state = await api.get(f"/v1/users/{api.user('Ana')}/availability")
    assert state == {"availability": "do_not_disturb"}
    back = (await api.ask("PUT", path, json={"availability_status": "available"})).json()["user"]
    assert (back["available"], back["substatus"]) == (True, "always_opened")
    assert await api.status("PUT", path, json={"availability_status": "asleep"}) == 400
    rows = (await api.get("/v1/users/availabilities"))["users"]
    assert {"id": api.user("Nora"), "availability": "offline"} in rows


async def test_a_deleted_user_leaves_teams_numbers_and_calls() -> None:
    api = SandboxApi()
    gone = api.user("Ana")
    call = next(c for c in api.world.calls if c.user == gone)
    assert await api.status("DELETE", f"/v1/users/{gone}") == 204
    assert await api.status("DELETE", f"/v1/users/{gone}") == 404
    assert (await api.get(f"/v1/calls/{call.id}"))["call"]["user"] is None
    assert all(gone not in team.users for team in api.world.teams.values())
    assert all(gone not in number.users for number in api.world.numbers.values())


async def test_a_team_has_a_name_of_its_own_and_members_once() -> None:
    api = SandboxApi()
    made = await api.ask("POST", "/v1/teams", json={"name": "Night shift"})
    team = made.json()["team"]["id"]
    for name in ("night shift", "", " ", "x" * 65):
        assert await api.status("POST", "/v1/teams", json={"name": name}) == 400
    member = f"/v1/teams/{team}/users/{api.user('Paul')}"
    added = await api.ask("POST", member)
    assert (added.status_code, added.json()["team"]["users"][0]["name"]) == (201, "Paul Martin")
    status, why = await api.refused("POST", member)
    assert (status, "already" in why) == (422, True)
    assert (await api.ask("DELETE", member)).json()["team"]["users"] == []
    assert await api.status("DELETE", member) == 422
    assert await api.status("POST", f"/v1/teams/{team}/users/1") == 404
    assert await api.status("DELETE", f"/v1/teams/{team}") == 204
    assert await api.status("GET", f"/v1/teams/{team}") == 404


async def test_a_team_tells_the_same_of_its_members_wherever_it_is_read() -> None:
    api = SandboxApi()
    listed = (await api.get("/v1/teams"))["teams"][0]
    path = f"/v1/teams/{listed['id']}"
    assert (await api.get(path))["team"] == listed
    added = await api.ask("POST", f"{path}/users/{api.user('Nora')}")
    assert added.json()["team"]["users"][:-1] == listed["users"]
    assert {frozenset(member) for member in added.json()["team"]["users"]} == {frozenset((
        "id", "direct_link", "name", "email", "availability_status", "default_number_id",
        "created_at", "time_zone", "language", "wrap_up_time",
    ))}  # fmt: skip


async def test_the_older_shape_of_users_lacks_what_the_newer_brought() -> None:
    api = SandboxApi(users_v1=True)
    ana = api.user("Ana")
    old = (await api.get(f"/v1/users/{ana}"))["user"]
    new = (await api.get(f"/v2/users/{ana}"))["user"]
    assert new.keys() - old.keys() == {"default_number_id", "substatus"}
    assert old.keys() <= new.keys()
    assert (old["created_at"][-1], "." in old["created_at"]) == ("Z", False)
    assert old["direct_link"].endswith(f"/v1/users/{ana}")


async def test_the_integration_is_switched_off_and_on() -> None:
    api = SandboxApi()
    off = (await api.ask("POST", "/v1/integrations/disable")).json()["integration"]
    assert (off["active"], off["numbers_count"]) == (False, 5)
    assert (await api.get("/v1/integrations/me"))["integration"] == off
    on = (await api.ask("POST", "/v1/integrations/enable")).json()["integration"]
    assert on["active"] is True


# contacts


async def test_a_contact_is_made_changed_found_and_deleted() -> None:
    api = SandboxApi()
    body = {
        "first_name": "Amina",
        "phone_numbers": [{"label": "Work", "value": "+1 (415) 555-0199"}],
        "emails": [{"label": "Work", "value": "amina@example.com"}],
    }
    made = await api.ask("POST", "/v1/contacts", json=body)
    contact = made.json()["contact"]
    assert (made.status_code, contact["is_shared"], contact["last_name"]) == (201, True, None)
    path = f"/v1/contacts/{contact['id']}"
    api.clock.pass_by(5)
    changed = (await api.ask("POST", path, json={"company_name": "Lund"})).json()["contact"]
    assert changed["company_name"] == "Lund"
    assert changed["updated_at"] == changed["created_at"] + 5
    for blank in ("", "  "):
        assert await api.status("POST", path, json={"company_name": blank}) == 400
    for query in ({"phone_number": "+14155550199"}, {"email": "AMINA@example.com"}):
        found = (await api.get("/v1/contacts/search", **query))["contacts"]
        assert contact["id"] in [one["id"] for one in found]
    assert await api.status("DELETE", path) == 204
    assert await api.status("GET", path) == 404
    assert (await api.get("/v1/contacts/search", email="amina@example.com"))["contacts"] == []
    for odd in ("", "amina", "amina@", "a b@example.com"):
        status, why = await api.refused("GET", "/v1/contacts/search", params={"email": odd})
        assert (status, why) == (400, "email must be an e-mail address")


async def test_what_a_contact_was_given_comes_back_as_it_was_sent() -> None:
    api = SandboxApi()
    for written in ("+19001112222", "+1 (415) 555-0199", "0199 00 12 34"):
        body = {"phone_numbers": [{"label": "Work", "value": written}]}
        made = (await api.ask("POST", "/v1/contacts", json=body)).json()["contact"]
        assert [row["value"] for row in made["phone_numbers"]] == [written]
        found = await api.get("/v1/contacts/search", phone_number=written)
        assert made["id"] in [one["id"] for one in found["contacts"]]
    body = {"label": "Work", "value": "amina@example.com"}
    wrong = await api.ask("POST", f"/v1/contacts/{made['id']}/emails", json=body)
    assert (wrong.status_code, wrong.json()) == (404, {"message": "Not Found"})


async def test_a_contact_needs_labelled_numbers_and_not_too_many() -> None:
    api = SandboxApi()
    row = {"label": "Work", "value": "+14155550199"}
    for numbers in ([], [{"value": "+14155550199"}], [{**row, "label": " "}], [row] * 21):
        assert await api.status("POST", "/v1/contacts", json={"phone_numbers": numbers}) == 400
    assert await api.status("POST", "/v1/contacts", json={"first_name": "A"}) == 400
    letters = {"phone_numbers": [{**row, "value": "CALL-ME"}]}
    assert await api.status("POST", "/v1/contacts", json=letters) == 400


async def test_details_of_a_contact_are_added_changed_and_removed_up_to_twenty() -> None:
    api = SandboxApi()
    contact = next(iter(api.world.contacts.values()))
    for key, value, other in (
        ("phone_details", "+14155550170", "+14155550171"),
        ("email_details", "one@example.com", "two@example.com"),
    ):
        path = f"/v1/contacts/{contact.id}/{key}"
        rows = contact.phones if key == "phone_details" else contact.emails
        made = await api.ask("POST", path, json={"label": "Home", "value": value})
        assert made.status_code == 201
        one = f"{path}/{made.json()['id']}"
        changed = await api.ask("PUT", one, json={"value": other})
        assert (changed.status_code, changed.json()["label"]) == (202, "Home")
        assert await api.status("PUT", one, json={"value": "?"}) == 400
        assert await api.status("DELETE", one) == 204
        assert await api.status("DELETE", one) == 404
        while len(rows) < 20:
            assert await api.status("POST", path, json={"label": "L", "value": value}) == 201
        status, why = await api.refused("POST", path, json={"label": "L", "value": value})
        assert (status, "20" in why) == (400, True)
    found = await api.get("/v1/contacts/search", phone_number="+14155550170")
    assert found["contacts"][0]["id"] == contact.id
    gone = await api.get("/v1/contacts/search", phone_number="+14155550171")
    assert contact.id not in [one["id"] for one in gone["contacts"]]


# tags


async def test_a_tag_has_a_name_of_its_own_and_a_hexadecimal_colour() -> None:
    api = SandboxApi()
    made = await api.ask("POST", "/v1/tags", json={"name": "Hot \U0001f525", "color": "#F00"})
    tag = made.json()["tag"]
    assert (made.status_code, tag["name"]) == (201, "Hot")
    assert await api.refused("POST", "/v1/tags", json={"name": "hot", "color": "#F00"}) == (
        400,
        "name has already been taken",
    )
    assert await api.status("POST", "/v1/tags", json={"name": "x", "color": "red"}) == 400
    path = f"/v1/tags/{tag['id']}"
    assert await api.status("PUT", path, json={"name": "vip"}) == 400
    assert await api.status("PUT", path, json={"color": "blue"}) == 400
    changed = (await api.ask("PUT", path, json={"name": "HOT"})).json()["tag"]
    assert (changed["name"], changed["color"]) == ("HOT", "#F00")


# webhooks


async def test_a_webhook_without_events_gets_all_of_them() -> None:
    api = SandboxApi()
    made = await api.ask("POST", "/v1/webhooks", json={"url": "https://hooks.example.com/a"})
    hook = made.json()["webhook"]
    assert (made.status_code, hook["active"]) == (201, True)
    assert "custom_name" not in hook
    assert {"call.created", "message.received", "user.created.v2"} <= set(hook["events"])
    assert hook["token"]
    assert "id" not in hook  # the older id stands where webhooks are read
    assert hook["direct_link"].endswith(f"/v1/webhooks/{hook['webhook_id']}")
    read = await api.get(f"/v1/webhooks/{hook['webhook_id']}")
    numeric = await api.get(f"/v1/webhooks/{read['webhook']['id']}")
    assert numeric == read
    assert read["webhook"].keys() - hook.keys() == {"id"}
    assert read["webhook"]["token"] == hook["token"]


async def test_a_name_of_a_webhook_is_told_where_one_was_given() -> None:
    api = SandboxApi()
    body = {"url": "https://hooks.example.com/a", "custom_name": "Desk", "events": ["call.ended"]}
    made = (await api.ask("POST", "/v1/webhooks", json=body)).json()["webhook"]
    assert made["custom_name"] == "Desk"
    changed = await api.ask("PUT", f"/v1/webhooks/{made['webhook_id']}", json={"active": False})
    assert changed.json()["webhook"].items() >= {"custom_name": "Desk", "active": False}.items()
    assert "id" not in changed.json()["webhook"]


async def test_a_webhook_wants_https_and_known_events_and_has_a_hundred_siblings_at_most() -> None:
    api = SandboxApi()
    for url in ("http://hooks.example.com", "https://", "ftp://x", "https://user@host/x", "x"):
        assert await api.status("POST", "/v1/webhooks", json={"url": url}) == 400
    body = {"url": "https://hooks.example.com", "events": ["call.created", "sms.received"]}
    status, why = await api.refused("POST", "/v1/webhooks", json=body)
    assert (status, "sms.received" in why) == (400, True)
    del body["events"]
    for _ in range(98):
        assert await api.status("POST", "/v1/webhooks", json=body) == 201
    assert (await api.refused("POST", "/v1/webhooks", json=body))[0] == 400


async def test_updating_a_webhook_resets_its_events_unless_told_how() -> None:
    api = SandboxApi()
    hook = next(iter(api.world.webhooks.values()))
    path, first = f"/v1/webhooks/{hook.uuid}", list(hook.events)

    async def events(query: str, **body: object) -> list[str]:
        answer = await api.ask("PUT", path + query, json=body)
        assert answer.status_code == 200, answer.text
        shown: list[str] = answer.json()["webhook"]["events"]
        assert sorted(shown) == sorted(hook.events)
        return shown

    asked = ["call.created", "contact.updated"]  # in this order, and told in another
    assert await events("", events=asked) == ["contact.updated", "call.created"]
    assert hook.events == asked
    assert set(await events("", events=first)) == set(first)
    assert set(await events("?events_action=add", events=["call.tagged"])) == {
        *first, "call.tagged"
    }  # fmt: skip
    assert set(await events("?events_action=add", active=False)) == {*first, "call.tagged"}
    assert await events("?events_action=remove", events=first) == ["call.tagged"]
    assert await events("", events=["call.ended"]) == ["call.ended"]
    assert len(await events("", active=True)) > 60
    assert hook.active
    assert await api.status("PUT", path, json={"url": "http://plain.example.com"}) == 400
    assert await api.status("DELETE", path) == 204
    assert await api.status("GET", path) == 404
