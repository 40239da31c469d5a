from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.sandbox import Pace

from .api import SandboxApi

pytestmark = pytest.mark.anyio


async def start(api: SandboxApi, user: str = "Maya", country: str = "US") -> int:
    body = {"number_id": api.number(country), "to": "+14155550143"}
    assert await api.status("POST", f"/v1/users/{api.user(user)}/calls", json=body) == 204
    return api.world.calls[-1].id


async def call(api: SandboxApi, call_id: int, **query: Any) -> Any:
    return (await api.get(f"/v1/calls/{call_id}", **query))["call"]


async def availability(api: SandboxApi, user: str) -> str:
    return (await api.get(f"/v1/users/{api.user(user)}/availability"))["availability"]


async def test_a_started_call_is_listed_at_once_and_moves_on_with_the_clock() -> None:
    api = SandboxApi()
    call_id = await start(api)
    newest = (await api.get("/v1/calls", order="desc", per_page=1))["calls"][0]
    assert newest["id"] == call_id
    assert (newest["status"], newest["direction"]) == ("initial", "outbound")
    assert newest["answered_at"] is None
    assert newest["ended_at"] is None
    api.clock.pass_by(4)
    assert (await call(api, call_id))["status"] == "answered"
    api.clock.pass_by(45)
    ended = await call(api, call_id)
    assert ended["status"] == "done"
    assert ended["duration"] == ended["ended_at"] - ended["started_at"] == 49
    assert ended["raw_digits"] == "+1 415-555-0143"


async def test_a_call_is_rewritten_some_time_after_its_end() -> None:
    api = SandboxApi()
    call_id = await start(api)
    began = api.world.calls[-1].started
    assert (await call(api, call_id))["duration"] == 0
    api.clock.pass_by(49)
    for minutes in (0, 5, 9):
        api.clock.pass_by(60 * minutes)
        told = await call(api, call_id)
        assert (told["cost"], told["pricing_type"]) == ("0.0", None)
        assert (told["started_at"], told["duration"]) == (began, 49)
    api.clock.pass_by(360)  # 20 minutes after its end
    final = await call(api, call_id)
    assert (final["cost"], final["pricing_type"]) == ("3.0", "in_bundle")
    assert (final["started_at"], final["duration"]) == (began + 1, 48)
    changed = {key for key in final if final[key] != told[key]} - {"recording"}  # an expiring link
    assert changed == {"cost", "pricing_type", "started_at", "duration"}
    for edges, there in (
        ({"from": began, "to": began + 1}, True), ({"from": began - 1, "to": began}, False),
        ({"from": began + 1}, False),
    ):  # fmt: skip
        found = (await api.get("/v1/calls", **edges))["calls"]
        assert (call_id in [one["id"] for one in found]) is there


async def test_calls_of_long_ago_are_final() -> None:
    api = SandboxApi()
    calls = (await api.get("/v1/calls", per_page=50))["calls"]
    assert len(calls) == 50
    for one in calls:
        assert one["pricing_type"] == "in_bundle"
        assert one["duration"] == one["ended_at"] - one["started_at"]
        assert (float(one["cost"]) > 0) == (one["direction"] == "outbound" and
                                            one["answered_at"] is not None)  # fmt: skip


async def test_an_archived_call_stays_listed_and_nothing_tells_when() -> None:
    api = SandboxApi()
    one = next(c for c in api.world.calls if not c.archived and c.answered)
    before = (await api.get("/v1/calls", per_page=1))["meta"]["total"]
    told = await call(api, one.id)
    api.clock.pass_by(1)
    assert await api.status("PUT", f"/v1/calls/{one.id}/archive") == 200
    after = await call(api, one.id)
    assert {key for key in after if after[key] != told[key]} - {"recording"} == {"archived"}
    assert "updated_at" not in after
    assert (await api.get("/v1/calls", per_page=1))["meta"]["total"] == before


async def test_the_pace_of_life_can_be_chosen() -> None:
    api = SandboxApi(pace=Pace(ring=1, talk=2))
    call_id = await start(api)
    api.clock.pass_by(3)
    assert (await call(api, call_id))["status"] == "done"


