"""The rules of Aircall's dashboards, one call at a time: figures that were worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from aircall_mcp.workflows.kpis import call_back, kpis_of, main, owner_of, party_of, time_to_answer

T = 1_795_082_400
"""2026-11-19, 10:00 UTC, a Thursday."""
ANA, BEN = {"id": 1, "name": "Ana"}, {"id": 2, "name": "Ben"}
PARIS, OSLO = {"id": 7, "name": "Paris"}, {"id": 8, "name": "Oslo"}


def call(at: int = T, wait: int | None = None, talk: int = 60, **more: Any) -> dict[str, Any]:
    """A call of 30 s that nobody took, or one that was picked up after `wait` seconds."""
    answered = None if wait is None else at + wait
    ended = at + 30 if answered is None else answered + talk
    made: dict[str, Any] = {"id": at, "direction": "inbound", "status": "done", "started_at": at,
            "answered_at": answered, "ended_at": ended, "raw_digits": "+33 1 99 00 12 34",
            "number": PARIS, "user": None if wait is None else ANA, "tags": [], "teams": [],
            "missed_call_reason": None if answered else "agents_did_not_answer"}  # fmt: skip
    return made | more


def total(*calls: dict[str, Any], **how: Any) -> dict[str, Any]:
    return kpis_of(calls, T, T + 10_000, **how)[0].told()


def test_answered_and_missed_by_reason_talk_time_and_time_to_answer() -> None:
    told = total(
        call(wait=10, talk=100), call(T + 1, wait=21, talk=50), call(T + 2),
        call(T + 3, missed_call_reason="short_abandoned"), call(T + 4, missed_call_reason=None),
    )  # fmt: skip
    assert told["calls"] == told["inbound"] == 5
    assert (told["answered"], told["missed"], told["talk_seconds"]) == (2, 3, 150)
    assert told["missed_by_reason"] == {
        "agents_did_not_answer": 1, "short_abandoned": 1, "unknown": 1,
    }  # fmt: skip
    assert told["time_to_answer_seconds"] == {"mean": 16, "median": 15, "longest": 21, "of": 2}
    assert told["in_sla"] == 1
    assert told["in_sla_of_answered"] == {"percent": 50.0, "of": 2}
    assert told["in_sla_of_inbound"] == {"percent": 20.0, "of": 5}


@pytest.mark.parametrize(("wait", "within"), [(19, 1), (20, 1), (21, 0)])
def test_in_sla_is_up_to_the_sla(wait: int, within: int) -> None:
    assert total(call(wait=wait))["in_sla"] == within
    assert total(call(wait=wait), sla=wait)["in_sla"] == 1


def test_menus_and_ai_agents_are_no_time_to_answer() -> None:
    menu = {"transition_started_at": "2026-11-19T10:00:05Z",
            "transition_ended_at": "2026-11-19T10:00:12Z"}  # fmt: skip
    assert time_to_answer(call(wait=30, ivr_options_selected=[menu])) == 18
    agent = {"started_at": T, "ended_at": T + 25}
    assert time_to_answer(call(wait=30, ai_voice_agents=[agent])) == 5
    assert time_to_answer(call(wait=30, ivr_options_selected=[menu], ai_voice_agents=[agent])) == 5
    late = {"started_at": T + 40, "ended_at": T + 50}
    assert time_to_answer(call(wait=30, ai_voice_agents=[late])) == 30
    assert time_to_answer(call()) is None


def test_what_an_ai_agent_dealt_with_is_a_class_of_its_own() -> None:
    told = total(call(ai_voice_agents=[{"agent_id": "a", "started_at": T}]))
    assert (told["missed"], told["handled_by_ai_agent"], told["inbound"]) == (0, 1, 1)


def test_a_call_belongs_to_its_last_participant_and_missed_ones_to_nobody() -> None:
    assert owner_of(call(wait=5)) == (1, "Ana")
    assert owner_of(call(wait=5, transferred_by=ANA, transferred_to=BEN)) == (2, "Ben")
    assert owner_of(call(user=ANA)) is None
    assert owner_of(call(direction="outbound", user=ANA)) == (1, "Ana")
    _, groups = kpis_of(
        [call(wait=5), call(T + 1, wait=5, transferred_to=BEN), call(T + 2)], T, T + 9, by="user"
    )
    assert {name: figures.calls for name, figures in groups.items()} == {"Ana": 1, "Ben": 1, "": 1}


def test_an_outbound_call_that_was_transferred_counts_as_inbound_too() -> None:
    told = total(
        call(wait=5, direction="outbound", transferred_to=BEN),
        call(T + 1, direction="outbound", transferred_to=BEN),
        call(T + 2, wait=9, direction="outbound"),
    )
    assert (told["calls"], told["outbound"], told["inbound"], told["answered"]) == (3, 3, 1, 1)
    assert told["outbound_answered"] == 2
    assert told["missed"] == 0


def test_only_ended_calls_of_the_period_count() -> None:
    assert total(call(T - 1), call(T + 10_000), call(status="answered"))["calls"] == 0
    assert total(call(T), call(T + 9_999))["calls"] == 2


def test_a_call_back_is_the_first_call_to_the_same_number_behind_the_end() -> None:
    out = [call(T + at, direction="outbound", raw_digits="+33199001234") for at in (20, 90, 95)]
    told = total(call(), *out)
    assert told["called_back"] == 1
    assert told["call_back_seconds"] == {"mean": 60, "median": 60, "longest": 60, "of": 1}
    assert total(call(), *out, within=59)["called_back"] == 0
    assert total(call(raw_digits="anonymous"), *out)["called_back"] == 0
    assert call_back(call(), {}) is None
    assert party_of(call()) == "33199001234"


def test_groups_by_tag_team_number_hour_and_weekday() -> None:
    calls = [
        call(wait=5, tags=[{"id": 1, "name": "vip"}, {"id": 2, "name": "bug"}]),
        call(T + 3_600, number=OSLO, teams=[{"id": 5, "name": "Support"}]),
    ]

    def of(by: Any, **how: Any) -> dict[str, int]:
        _, groups = kpis_of(calls, T, T + 9_000, by=by, **how)
        return {name: figures.calls for name, figures in groups.items()}

    assert of("tag") == {"vip": 1, "bug": 1, "": 1}
    assert of("team", teams={"Sales": frozenset({1})}) == {"Sales": 1, "Support": 1}
    assert of("number") == {"Paris": 1, "Oslo": 1}
    assert of("hour", zone=ZoneInfo("Europe/Paris")) == {"11:00": 1, "12:00": 1}
    assert of("weekday") == {"Thursday": 2}


def test_of_nothing_there_is_no_share() -> None:
    told = total()
    assert told["in_sla_of_answered"] is None
    assert told["time_to_answer_seconds"] is None


def test_a_file_of_calls_has_its_figures_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls, teams = tmp_path / "calls.json", tmp_path / "teams.json"
    calls.write_text(json.dumps({"calls": [call(wait=5), call(T + 1)]}))
    teams.write_text(json.dumps([{"id": 3, "name": "Sales", "users": [{"id": 1}]}]))
    given = [str(calls), str(T), str(T + 9), "--by", "team", "--teams", str(teams)]
    assert main(given) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["total"] == total(call(wait=5), call(T + 1))
    assert told["groups"].keys() == {"Sales", ""}
