from __future__ import annotations

from typing import Any

import pytest

from .api import SandboxApi

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


async def sent(api: SandboxApi, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.ask("POST", path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_text_is_pending_then_sent_then_delivered() -> None:
    api = SandboxApi()
    path = f"/v1/numbers/{api.number('US')}/messages/native/send"
    body = {"to": "+14155550143", "body": "On my way", "user_id": api.user("Maya")}
    message = await sent(api, path, body)
    assert (message["status"], message["channel"]) == ("pending", None)
    assert message["created_at"] == int(api.clock() * 1000)
    kept = api.world.messages[-1]
    assert (kept.id, kept.proxy, kept.user) == (message["id"], False, api.user("Maya"))
    states: list[str] = []
    for _ in range(4):
        states.append(kept.status(api.clock(), api.world.pace))
        api.clock.pass_by(1)
    assert states == ["pending", "sent", "sent", "delivered"]


async def test_each_way_of_sending_wants_its_kind_of_line() -> None:
    api = SandboxApi()
    body = {"to": "+14155550143", "body": "Hello"}
    for country, way, expected in (
        ("US", "native/send", 200),
        ("US", "send", 400),
        ("GB", "native/send", 400),
        ("GB", "send", 200),
        ("DE", "native/send", 400),
        ("DE", "send", 400),
    ):
        path = f"/v1/numbers/{api.number(country)}/messages/{way}"
        assert await api.status("POST", path, json=body) == expected, (country, way)
    assert await api.status("POST", "/v1/numbers/1/messages/send", json=body) == 404


async def test_a_text_that_cannot_be_sent_is_refused_and_not_kept() -> None:
    api = SandboxApi()
    path = f"/v1/numbers/{api.number('US')}/messages/native/send"
    good = {"to": "+14155550143", "body": "Hello"}
    for wrong in (
        {"to": "0143"},
        {"body": ""},
        {"body": "x" * 1601},
        {"user_id": 1},
        {"mediaUrl": ["file:///etc/passwd"]},
    ):
        assert await api.status("POST", path, json={**good, **wrong}) == 400, wrong
    french = f"/v1/numbers/{api.number('FR')}/messages/native/send"
    media = {**good, "mediaUrl": ["https://example.com/a.png"]}
    assert await api.status("POST", french, json=media) == 400
    assert api.world.messages == []
    assert (await sent(api, path, media))["media_url"] == ["https://example.com/a.png"]


async def test_a_line_is_configured_once_and_gives_its_token() -> None:
    api = SandboxApi()
    path = f"/v1/numbers/{api.number('US')}/messages/configuration"
    url = "https://hooks.example.com/texts"
    assert await api.status("GET", path, headers=JSON) == 404
    assert await api.status("POST", path, json={"callbackUrl": "http://plain"}) == 400
    made = await sent(api, path, {"callbackUrl": url})
    assert (made["callbackUrl"], made["type"]) == (url, "Public Api")
    assert (await api.ask("GET", path, headers=JSON)).json() == made
    assert await api.status("POST", path, json={"callbackUrl": url}) == 400
    assert await api.status("DELETE", path) == 204
    assert await api.status("DELETE", path) == 404
    voice = f"/v1/numbers/{api.number('DE')}/messages/configuration"
    assert await api.status("POST", voice, json={"callbackUrl": url}) == 400


async def test_a_group_keeps_its_conversation() -> None:
    api = SandboxApi()
    path = f"/v1/numbers/{api.number('US')}/messages/group/native/send"
    pair = ["+14155550143", "+14155550172"]
    first = await sent(api, path, {"participants": pair, "body": "Nine o'clock"})
    again = await sent(api, path, {"participants": pair[::-1], "body": "Ten o'clock"})
    assert first["group_conversation_id"] == again["group_conversation_id"]
    assert first["group_message_id"] != again["group_message_id"]
    for wrong in (pair[:1], [pair[0]] * 2, [f"+1415555{i:04d}" for i in range(11)]):
        assert await api.status("POST", path, json={"participants": wrong, "body": "x"}) == 400
    proxy = f"/v1/numbers/{api.number('GB')}/messages/group/send"
    assert (await sent(api, proxy, {"participants": pair, "body": "Hi"}))["status"] == "pending"
    both = {"participants": pair, "body": "x", "mediaUrl": ["https://example.com/a.png"]}
    assert await api.status("POST", proxy, json=both) == 400
    assert await api.status("POST", proxy, json={"participants": pair}) == 400


async def test_whatsapp_takes_free_text_only_inside_the_window() -> None:
    api = SandboxApi()
    path = "/v1/messages/send/whatsapp/native"
    line, known = next(iter(api.world.whatsapp_windows))
    text = {"lineId": line, "externalNumber": known, "text": "Bonjour"}
    assert (await sent(api, path, text))["channel"] == "whatsapp"
    assert await api.status("POST", path, json={**text, "externalNumber": "+14155550144"}) == 400
    api.clock.pass_by(86_400)
    assert await api.status("POST", path, json=text) == 400
    template: dict[str, Any] = {k: v for k, v in text.items() if k != "text"}
    template["templateParams"] = {"id": "1180", "body": [{"key": "{{1}}", "value": "20417"}]}
    assert "20417" in (await sent(api, path, template))["body"]
    for wrong in ("1185", "9", "1186"):
        params = {**template, "templateParams": {"id": wrong}}
        assert await api.status("POST", path, json=params) == 400
    assert await api.status("POST", path, json={**template, "text": "both"}) == 400
    assert await api.status("POST", path, json={**text, "lineId": api.number("US")}) == 400


async def test_whatsapp_past_the_inbox_wants_a_configuration_of_its_own() -> None:
    api = SandboxApi()
    line = api.number("FR")
    body = {"lineId": line, "to": "+33199000200", "templateParams": {"id": "1180"}}
    assert await api.status("POST", "/v1/messages/whatsapp/send", json=body) == 400
    made = {"callbackUrl": "https://hooks.example.com/w", "type": "whatsapp"}
    assert await api.status("POST", f"/v1/numbers/{line}/messages/configuration", json=made) == 200
    assert await api.status("POST", "/v1/messages/whatsapp/send", json=body) == 200


async def test_a_line_is_configured_for_each_way_by_itself() -> None:
    api = SandboxApi()
    line = api.world.numbers[api.number("GB")]
    path = f"/v1/numbers/{line.id}/messages/configuration"
    assert await api.status("DELETE", path) == 204
    for kind in ({}, {"type": "whatsapp"}):
        made = {"callbackUrl": "https://hooks.example.com/w", **kind}
        assert await api.status("POST", path, json=made) == 200
        assert await api.status("POST", path, json=made) == 400
    assert sorted(line.configurations) == ["sms", "whatsapp"]


async def test_a_number_is_set_up_without_a_place_to_tell() -> None:
    api = SandboxApi()
    path = f"/v1/numbers/{api.number('US')}/messages/configuration"
    made = await sent(api, path, {})
    assert made["callbackUrl"] is None
    assert made["token"]
    assert (await api.ask("GET", path, headers=JSON)).json() == made


async def test_a_number_tells_how_it_stands_and_takes_new_audio() -> None:
    api = SandboxApi()
    line = api.number("US")
    status = await api.ask("GET", f"/v1/numbers/{line}/registration_status", headers=JSON)
    assert status.json() == {"registration_status": "verified"}
    assert await api.status("GET", f"/v1/numbers/{line}/whatsapp_status") == 404
    whatsapp = await api.get(f"/v1/numbers/{api.number('FR')}/whatsapp_status")
    assert whatsapp["canSendMessage"] is True
    body = {"name": "NYC", "priority": 1, "messages": {"welcome": "https://example.com/hi.mp3"}}
    changed = (await api.ask("PUT", f"/v1/numbers/{line}", json=body)).json()["number"]
    assert (changed["name"], changed["priority"]) == ("NYC", 1)
    assert changed["messages"]["welcome"] == "https://example.com/hi.mp3"
    assert changed["messages"]["waiting"] is not None
    for wrong in ({"priority": 2}, {"name": " "}, {"messages": {"welcome": "ftp://x"}}):
        assert await api.status("PUT", f"/v1/numbers/{line}", json=wrong) == 400


# calling many


async def test_the_dialer_appends_what_is_new_and_names_what_is_not() -> None:
    api = SandboxApi()
    user = api.user("Paul")
    path = f"/v1/users/{user}/dialer_campaign"
    first, second = "+14155550143", "+14155550172"
    assert await api.status("GET", path) == 404
    assert await api.status("POST", f"{path}/phone_numbers", json={"phone_numbers": [first]}) == 404
    assert await api.status("POST", path, json={"phone_numbers": [first]}) == 204
    twice = await api.ask("POST", path, json={"phone_numbers": [first, second]})
    assert twice.status_code == 422
    assert twice.json() == {
        "error": "Unprocessable Entity",
        "success": False,
        "errors": {"dialer_campaign": [f"{first} is already imported, but not called"]},
    }
    queue = (await api.get(f"{path}/phone_numbers"))["numbers"]
    assert [one["number"] for one in queue] == ["+1 415-555-0143", "+1 415-555-0172"]
    assert await api.status("DELETE", f"{path}/phone_numbers/{queue[0]['id']}") == 204
    shown = (await api.get(path))["dialer_campaign"]
    assert [one["id"] for one in shown["phone_numbers"]] == [queue[1]["id"]]
    assert await api.status("DELETE", path) == 204
    assert await api.status("GET", path) == 404


async def test_an_ai_voice_agent_call_is_queued_once_for_a_key() -> None:
    api = SandboxApi()
    path = "/v1/outbound-calls/agents/agent-reminders"
    body: dict[str, Any] = {
        "contact_phone": "+14155550143",
        "idempotency_key": "visit-1",
        "context": {"first_name": "Sam", "visit_at": "2026-12-04T08:30:00Z"},
    }
    status, why = await api.refused("POST", path, json=body)
    assert (status, "timezone" in why) == (400, True)
    body["context"]["timezone"] = "America/New_York"
    made = await api.ask("POST", path, json=body)
    assert (made.status_code, made.json()["status"], len(made.json()["id"])) == (202, "PENDING", 26)
    assert (await api.refused("POST", path, json=body))[0] == 409
    missing = {**body, "idempotency_key": "visit-2", "context": {"first_name": "Sam"}}
    status, why = await api.refused("POST", path, json=missing)
    assert (status, "visit_at" in why) == (400, True)
    assert (await api.refused("POST", "/v1/outbound-calls/agents/x", json=body))[0] == 404


async def test_a_campaign_starts_as_a_draft_and_lists_its_contacts() -> None:
    api = SandboxApi()
    made = await api.ask("POST", "/v1/campaigns", json={"name": "Autumn"})
    campaign = made.json()
    assert (made.status_code, campaign["status"]) == (201, "draft")
    assert (await api.get(f"/v1/campaigns/{campaign['id']}/contacts"))["contacts"] == []
    known = next(iter(api.world.campaigns.values()))
    leads = (await api.get(f"/v1/campaigns/{known.id}/contacts"))["contacts"]
    assert len(leads) == 12
    assert all(one["phone_number"].isdigit() for one in leads)
    wanted = leads[3]["phone_number"]
    found = await api.get(f"/v1/campaigns/{known.id}/contacts", phone_number=f"+{wanted}")
    assert [one["phone_number"] for one in found["contacts"]] == [wanted]
    assert (
        await api.status("POST", "/v1/campaigns", json={"name": "A", "aiva_agent_id": "x"}) == 400
    )
    assert await api.status("POST", "/v1/campaigns", json={"name": "A", "call_attempts": 0}) == 400
