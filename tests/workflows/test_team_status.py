from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.ground.times import iso

from ..harness import Clock
from ..mail import told
from .harness import WorkflowHarness

pytestmark = pytest.mark.anyio


def of(answer: Any, user_id: int) -> Any:
    return next(one for one in answer["data"]["users"] if one["id"] == user_id)


async def test_everybody_is_told_by_name_and_the_free_first(harness: WorkflowHarness) -> None:
    answer = await harness.call("team_status")
    users = answer["data"]["users"]
    assert {one["id"] for one in users} == set(harness.world.users)
    assert all(one["name"] for one in users)
    ranks = [["available", "in_call", "after_call_work", "do_not_disturb", "offline"].index(
        one["status"]) for one in users]  # fmt: skip
    assert ranks == sorted(ranks)
    free = sum(one["status"] == "available" for one in users)
    assert answer["data"]["summary"].startswith(f"{free} free")
    assert answer["page"] == {"complete": True, "returned": len(users)}


async def test_a_call_that_goes_on_says_since_when(harness: WorkflowHarness, clock: Clock) -> None:
    ana = harness.user("Ana")
    line = next(n for n in harness.world.numbers.values() if ana in n.users)
    started = int(clock.now)
    harness.world.dial(harness.world.users[ana], line, "+33199001234", clock.now)
    clock.pass_by(10)
    one = of(await harness.call("team_status"), ana)
    assert one["status"] == "in_call"
    assert one["since"] == iso(started + 4)
    assert one["call_id"] == harness.world.calls[-1].id


async def test_a_break_says_since_when_by_its_event_and_why(
    harness: WorkflowHarness, clock: Clock
) -> None:
    ana = harness.user("Ana")
    harness.kit.log().append([
        told("user.opened.v2", ana, at=clock.now - 900),
        told("user.closed.v2", ana, at=clock.now - 600),
    ])  # fmt: skip
    harness.world.users[ana].availability_status = "unavailable"
    harness.world.users[ana].substatus = "Out for lunch"
    one = of(await harness.call("team_status"), ana)
    assert one["status"] == "do_not_disturb"
    assert one["reason"] == "Out for lunch"
    assert one["since"] == iso(clock.now - 600)


async def test_an_event_that_has_been_overtaken_says_nothing(
    harness: WorkflowHarness, clock: Clock
) -> None:
    ana = harness.user("Ana")
    harness.kit.log().append([told("user.closed.v2", ana, at=clock.now - 600)])
    assert "since" not in of(await harness.call("team_status"), ana)


async def test_a_team_is_asked_for_by_name_or_id(harness: WorkflowHarness) -> None:
    team = next(iter(harness.world.teams.values()))
    for named in (team.name.upper(), str(team.id), team.id):
        answer = await harness.call("team_status", team=named)
        assert {one["id"] for one in answer["data"]["users"]} == set(team.users)
        assert team.name in answer["data"]["summary"]


async def test_a_team_that_is_not_there_is_answered_with_those_that_are(
    harness: WorkflowHarness,
) -> None:
    error = await harness.refused("team_status", team="Marketing")
    assert error["kind"] == "argument"
    assert "no team like it. aircall_list_teams lists them" in error["hint"]
    team = next(iter(harness.world.teams.values()))
    assert team.name in (await harness.refused("team_status", team=team.name[:-2] + "xx"))["hint"]
