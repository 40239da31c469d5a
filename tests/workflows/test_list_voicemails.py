from __future__ import annotations

import pytest

from aircall_mcp.ground.times import iso

from ..harness import THURSDAY
from .harness import WorkflowHarness
from .test_missed_calls import rang

pytestmark = pytest.mark.anyio


async def test_each_voicemail_with_when_who_and_where(harness: WorkflowHarness) -> None:
    answer = await harness.call("list_voicemails", period="last 6 weeks")
    left = [c for c in harness.world.calls
            if c.voicemail and c.started >= THURSDAY - 42 * 86_400]  # fmt: skip
    shown = {row["call_id"]: row for row in answer["data"]["voicemails"]}
    assert shown.keys() == {c.id for c in left}
    for call in left:
        assert shown[call.id]["at"] == iso(call.started)
        assert shown[call.id]["call_seconds"] == call.ended - call.started
    newest = [row["at"] for row in answer["data"]["voicemails"]]
    assert newest == sorted(newest, reverse=True)
    assert answer["data"]["summary"].startswith(f"{len(left)} voicemail")


async def test_a_call_whose_media_may_still_come_is_not_yet(harness: WorkflowHarness) -> None:
    before = (await harness.call("list_voicemails", period="today"))["data"]["not_yet"]
    rang(harness, 600, "+33199005555")
    rang(harness, 500, "+33199005555", answered=True)
    rang(harness, 400, "+33199005555", reason="short_abandoned")
    answer = await harness.call("list_voicemails", period="today")
    assert answer["data"]["not_yet"] == before + 1
    assert any(note.startswith("Not yet") for note in answer["notes"])