async def test_a_user_is_in_call_then_wraps_up_then_is_free() -> None:
    api = SandboxApi()
    await start(api, "Paul", "FR")
    assert await availability(api, "Paul") == "in_call"
    api.clock.pass_by(49)
    assert await availability(api, "Paul") == "after_call_work"
    api.clock.pass_by(10)
    assert await availability(api, "Paul") == "available"


@pytest.mark.parametrize(
    ("user", "country", "state"),
    [("Nora", "DE", "offline"), ("James", "GB", "in_call"), ("Luca", "FR", "do_not_disturb")],
)
async def test_who_is_not_free_cannot_start_a_call(user: str, country: str, state: str) -> None:
    api = SandboxApi()
    assert await availability(api, user) == state
    before = len(api.world.calls)
    body = {"number_id": api.number(country), "to": "+14155550143"}
    answer = await api.ask("POST", f"/v1/users/{api.user(user)}/calls", json=body)
    assert answer.status_code == 405
    assert answer.json() == {
        "error": "Method Not Allowed",
        "troubleshoot": "The user is currently unavailable",
        "success": False,
    }
    dial = f"/v1/users/{api.user(user)}/dial"
    assert await api.status("POST", dial, json={"to": "+14155550143"}) == 405
    assert len(api.world.calls) == before


async def test_a_call_needs_a_known_user_an_assigned_number_and_a_real_destination() -> None:
    api = SandboxApi()
    path = f"/v1/users/{api.user('Maya')}/calls"
    good = {"number_id": api.number("US"), "to": "+14155550143"}
    assert await api.status("POST", "/v1/users/1/calls", json=good) == 404
    status, why = await api.refused("POST", path, json={**good, "number_id": 1})
    assert (status, "number_id" in why) == (400, True)
    wrong = {**good, "number_id": api.number("DE")}
    status, why = await api.refused("POST", path, json=wrong)
    assert (status, "assigned" in why) == (400, True)
    status, why = await api.refused("POST", path, json={**good, "to": "call me"})
    assert (status, "E.164" in why) == (400, True)


async def test_recording_and_insights_come_after_the_call_and_leave_with_the_recording() -> None:
    api = SandboxApi()
    call_id = await start(api)
    api.clock.pass_by(49)
    assert (await call(api, call_id))["recording"] is None
    assert await api.status("GET", f"/v1/calls/{call_id}/summary") == 404
    api.clock.pass_by(30)
    assert (await call(api, call_id))["recording"].startswith("https://")
    assert await api.status("GET", f"/v1/calls/{call_id}/summary") == 404
    api.clock.pass_by(30)
    summary = (await api.get(f"/v1/calls/{call_id}/summary"))["summary"]
    assert summary["call_id"] == call_id
    assert "{" not in summary["content"]
    assert await api.status("DELETE", f"/v1/calls/{call_id}/recording") == 204
    assert (await call(api, call_id))["recording"] is not None
    api.clock.pass_by(600)
    assert (await call(api, call_id))["recording"] is None
    for artefact in ("transcription", "sentiments", "topics", "summary", "action_items"):
        assert await api.status("GET", f"/v1/calls/{call_id}/{artefact}") == 404


async def test_a_voicemail_is_deleted_a_minute_later() -> None:
    api = SandboxApi()
    kept = next(one for one in api.world.calls if one.voicemail)
    assert (await call(api, kept.id))["voicemail"].startswith("https://")
    assert await api.status("DELETE", f"/v1/calls/{kept.id}/voicemail") == 204
    api.clock.pass_by(59)
    assert (await call(api, kept.id))["voicemail"] is not None
    api.clock.pass_by(1)
    assert (await call(api, kept.id))["voicemail"] is None


async def test_a_transcript_tells_a_conversation_of_two_in_order() -> None:
    api = SandboxApi()
    said = next(one for one in api.world.calls if one.talk >= 0)
    got = (await api.get(f"/v1/calls/{said.id}/transcription"))["transcription"]
    spoken = got["content"]["utterances"]
    assert {one["participant_type"] for one in spoken} == {"internal", "external"}
    assert all("{" not in one["text"] for one in spoken)
    starts = [one["start_time"] for one in spoken]
    assert starts == sorted(starts)
    assert said.answered is not None
    assert spoken[-1]["end_time"] <= said.ended - said.answered
    live = await api.get(f"/v1/calls/{said.id}/transcription", mode="realtime")
    assert {"timestamp", "duration_ms"} <= live["transcription"]["content"]["utterances"][0].keys()


