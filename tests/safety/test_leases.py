"""Leases: a yes given ahead, within its bounds, counted over all processes; and an older home."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.desk import Question
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.safety import approvals
from aircall_mcp.safety.approvals import Approvals
from aircall_mcp.safety.policy import Cap, Line, Policy
from aircall_mcp.safety.safety import EARLIER, Safety
from aircall_mcp.storage.state import durable

from ..house import AskingDesk, Clock, answering, asking_desk

pytestmark = pytest.mark.anyio

POLICY = Policy(effects={"reach": Line("ask", 2)}, caps={"texts": Cap(hour=5)})


class Ground:
    def __init__(self, registry: Registry, home: Path) -> None:
        app, self.arrived = answering(200, {})
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
async def ground(registry: Registry, tmp_path: Path) -> AsyncIterator[Ground]:
    made = Ground(registry, tmp_path / "home")
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


async def test_it_answers_what_is_asked_within_its_bounds_alone(ground: Ground) -> None:
    desk = ground.desk()
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
    assert len(ground.arrived) == 3


async def test_caps_hold_time_ends_it_and_so_does_a_person(ground: Ground) -> None:
    desk = ground.desk()
    lease = await give(desk, 20)
    assert [await sent(desk, last) for last in range(6)] == [True] * 5 + [False]
    ground.clock.pass_by(601)
    assert not await sent(desk, 7)
    ground.clock.pass_by(3600)
    lease = await give(desk, 20)
    assert await sent(desk, 7)
    assert await desk.safety.leases.revoke(lease, "revoked") == 1
    assert not await sent(desk, 8)
    await give(desk, 20)
    assert await desk.safety.call_off("the emergency brake") > 0
    assert not await sent(desk, 8)


async def test_a_plan_takes_its_steps_from_a_lease_or_none(ground: Ground) -> None:
    desk = ground.desk()
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
    assert len(ground.arrived) == 2


async def test_two_homes_open_at_once_count_together(ground: Ground) -> None:
    desks = [ground.desk(), ground.desk()]
    await give(desks[0], 3)
    went = await asyncio.gather(*(sent(desks[n % 2], n) for n in range(5)))
    assert sum(went) == 3
    assert len(ground.arrived) == 3


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
