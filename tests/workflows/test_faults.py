"""Every workflow before a faulty way: all of it, done once, or an exact account of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.desk import Answer, Outcome
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.sandbox.entities import Call

from ..harness import THURSDAY
from ..upstream import REGISTRY, Upstream
from .advancing import TO
from .faults import HOLLOW, ONCE, TOLD, Case, Stands, Verify, run, same

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

RUNS = 5_000
BEGIN = int(THURSDAY) - 40_000
PERIOD = f"{BEGIN}..{BEGIN + 30_000}"
PEOPLE = ("+14155550143", "+14155550144", "+14155550145")
LINE = 88012
CALLED = {"user": "Ana Duarte", "to": TO, "tags": ["follow_up"], "comment": "About the order"}
TEXT = {"body": "We open at 9.", "from": "num_555"}
SCRIPT = f"""
found = await find_calls(period="{PERIOD}")
{{"rows": found["data"]["rows"], "complete": found["page"]["complete"]}}
"""
STEPS = [
    {"operation": "send_message_in_conversation",
     "arguments": {"number_id": LINE, "to": PEOPLE[0], "body": "We open at 9."}},
    {"operation": "create_tag", "arguments": {"name": "told", "color": "#00B388"}},
    {"operation": "send_message_in_conversation",
     "arguments": {"number_id": LINE, "to": PEOPLE[1], "body": "We open at 9."}},
]  # fmt: skip


def crowded(sandbox: Sandbox) -> None:
    """Some pages of calls more."""
    world = sandbox.world
    number = next(iter(world.numbers))
    kept = [*world.calls]
    world.calls.clear()
    for n in range(130):
        at = BEGIN + n * 200
        kept.append(Call(world.next_id("call"), "inbound", number, None, "+33199001234", at, None,
                         at + 20, missed="agents_did_not_answer"))  # fmt: skip
    for call in sorted(kept, key=lambda call: call.started):
        world.add_call(call)


# what reads


def refused(outcome: Outcome) -> bool:
    error = outcome.payload.get("error", {})
    assert isinstance(outcome, Answer) or (error["kind"] and error["message"])
    return not isinstance(outcome, Answer)


def whole_or_honest(key: str) -> Verify:
    """The list `key` is all of it, or part of it and said to be, with why."""

    def verify(outcome: Outcome, truth: Mapping[str, Any], _up: Upstream) -> Stands:
        if refused(outcome):
            return "refused"
        payload = outcome.payload
        if payload["page"]["complete"]:
            assert same(payload, truth), "it is called complete, and is not"
            return "whole"
        assert payload["page"].get("why"), "it does not say what is missing"
        if key:
            known = truth["data"][key]
            assert all(row in known for row in payload["data"][key]), "it made something up"
        return "in part"

    return verify


def status_of(outcome: Outcome, truth: Mapping[str, Any], up: Upstream) -> Stands:
    """As the others, but since when may be missing where a note says so."""
    if isinstance(outcome, Answer) and outcome.payload["page"]["complete"]:
        if same(outcome.payload, truth):
            return "whole"
        assert any("not known" in note for note in outcome.payload["notes"])
        return "in part"
    return whole_or_honest("")(outcome, truth, up)


def scanned(outcome: Outcome, truth: Mapping[str, Any], _up: Upstream) -> Stands:
    """Each call was read, or is counted with why it was not."""
    if refused(outcome):
        return "refused"
    data, page = outcome.payload["data"], outcome.payload["page"]
    known = {call["id"]: call for call in truth["data"]["calls"]}
    assert all(known.get(call["id"]) == call for call in data["calls"]), "it made something up"
    without: Mapping[str, Any] = data.get("without_transcript", {"calls": 0, "why": {}})
    assert sum(without["why"].values()) == without["calls"]
    if not page["complete"]:
        assert page["why"]
        return "in part"
    assert data["transcripts_read"] + without["calls"] == page["total"] == truth["page"]["total"]
    missing = len(known) - len(data["calls"])
    more = without["calls"] - truth["data"]["without_transcript"]["calls"]
    assert missing <= more, "a quote is missing, and its call is said to be read"
    return "in part" if more else "whole"


def briefed(outcome: Outcome, truth: Mapping[str, Any], _up: Upstream) -> Stands:
    """Each part of each call is there as it is, or is named with why it is not."""
    if refused(outcome):
        return "refused"
    notes, stands = " ".join(outcome.payload.get("notes", ())), "whole"
    for told, true in zip(outcome.payload["data"]["calls"], truth["data"]["calls"], strict=True):
        if told.get("error"):
            assert str(told["id"]) in notes
            stands = stands if told["error"] == true.get("error") else "in part"
            continue
        named = {*told.get("not_read", {}), *told.get("not_there", ())}
        for part in true.keys() - {"not_there"}:
            if part in told:
                assert told[part] == true[part], part
            else:
                assert part in named or f"{part}" in notes, f"{part} is missing, unsaid"
                stands = "in part"
    return "whole" if stands == "whole" else "in part"


def read_by_a_script(outcome: Outcome, truth: Mapping[str, Any], _up: Upstream) -> Stands:
    """Its list is all of it, or the answer says that it is without its end."""
    if refused(outcome):
        return "refused"
    given, true = outcome.payload["data"]["result"], truth["data"]["result"]
    if given["complete"]:
        assert given == true, "it is called complete, and is not"
        return "whole"
    assert "find_calls" in " ".join(outcome.payload["notes"]), "it does not say what is missing"
    assert all(row in true["rows"] for row in given["rows"]), "it made something up"
    return "in part"


# what reaches people


def texted(up: Upstream) -> Counter[str]:
    """Texts of ours by who got them; nothing of the sandbox's own goes to these."""
    return Counter(to for one in up.sandbox.world.messages for to in one.to if to in PEOPLE)


