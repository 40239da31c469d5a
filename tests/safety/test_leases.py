"""Leases: a yes given ahead, within its bounds, counted over all processes; and an older home."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.desk import Question
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.safety import approvals
from aircall_mcp.safety.approvals import Approvals
from aircall_mcp.safety.deed import Deed
from aircall_mcp.safety.leases import Lease
from aircall_mcp.safety.policy import Cap, Line, Policy
from aircall_mcp.safety.safety import EARLIER, Safety
from aircall_mcp.storage.lock import plan_latches
from aircall_mcp.storage.state import durable

from ..harness import AskingDesk, Clock, answering, asking_desk

pytestmark = pytest.mark.anyio

POLICY = Policy(effects={"reach": Line("ask", 2)}, caps={"texts": Cap(hour=5)})


class LeaseHarness:
    def __init__(self, registry: Registry, home: Path) -> None:
        app, self.arrived = answering(200, {"id": 1})
        self.clock = Clock()
        self.offers = Offers(registry)
        self.app = app
        self.home = home
        self.desks: list[AskingDesk] = []

    def desk(self) -> AskingDesk:
        made = asking_desk(
            self.offers, self.app, POLICY, clock=self.clock.handed(), home=self.home
        )  # fmt: skip
        self.desks.append(made)
        return made


@pytest.fixture
async def harness(registry: Registry, tmp_path: Path) -> AsyncIterator[LeaseHarness]:
    made = LeaseHarness(registry, tmp_path / "home")
    yield made
    for desk in made.desks:
        await desk.aclose()


async def sent(desk: AskingDesk, last: int, **more: Any) -> bool:
    """Whether a text goes with nobody asked."""
    caller = Caller(**{name: more.pop(name) for name in ("principal", "account") if name in more})
    given = {"number_id": 2, "to": f"+3318488000{last}", "body": "Hello", **more}
    outcome = await desk.call("aircall_send_message", given, caller)
    return not outcome.is_error


async def give(desk: AskingDesk, size: int, **more: Any) -> str:
    given: dict[str, Any] = {
        "principal": "owner", "account": "tests", "recipients": ["+3318488000*"], **more,
    }  # fmt: skip
    return (await desk.safety.leases.give("texts", size, 600, **given)).id


async def test_it_answers_what_is_asked_within_its_bounds_alone(harness: LeaseHarness) -> None:
    desk = harness.desk()
    await give(desk, 3, senders=[2])
    assert not await sent(desk, 1, principal="ann")
    assert not await sent(desk, 1, account="other")
    assert not await sent(desk, 1, number_id=3)
    assert not await sent(desk, 1, to="+33184881234")
    dial = {"user_id": 1, "number_id": 2, "to": "+33184880001"}
    assert isinstance(await desk.call("aircall_start_outbound_call", dial, Caller()), Question)
    await desk.safety.usage.suppress("+33184880009", "said STOP")
    assert not await sent(desk, 9)
    assert [await sent(desk, last) for last in (1, 2, 3, 4)] == [True, True, True, False]
    assert len(harness.arrived) == 3


@pytest.mark.parametrize("other", [{"principal": "ann"}, {"account": "acme"}], ids=str)
async def test_it_is_of_one_principal_and_one_account(
    harness: LeaseHarness, other: dict[str, str]
) -> None:
    safety = harness.desk().safety
    lease = await give(harness.desks[0], 3)
    deed = Deed("send_message", "messages", ("reach",), "tests", "owner", ("+33184880001",),
                senders=(2,), counted="texts")  # fmt: skip
    theirs = replace(deed, **other)
    assert await safety.state.write(lambda tx: safety.leases.using(tx, theirs)) == ""
    assert await safety.state.write(lambda tx: safety.leases.using(tx, deed)) == lease


async def test_caps_hold_time_ends_it_and_so_does_a_person(harness: LeaseHarness) -> None:
    desk = harness.desk()
    lease = await give(desk, 20)
    assert [await sent(desk, last) for last in range(6)] == [True] * 5 + [False]
    harness.clock.pass_by(601)
    assert not await sent(desk, 7)
    harness.clock.pass_by(-602)  # set back to before it was given
    assert not await sent(desk, 7)
    harness.clock.pass_by(1)
    harness.clock.pass_by(3600)
    lease = await give(desk, 20)
    assert await sent(desk, 7)
    assert await desk.safety.leases.revoke(lease, "revoked") == 1
    assert not await sent(desk, 8)
    await give(desk, 20)
    assert await desk.safety.call_off("the emergency brake") > 0
    assert not await sent(desk, 8)


async def test_what_was_done_a_moment_ago_takes_nothing_from_a_lease_or_a_cap(
    harness: LeaseHarness,
) -> None:
    desk = harness.desk()
    await give(desk, 3)
    assert await sent(desk, 1)
    for _ in range(8):
        assert not await sent(desk, 1)
    assert [await sent(desk, last) for last in (2, 3, 4)] == [True, True, False]
    (used,) = {(await desk.safety.usage.used("tests"))["texts"].hour}
    assert (used, len(harness.arrived)) == (3, 3)


async def test_a_plan_takes_its_steps_from_a_lease_or_none(harness: LeaseHarness) -> None:
    desk = harness.desk()
    steps = [
        {"operation": "send_message",
         "arguments": {"number_id": 2, "to": f"+3318488000{last}", "body": "Hi"}}
        for last in (1, 2, 3)
    ]  # fmt: skip
    await give(desk, 2)
    assert isinstance(await desk.call("aircall_plan", {"steps": steps}, Caller()), Question)
    (lease,) = await desk.safety.leases.given()
    assert lease.used == 0
    answer = await desk.call("aircall_plan", {"steps": steps[:2]}, Caller())
    assert answer.payload["data"]["outcomes"] == ["done", "done"]
    assert len(harness.arrived) == 2


@pytest.mark.parametrize("tool", ["aircall_send_message", "aircall_plan"])
async def test_a_no_to_exactly_this_is_heard_whatever_lease_is_given(
    harness: LeaseHarness, tool: str
) -> None:
    desk, approvals = harness.desk(), harness.desks[0].safety.approvals
    given: dict[str, Any] = {"number_id": 2, "to": "+33184880001", "body": "Hello"}
    if tool == "aircall_plan":
        given = {"steps": [{"operation": "send_message", "arguments": given}]}

    async def asked() -> Question:
        outcome = await desk.call(tool, given, Caller())
        assert isinstance(outcome, Question)
        return outcome

    waiting = await asked()
    await give(desk, 4)
    await approvals.answer(waiting.approval, yes=False, grade=2, way="terminal")
    harness.clock.pass_by(1)
    told = await desk.call(tool, given, Caller())
    assert told.payload["error"]["message"] == "The person who was asked said no."
    harness.clock.pass_by(60)
    another = await asked()  # somebody may have thought again
    assert another.approval != waiting.approval
    assert await sent(desk, 2)
    # Until somebody says yes to it, too.
    await approvals.answer(another.approval, yes=True, grade=2, way="terminal")
    assert not (await desk.call(tool, given, Caller())).is_error
    harness.clock.pass_by(300)
    assert not (await desk.call(tool, given, Caller())).is_error
    assert len(harness.arrived) == 3


async def test_a_no_to_a_call_is_one_to_a_plan_with_it(harness: LeaseHarness) -> None:
    desk, approvals = harness.desk(), harness.desks[0].safety.approvals
    given: dict[str, Any] = {"number_id": 2, "to": "+33184880001", "body": "Hello"}
    waiting = await desk.call("aircall_send_message", given, Caller())
    assert isinstance(waiting, Question)
    await give(desk, 4)
    await approvals.answer(waiting.approval, yes=False, grade=2, way="terminal")
    wanted = [given, {**given, "to": "+33184880002"}]
    steps = [{"operation": "send_message", "arguments": one} for one in wanted]
    assert isinstance(await desk.call("aircall_plan", {"steps": steps}, Caller()), Question)
    assert harness.arrived == []
    answer = await desk.call("aircall_plan", {"steps": steps[1:]}, Caller())
    assert answer.payload["data"]["outcomes"] == ["done"]


@pytest.mark.parametrize("end", ["revoked", "over"])
async def test_a_plan_on_a_lease_ends_with_it_and_goes_on_with_a_yes(
    harness: LeaseHarness, end: str
) -> None:
    desk, other = harness.desk(), harness.desk()
    steps = [
        {"operation": "send_message",
         "arguments": {"number_id": 2, "to": f"+3318488000{last}", "body": "Hi"}}
        for last in (1, 2, 3)
    ]  # fmt: skip
    lease = await give(desk, 3)
    latch = plan_latches(harness.home)("tests")
    assert latch.take()  # whoever has the lock is at another plan
    waits = await desk.call("aircall_plan", {"steps": steps}, Caller())
    assert waits.payload["data"]["standing"] == "waits"
    latch.release()
    if end == "revoked":
        await desk.safety.leases.revoke(lease, "revoked")
    else:
        harness.clock.pass_by(601)
    for one in (desk, other):
        question = await one.call("aircall_plan", {"steps": steps}, Caller())
        assert isinstance(question, Question)
        assert harness.arrived == []
    assert await desk.answer(question.approval, yes=True, grade=2, way="tests")
    answer = await other.call("aircall_plan", {"steps": steps}, Caller())
    assert answer.payload["data"]["outcomes"] == ["done"] * 3
    assert len(harness.arrived) == 3


async def test_two_homes_open_at_once_count_together(harness: LeaseHarness) -> None:
    desks = [harness.desk(), harness.desk()]
    await give(desks[0], 3)
    went = await asyncio.gather(*(sent(desks[n % 2], n) for n in range(5)))
    assert sum(went) == 3
    assert len(harness.arrived) == 3


async def test_what_waited_in_a_home_of_before_waits_still(tmp_path: Path) -> None:
    home = tmp_path / "home"
    clock = Clock().handed()
    kept = durable(home / EARLIER, approvals.MIGRATIONS)
    earlier = Approvals(kept, clock)
    asked = {"principal": "owner", "account": "acme", "identity": "one"}
    one = await earlier.ask(**asked, operation="aircall_x", preview="Dial", grade=1)
    other = await earlier.ask(
        principal="owner", account="acme", identity="two", operation="aircall_x", preview="Text",
        grade=1,
    )  # fmt: skip
    assert await earlier.answer(one.id, yes=True, grade=1, way="form")
    safeties = [Safety.of(home, clock=clock) for _ in range(2)]
    assert await safeties[0].approvals.use(**asked, grade=1) == one.id
    assert await safeties[1].approvals.use(**asked, grade=1) == ""
    assert not (home / EARLIER).exists()
    assert await earlier.use(**asked, grade=1) == ""  # nor where it was
    assert [waiting.id for waiting in await safeties[1].approvals.waiting()] == [other.id]
    kept.close()
    for safety in safeties:
        safety.close()


DEED = Deed(
    "send_message", "messages", ("reach",), "acme", "owner", recipients=("+33184880001",),
    senders=(2,), counted="texts",
)  # fmt: skip
LEASE = Lease("a", "owner", "acme", "texts", 3, 1, ("+3318488*", "+14155550133"), (2, 3), 0.0, 1.0)


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"size": 2}, True),
        ({"size": 3}, False),
        ({"needs": ("reach", "exposes")}, False),
        ({"needs": ("delete",)}, False),
        ({"counted": "calls"}, False),
        ({"counted": None}, False),
        ({"recipients": ("+33184880001", "+14155550133")}, True),
        ({"recipients": ("+33184880001", "+14155550134")}, False),
        ({"senders": (2, 3)}, True),
        ({"senders": (2, 4)}, False),
        ({"senders": ()}, False),
    ],
    ids=str,
)
def test_it_fits_what_it_is_about_as_long_as_there_is_room(
    change: dict[str, Any], fits: bool
) -> None:
    deed = replace(DEED, **change)
    assert LEASE.fits(deed) is fits
    anywhere = replace(LEASE, senders=())
    assert anywhere.fits(deed) is (fits or "senders" in change)


async def test_a_group_counts_by_its_heads_and_is_given_back_so(harness: LeaseHarness) -> None:
    safety, clock = harness.desk().safety, harness.clock
    lease = await safety.leases.give(
        "texts", 5, 600, principal="owner", account="acme", recipients=["+3318488*"]
    )
    assert (lease.used, lease.expires) == (0, clock.now + 600)
    few = replace(DEED, recipients=("+33184880001", "+33184880002"), size=2)
    for deed, used in ((DEED, 1), (few, 3), (few, 5), (DEED, 5)):
        name = await safety.state.write(lambda tx, deed=deed: safety.leases.using(tx, deed))
        assert bool(name) is (used < 5 or deed is few)
        assert [one.used for one in await safety.leases.given()] == [used]
    await safety.state.write(lambda tx: safety.leases.giving_back(tx, lease.id, few.size))
    assert [one.used for one in await safety.leases.given()] == [3]


async def test_what_aircall_refused_was_not_used(registry: Registry, tmp_path: Path) -> None:
    harness = LeaseHarness(registry, tmp_path / "home")
    harness.app, harness.arrived = answering(422, {"error": "Unprocessable", "troubleshoot": "no"})
    desk = harness.desk()
    await give(desk, 1)
    for _ in range(2):
        assert not await sent(desk, 1)
    assert len(harness.arrived) == 2
    await desk.aclose()


@pytest.mark.parametrize(("asked", "seconds"), [(60.0, 60.0), (200_000.0, 86_400.0)])
async def test_it_holds_for_as_long_as_it_was_given_and_a_day_at_most(
    harness: LeaseHarness, asked: float, seconds: float
) -> None:
    leases, clock = harness.desk().safety.leases, harness.clock
    await leases.give("texts", 5, asked, principal="owner", account="acme", recipients=["*"])
    clock.pass_by(seconds - 1)
    assert len(await leases.given()) == 1
    clock.pass_by(1)
    assert await leases.given() == []
    assert await leases.revoke(None, "the brake") == 0  # it was over
    clock.pass_by(-seconds - 1)
    assert await leases.given() == []  # nobody knows how long ago it was given


@pytest.mark.parametrize("every", [False, True])
async def test_what_was_over_when_it_was_revoked_holds_at_no_other_time(
    harness: LeaseHarness, every: bool
) -> None:
    leases = harness.desk().safety.leases
    lease = await leases.give("texts", 5, 600, principal="owner", account="acme", recipients=["*"])
    harness.clock.pass_by(86_400)  # the clock was wrong, and is set right later
    assert await leases.revoke(None if every else lease.id, "the brake") == 0
    harness.clock.pass_by(-86_400)
    assert await leases.given() == []


async def test_one_is_revoked_or_all_and_after_a_week_none_is_kept(harness: LeaseHarness) -> None:
    safety, given = harness.desk().safety, list[str]()
    for _ in range(3):
        lease = await safety.leases.give(
            "texts", 5, 600, principal="owner", account="acme", recipients=["*"]
        )
        given.append(lease.id)
    assert await safety.leases.revoke(given[0], "enough") == 1
    assert await safety.leases.revoke(given[0], "again") == 0
    assert {one.id for one in await safety.leases.given()} == set(given[1:])
    assert await safety.leases.revoke(None, "the brake") == 2

    async def kept(after: float) -> int:
        harness.clock.pass_by(after)
        await safety.leases.give("calls", 1, 60, principal="a", account="b", recipients=["*"])
        return await safety.state.write(lambda tx: len(tx.all("SELECT id FROM lease")))

    assert await kept(7 * 86_400) == 4
    assert await kept(1) == 2