async def test_a_call_takes_five_comments_without_emojis_and_not_a_sixth() -> None:
    api = SandboxApi()
    call_id = await start(api)
    path = f"/v1/calls/{call_id}/comments"
    for index in range(5):
        text = {"content": f"note {index} \U0001f600"}
        assert await api.status("POST", path, json=text) == 201
    comments = (await call(api, call_id))["comments"]
    assert [one["content"] for one in comments] == [f"note {index}" for index in range(5)]
    assert {one["posted_by"] for one in comments} == {None}
    assert await api.refused("POST", path, json={"content": "one more"}) == (
        400,
        "Maximum of 5 notes can be added to a Call.",
    )


async def test_tags_are_a_union_by_id() -> None:
    api = SandboxApi()
    call_id = await start(api)
    first, second, *_ = api.world.tags
    path = f"/v1/calls/{call_id}/tags"
    assert await api.status("POST", path, json={"tags": [first]}) == 201
    assert await api.status("POST", path, json={"tags": [second, first, second]}) == 201
    assert [tag["id"] for tag in (await call(api, call_id))["tags"]] == [first, second]
    assert await api.status("POST", path, json={"tags": [1]}) == 404
    assert await api.status("DELETE", f"/v1/tags/{first}") == 204
    assert [tag["id"] for tag in (await call(api, call_id))["tags"]] == [second]


async def test_recording_pauses_only_while_a_recorded_call_lasts() -> None:
    api = SandboxApi()
    call_id = await start(api)
    assert await api.status("POST", f"/v1/calls/{call_id}/pause_recording") == 204
    assert api.world.calls[-1].paused
    assert await api.status("POST", f"/v1/calls/{call_id}/resume_recording") == 204
    assert not api.world.calls[-1].paused
    api.clock.pass_by(49)
    assert await api.status("POST", f"/v1/calls/{call_id}/pause_recording") == 400
    unrecorded = await start(api, "Ana", "FR")
    api.world.numbers[api.number("FR")].recorded = False
    assert await api.status("POST", f"/v1/calls/{unrecorded}/pause_recording") == 405


async def test_a_transfer_hands_the_call_over_or_lets_it_end() -> None:
    api = SandboxApi()
    call_id = await start(api)
    path = f"/v1/calls/{call_id}/transfers"
    assert await api.status("POST", path, json={"user_id": 1}) == 404
    assert await api.status("POST", path, json={"team_id": 1}) == 404
    both = {"user_id": api.user("Ana"), "team_id": 1}
    status, why = await api.refused("POST", path, json=both)
    assert (status, "exactly one" in why) == (400, True)
    picky = {"user_id": api.user("Ana"), "dispatching_strategy": "random"}
    assert await api.status("POST", path, json=picky) == 400
    assert await api.status("POST", path, json={"number": "+14155550143"}) == 400
    api.clock.pass_by(10)
    assert await api.status("POST", path, json={"user_id": api.user("Ana")}) == 204
    moved = await call(api, call_id)
    assert moved["user"]["name"] == moved["transferred_to"]["name"] == "Ana Duarte"
    assert moved["transferred_by"]["name"] == "Maya Brooks"
    assert await availability(api, "Maya") == "available"
    assert await availability(api, "Ana") == "in_call"
    assert await api.status("POST", path, json={"user_id": api.user("Nora")}) == 204
    api.clock.pass_by(20)
    assert (await call(api, call_id))["status"] == "done"
    assert await api.status("POST", path, json={"user_id": api.user("Ana")}) == 400


async def test_only_a_ringing_inbound_call_goes_to_an_external_number() -> None:
    api = SandboxApi()
    line = api.world.numbers[api.number("US")]
    ringing = api.world.ring(line, "+14155550143", api.clock())
    path = f"/v1/calls/{ringing.id}/transfers"
    assert await api.status("POST", path, json={"number": "+14155550172"}) == 204
    assert (await call(api, ringing.id))["status"] == "done"
    answered = api.world.ring(line, "+14155550143", api.clock())
    api.clock.pass_by(5)
    path = f"/v1/calls/{answered.id}/transfers"
    assert await api.status("POST", path, json={"number": "+14155550172"}) == 400


