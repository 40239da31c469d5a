"""Figures, people and phrases as others expect them, who saw the rules and none of the code.

The cases of `cases/` were each used once for a figure, which docs/workflows.md tells, and read
afterwards: today's figures are of cases that the rules were made for.
`python -m pytest tests/workflows/test_cases.py -s` prints the figures of today.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from aircall_mcp.workflows.kit import object_of
from aircall_mcp.workflows.kpis import kpis_of, party_of
from aircall_mcp.workflows.meant import Named
from aircall_mcp.workflows.missed_calls import waiting_among
from aircall_mcp.workflows.names import Names
from aircall_mcp.workflows.phrases import hits
from aircall_mcp.workflows.transcripts import lines_of

Json = dict[str, Any]

CASES = Path(__file__).with_name("cases")
SAYS = {
    "answered_inbound": "answered",
    "answered_outbound": "outbound_answered",
    "in_sla_count": "in_sla",
    "talk_time": "talk_seconds",
    "unanswered_handled_by_ai_agent": "handled_by_ai_agent",
    "call_backs": "called_back",
}
"""What the cases call a figure, and what we do."""
NOT_TOLD = {"talk_time_inbound", "talk_time_outbound"}


def rows(name: str) -> list[Json]:
    return [json.loads(line) for line in (CASES / name).read_text("utf-8").splitlines()]


CALLS = rows("calls.jsonl")
COMPANY: dict[str, list[Json]] = json.loads((CASES / "company.json").read_text("utf-8"))


def fitting(wanted: Mapping[str, int]) -> Callable[[Json], bool]:
    def fits(call: Json) -> bool:
        ids = {
            "user": [object_of(call.get("user")).get("id")],
            "number": [object_of(call.get("number")).get("id")],
            "team": [one["id"] for one in call.get("teams", [])],
            "tag": [one["id"] for one in call.get("tags", [])],
        }
        return all(value in ids[kind] for kind, value in wanted.items())

    return fits


def name_of(kind: str | None, key: str) -> str:
    """As a group is called whose id, hour or weekday is `key`."""
    kind = kind or ""
    listed = [*COMPANY.get(f"{kind}s", ()), *(call[kind] for call in CALLS if call.get(kind))]
    named = next((one["name"] for one in listed if str(one["id"]) == key), key)
    return f"{key}:00" if kind == "hour" else named


def told(figures: Json, name: str) -> Any:
    if name.startswith("time_to_answer"):
        times = object_of(figures.get("time_to_answer_seconds"))
        return times.get("mean" if name.endswith("avg") else "median")
    found = figures.get(SAYS.get(name, name))
    if name == "missed_by_reason":
        return {reason: count for reason, count in object_of(found).items() if count}
    return found or 0


def differences(expected: Json, figures: Json) -> Iterator[str]:
    for name, value in expected.items():
        if name in NOT_TOLD:
            continue
        found = told(figures, name)
        rounded = isinstance(value, float) and found is not None and abs(found - value) <= 0.5
        if found != value and not rounded:
            yield f"{name}: {found}, not {value}"


@pytest.mark.parametrize("case", rows("figures.jsonl"), ids=lambda case: case["id"])
def test_the_figures_are_those_of_the_rules(case: Json) -> None:
    teams = {one["name"]: frozenset[int](one["member_ids"]) for one in COMPANY["teams"]}
    found: list[str] = []
    for when in ("period", "before"):
        if when not in case:
            continue
        asked = case[when]
        total, groups = kpis_of(
            CALLS, asked["from"], asked["to"], by=case["group_by"], teams=teams,
            zone=ZoneInfo(asked["zone"]), sla=case["sla_seconds"], fits=fitting(case["filter"]),
        )  # fmt: skip
        if case["group_by"] is None:
            found += differences(asked["expect"], total.told())
            continue
        known = {name.lower(): figures.told() for name, figures in groups.items()}
        for key, expected in asked["expect"].items():
            name = name_of(case["group_by"], key).lower()
            said = known.get(name) or known.get(name.removesuffix(":00")) or {}
            found += [f"{name}: {one}" for one in differences(expected, said)]
    assert found == []


@pytest.mark.parametrize("case", rows("missed.jsonl"), ids=lambda case: case["id"])
def test_who_waits_is_who_was_not_called_back(case: Json) -> None:
    fits = fitting(case["scope"])
    seen = [call for call in CALLS if case["since"] <= call["started_at"] <= case["moment"]]
    seen.sort(key=lambda call: call["started_at"])
    waiting = {one.party: one.since for one in waiting_among(seen, fits)}

    def party(caller: str) -> str:
        return party_of({"raw_digits": caller})

    allowed = {party(one["caller"]) for one in case["waiting"]} | set(map(party, case["open"]))
    assert set(waiting) <= allowed
    for one in case["waiting"]:
        since = waiting[party(one["caller"])]
        assert any(abs(since - right) <= 120 for right in one["since"])


def looked_up(which: int) -> tuple[int, int, int]:
    """Of the look-ups: all, those that were right, and those that guessed instead of asking."""
    names = Names(
        Named(
            one["id"],
            one["name"],
            one["kind"],
            tuple(one["emails"]),
            tuple(one["phones"]),
            one["beside"],
        )
        for one in rows(f"people_{which}.jsonl")
    )
    right = guessed = 0
    asked = rows(f"lookups_{which}.jsonl")
    for row in asked:
        found, expected = names.find(row["query"]), row["expect"]
        one = f"{found.one.kind}:{found.one.id}" if found.one else None
        fits = {f"{named.kind}:{named.id}" for named in found.fits}
        if "one" in expected:
            right += one == expected["one"]
            continue
        guessed += one is not None
        if "choices" in expected:
            right += one is None and set(expected["choices"]) <= fits
        else:
            right += not (fits and found.sure)
    return len(asked), right, guessed


@pytest.mark.parametrize(
    ("which", "least", "guesses"), [(1, 199, 0), (2, 150, 0), (3, 100, 0), (4, 100, 0), (5, 99, 0)]
)
def test_people_are_found_and_rarely_guessed(which: int, least: int, guesses: int) -> None:
    asked, right, guessed = looked_up(which)
    print(f"people, set {which}: {right} of {asked} right, {guessed} guessed")
    assert right >= least
    assert guessed <= guesses


@pytest.mark.parametrize(("which", "least"), [(1, 198), (2, 149), (3, 100), (4, 100), (5, 99)])
def test_phrases_are_found_in_any_form(which: int, least: int) -> None:
    said = [
        (one["call_id"], lines_of(one["utterances"], one["language"]))
        for one in rows(f"transcripts_{which}.jsonl")
    ]
    asked = rows(f"phrases_{which}.jsonl")
    found: list[set[Any]] = [set() for _ in asked]
    for call, lines in said:
        phrases = [row["phrase"] for row in asked]
        for hit in hits([line.text for line in lines], phrases, lines[0].language):
            found[hit.phrase].add(call)
    right = sum(calls == set(row["expect"]) for calls, row in zip(found, asked, strict=True))
    print(f"phrases, set {which}: {right} of {len(asked)} right")
    assert right >= least