def told_exactly(pairs: Sequence[tuple[str, int]]) -> None:
    """Each outcome that is told is what became of it, by how often it was done."""
    for outcome, done in pairs:
        word = outcome.partition(":")[0]
        assert done <= 1, "it was done twice"
        fits = {"done": (1,), "duplicate": (1,), "waiting": (0,), "failed": (0,)}
        assert done in fits.get(word, (0, 1)), (word, done)


def _stands(words: Sequence[str]) -> Stands:
    return "whole" if all(one == "done" for one in words) else "in part"


def sent(outcome: Outcome, _truth: Mapping[str, Any], up: Upstream) -> Stands:
    """Nobody is texted twice, and what is told of each is so."""
    there = texted(up)
    assert max(there.values(), default=0) <= 1, there
    if refused(outcome):
        assert not there or outcome.payload["error"]["kind"] in TOLD
        return "refused"
    rows = outcome.payload["data"]["texts"]
    told_exactly([(row["outcome"], there[row["to"]]) for row in rows])
    return _stands([row["outcome"] for row in rows])


def carried_out(outcome: Outcome, _truth: Mapping[str, Any], up: Upstream) -> Stands:
    there = texted(up)
    tags = sum(one.name == "told" for one in up.sandbox.world.tags.values())
    done = (there[PEOPLE[0]], tags, there[PEOPLE[1]])
    assert max(done) <= 1, done
    if refused(outcome):
        assert not any(done), "it is refused, and part of it is done"
        return "refused"
    outcomes = outcome.payload["data"]["outcomes"]
    told_exactly(list(zip(outcomes, done, strict=True)))
    return _stands(outcomes)


def placed(outcome: Outcome, _truth: Mapping[str, Any], up: Upstream) -> Stands:
    """One call at most; tags and comment are told as they are, or said to be unknown."""
    world = up.sandbox.world
    calls = [one for one in world.calls if one.fresh and one.direction == "outbound"]
    assert len(calls) <= 1, "dialled twice"
    if refused(outcome):
        assert not calls or outcome.payload["error"]["kind"] in TOLD
        return "refused"
    (call,), told = calls, outcome.payload["data"]
    assert told["call"] is None or told["call"]["id"] == call.id
    tags = [world.tags[one.tag].name for one in call.tags]
    comments = [one.content for one in call.comments]
    assert len(tags) == len(set(tags))
    assert len(comments) <= 1
    left = told.get("not_done", ())
    unknown = " ".join(one["what"] for one in left if one["done"] == "unknown")
    for name in {*tags, *told["tagged"]}:
        assert (name in tags) == (name in told["tagged"]) or name in unknown, "tags"
    assert told["commented"] == bool(comments) or "comment" in unknown
    assert left or (told["tagged"] and told["commented"])
    return "in part" if left or told["call"] is None else "whole"


CASES = (
    Case("find_calls", {"period": PERIOD}, whole_or_honest("rows"), world=crowded),
    Case("find_calls", {"period": PERIOD, "user": "Ana Duarte"}, whole_or_honest("rows"),
         world=crowded),
    Case("missed_calls", {"period": PERIOD, "team": "Support"}, whole_or_honest(""), world=crowded),
    Case("missed_calls", {"period": "last 24 hours", "user": "Ana"}, whole_or_honest(""),
         world=crowded),
    Case("list_voicemails", {"period": "last 7 days"}, whole_or_honest("voicemails")),
    Case("call_stats", {"period": PERIOD, "by": "team"}, whole_or_honest(""), world=crowded),
    Case("team_status", {"team": "Support"}, status_of),
    Case("find_person", {"query": "ana duarte"}, whole_or_honest("")),
    Case("call_brief", {"call_ids": [4211360915, 4211360916]}, briefed),
    Case("scan_transcripts", {"phrases": ["cancelling my account", "invoice"],
                              "period": "yesterday"}, scanned),
    Case("run_script", {"code": SCRIPT}, read_by_a_script, world=crowded),
    Case("place_call", CALLED, placed, effect=True),
    Case("place_call", {**CALLED, "tags": ["follow_up", "novel"], "create_tags": True}, placed,
         effect=True),
    Case("place_call", {**CALLED, "wait_seconds": 30, "until": "answered"}, placed, effect=True),
    Case("send_text", {**TEXT, "to": [PEOPLE[0]]}, sent, effect=True, faults=(*ONCE, HOLLOW)),
    Case("send_text", {**TEXT, "to": list(PEOPLE)}, sent, effect=True, faults=(*ONCE, HOLLOW)),
    Case("plan", {"steps": STEPS}, carried_out, effect=True, faults=(*ONCE, HOLLOW)),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{one.tool}" for n, one in enumerate(CASES)])
async def test_it_is_whole_and_done_once_or_told_exactly(
    case: Case, tmp_path: Path, full: bool
) -> None:
    report = await run(case, tmp_path, most=-(-RUNS // len(CASES)) if full else 2)
    print(f"{case.tool}: {report.runs} runs: {dict(report.stood)}")
    for one in report.wrong:
        print(one)
    assert report.wrong == []
    assert not full or report.stood["whole"]
    # Who is told of each call or step by itself is not refused as a whole.
    never = case.tool in ("call_brief", "plan")
    assert not full or report.stood["in part" if never else "refused"]


def test_every_workflow_is_among_them() -> None:
    """But for the one that asks Aircall nothing."""
    known = {one.id for one in REGISTRY.known if one.toolset == "workflows"}
    assert {case.tool for case in CASES} == known - {"approval_status"}