async def test_an_inbound_call_has_its_user_once_answered() -> None:
    api = SandboxApi()
    line = api.world.numbers[api.number("US")]
    ringing = api.world.ring(line, "+14155550143", api.clock())
    first = await call(api, ringing.id)
    assert (first["status"], first["user"]) == ("initial", None)
    assert [team["name"] for team in first["teams"]] == ["Sales", "Support", "Customer Success"]
    api.clock.pass_by(4)
    second = await call(api, ringing.id)
    assert (second["status"], second["user"]["name"]) == ("answered", "Maya Brooks")


async def test_an_inbound_call_that_nobody_can_take_is_missed_with_a_reason() -> None:
    api = SandboxApi()
    line = api.world.numbers[api.number("DE")]
    line.users = [api.user("Nora")]
    missed = api.world.ring(line, "anonymous", api.clock())
    assert (await call(api, missed.id))["missed_call_reason"] is None
    api.clock.pass_by(20)
    done = await call(api, missed.id)
    assert done["missed_call_reason"] == "no_available_agent"
    assert (done["user"], done["raw_digits"]) == (None, "anonymous")


async def test_an_insight_card_needs_a_live_call_and_lines_of_a_known_kind() -> None:
    api = SandboxApi()
    call_id = await start(api)
    path = f"/v1/calls/{call_id}/insight_cards"
    good = {"contents": [{"type": "title", "text": "VIP"}]}
    assert await api.status("POST", path, json=good) == 201
    status, why = await api.refused("POST", path, json={"contents": [{"type": "title"}]})
    assert (status, "text" in why) == (400, True)
    huge = {"contents": [{"type": "title", "text": "x" * 11_000}]}
    assert await api.status("POST", path, json=huge) == 400
    api.clock.pass_by(49)
    assert await api.status("POST", path, json=good) == 400


async def test_only_an_ended_call_is_archived() -> None:
    api = SandboxApi()
    call_id = await start(api)
    assert await api.status("PUT", f"/v1/calls/{call_id}/archive") == 400
    api.clock.pass_by(60)
    archived = (await api.ask("PUT", f"/v1/calls/{call_id}/archive")).json()["call"]
    assert archived["archived"] is True
    back = (await api.ask("PUT", f"/v1/calls/{call_id}/unarchive")).json()["call"]
    assert back["archived"] is False


async def test_calls_older_than_six_months_are_no_longer_listed() -> None:
    api = SandboxApi()
    total = (await api.get("/v1/calls"))["meta"]["total"]
    oldest = api.world.calls[0]
    api.clock.pass_by(183 * 86_400 - (api.clock() - oldest.started) + 1)
    assert (await api.get("/v1/calls"))["meta"]["total"] == total - 1
    assert (await api.get("/v1/calls", **{"from": oldest.started}))["meta"]["total"] == total - 1


async def test_an_analytics_export_is_ready_after_a_minute() -> None:
    api = SandboxApi()
    body: dict[str, Any] = {
        "input": {
            "reportName": "CALLS_HISTORY",
            "filter": {"dateFilter": {"relative": "LAST_WEEK"}, "timezone": "Europe/Paris"},
        }
    }
    made = await api.ask("POST", "/v1/analytics/report/export", json=body)
    assert (made.status_code, made.json()["status"]) == (201, "PENDING")
    path = f"/v1/analytics/report/export/{made.json()['exportID']}"
    api.clock.pass_by(60)
    ready = await api.get(path)
    assert (ready["status"], ready["exportName"]) == ("COMPLETED", "calls-history")
    api.clock.pass_by(5)
    assert (await api.get(path))["downloadUrl"] != ready["downloadUrl"]
    both = {
        "relative": "TODAY",
        "absoluteRange": {"fromDate": "2026-11-01", "toDate": "2026-11-02"},
    }
    body["input"]["filter"] = {"dateFilter": both, "timezone": "Europe/Paris"}
    assert await api.status("POST", "/v1/analytics/report/export", json=body) == 400
