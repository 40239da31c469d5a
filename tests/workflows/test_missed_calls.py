from __future__ import annotations

from pathlib import Path

import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.sandbox.entities import Call

from ..harness import Clock
from ..mail import told
from .harness import WorkflowHarness

pytestmark = pytest.mark.anyio


def rang(
    harness: WorkflowHarness, ago: int, digits: str, *, answered: bool = False,
    outbound: bool = False, reason: str = "agents_did_not_answer", number: int | None = None,
) -> int:  # fmt: skip
    """A call that began `ago` seconds before now and took 30."""
    world, at = harness.world, int(harness.clock.now) - ago
    number = number or next(iter(world.numbers))
    call = Call(world.next_id("call"), "outbound" if outbound else "inbound", number,
                harness.user("Ana") if answered or outbound else None, digits, at,
                at + 5 if answered else None, at + 30,
                missed=None if answered or outbound else reason)  # fmt: skip
    kept = sorted([*world.calls, call], key=lambda one: one.started)
    world.calls.clear()
    for one in kept:
        world.add_call(one)
    return call.id


async def waiting(harness: WorkflowHarness, **arguments: object) -> dict[str, int]:
    answer = await harness.call("missed_calls", **{"period": "last 2 hours", **arguments})
    return {row["phone"]: row["waiting_seconds"] for row in answer["data"]["waiting"]}


async def test_who_was_not_called_back_waits_since_their_first_call(
    harness: WorkflowHarness,
) -> None:
    rang(harness, 5_000, "+33199005555")
    rang(harness, 4_000, "+33199005555")
    assert (await waiting(harness))["+33199005555"] == 5_000 - 30


async def test_who_was_called_back_or_got_through_waits_no_longer(harness: WorkflowHarness) -> None:
    rang(harness, 5_000, "+33199005555")
    rang(harness, 4_000, "+33199005555", outbound=True)
    rang(harness, 5_000, "+33199006666")
    rang(harness, 3_000, "+33199006666", answered=True)
    rang(harness, 5_000, "+33199007777")
    rang(harness, 6_000, "+33199007777", outbound=True)
    found = await waiting(harness)
    assert "+33199005555" not in found
    assert "+33199006666" not in found
    assert "+33199007777" in found, "a call before the missed one is no call back"


async def test_who_calls_again_after_a_call_back_waits_anew(harness: WorkflowHarness) -> None:
    rang(harness, 5_000, "+33199005555")
    rang(harness, 4_000, "+33199005555", outbound=True)
    rang(harness, 3_000, "+33199005555")
    assert (await waiting(harness))["+33199005555"] == 3_000 - 30


async def test_a_call_back_behind_the_period_counts(harness: WorkflowHarness) -> None:
    rang(harness, 100_000, "+33199005555")
    rang(harness, 1_000, "+33199005555", outbound=True)
    answer = await harness.call("missed_calls", period="2026-11-18")
    assert "+33199005555" not in {row["phone"] for row in answer["data"]["waiting"]}


async def test_who_was_texted_back_waits_no_longer(harness: WorkflowHarness) -> None:
    rang(harness, 5_000, "+33199001234")
    harness.kit.log().append(
        [told("message.sent", "m1", at=harness.clock.now - 600, direction="outbound",
              raw_digits="+33 1 99 00 12 34", body="Sorry we missed you")]
    )  # fmt: skip
    assert "+33199001234" not in await waiting(harness)


async def test_their_own_text_is_no_answer(harness: WorkflowHarness) -> None:
    rang(harness, 5_000, "+33199001234")
    harness.kit.log().append(
        [told("message.received", "m1", at=harness.clock.now - 600, direction="inbound",
              raw_digits="+33 1 99 00 12 34", body="Hello?")]
    )  # fmt: skip
    assert "+33199001234" in await waiting(harness)


async def test_what_was_given_up_at_once_is_left_out_unless_asked_for(
    harness: WorkflowHarness,
) -> None:
    rang(harness, 5_000, "+33199005555", reason="short_abandoned")
    answer = await harness.call("missed_calls", period="last 2 hours")
    assert "+33199005555" not in {row["phone"] for row in answer["data"]["waiting"]}
    assert any("short_abandoned" in note for note in answer["notes"])
    assert "+33199005555" in await waiting(harness, short_abandoned=True)


async def test_hidden_numbers_are_counted_and_what_is_not_known_is_said(
    harness: WorkflowHarness,
) -> None:
    rang(harness, 5_000, "anonymous")
    answer = await harness.call("missed_calls", period="last 2 hours")
    assert any("no number" in note for note in answer["notes"])
    assert any("Not known to the API" in note for note in answer["notes"])


async def test_a_users_missed_calls_are_those_of_their_lines(harness: WorkflowHarness) -> None:
    ana = harness.user("Ana")
    hers = next(n.id for n in harness.world.numbers.values() if ana in n.users)
    other = next(n.id for n in harness.world.numbers.values() if ana not in n.users)
    rang(harness, 5_000, "+33199005555", number=hers)
    rang(harness, 5_000, "+33199006666", number=other)
    answer = await harness.call("missed_calls", period="last 2 hours", user="Ana Duarte")
    found = {row["phone"] for row in answer["data"]["waiting"]}
    assert "+33199005555" in found
    assert "+33199006666" not in found
    assert any("no user of a missed call" in note for note in answer["notes"])


async def test_without_a_webhook_it_says_that_texts_are_not_known(
    registry: Registry, sandbox: Sandbox, clock: Clock, tmp_path: Path
) -> None:
    harness = WorkflowHarness(registry, sandbox, clock, tmp_path, heard=False)
    rang(harness, 5_000, "+33199005555")
    answer = await harness.call("missed_calls", period="last 2 hours")
    assert any("texted back is not known" in note for note in answer["notes"])
    await harness.desk.aclose()
