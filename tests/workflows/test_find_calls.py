from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_json

from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.workflows.find_calls import COLUMNS
from aircall_mcp.workflows.kit import Habits

from ..harness import THURSDAY, Clock
from .advancing import advancing_harness
from .harness import WorkflowHarness
from .test_call_log import many

pytestmark = pytest.mark.anyio
PERIOD = "last 6 weeks"


def rows(answer: Any) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in answer["data"]["rows"]]


async def everything(harness: WorkflowHarness, **arguments: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    following: Any = {"period": PERIOD, **arguments}
    while following:
        answer = await harness.call("find_calls", **following)
        found += rows(answer)
        following = answer["page"].get("next")
    return found


async def test_all_calls_of_a_period_newest_first_and_within_45_tokens_each(
    harness: WorkflowHarness,
) -> None:
    found = await everything(harness)
    since = THURSDAY - 42 * 86_400
    assert {row["id"] for row in found} == {c.id for c in harness.world.calls if c.started >= since}
    assert [row["at"] for row in found] == sorted((row["at"] for row in found), reverse=True)
    answer = await harness.call("find_calls", period="last 2 weeks")
    size = len(to_json(answer["data"]["rows"]))
    assert size / 4 / len(answer["data"]["rows"]) <= 45
    assert answer["page"]["complete"]
    assert answer["window"]["words"] == "last 2 weeks"


async def test_each_argument_leaves_those_that_fit(harness: WorkflowHarness) -> None:
    world = harness.world
    ana, number = harness.user("Ana"), next(iter(world.numbers.values()))
    team = next(iter(world.teams.values()))
    since = THURSDAY - 42 * 86_400
    calls = [call for call in world.calls if call.started >= since]

    def of(found: list[dict[str, Any]]) -> set[int]:
        return {row["id"] for row in found}

    assert of(await everything(harness, user="Ana Duarte")) == {
        c.id for c in calls if c.user == ana
    }
    assert of(await everything(harness, number=number.name)) == {
        c.id for c in calls if c.number == number.id
    }
    by_team = of(await everything(harness, team=team.name))
    assert {c.id for c in calls if team.id in c.teams or c.user in team.users} == by_team
    assert of(await everything(harness, direction="outbound")) == {
        c.id for c in calls if c.direction == "outbound"
    }
    unheard = {c.id for c in calls if c.missed == "agents_did_not_answer"}
    assert of(await everything(harness, missed="agents_did_not_answer")) == unheard
    for flag in (True, False):  # as programs write it
        assert of(await everything(harness, missed=flag)) == of(
            await everything(harness, missed=str(flag).lower())
        )
    assert of(await everything(harness, missed=True)) >= unheard
    assert of(await everything(harness, voicemail=True)) <= {c.id for c in calls if c.voicemail}
    assert of(await everything(harness, min_seconds=300)) == {
        c.id for c in calls if c.answered and c.ended - c.answered >= 300 and c.ended < THURSDAY
    }
    tag = next(iter(world.tags.values()))
    assert of(await everything(harness, tags=[tag.name])) == {
        c.id for c in calls if any(one.tag == tag.id for one in c.tags)
    }


async def test_a_contact_is_meant_by_name_or_number(harness: WorkflowHarness) -> None:
    named = next(row for row in await everything(harness) if row["contact"] and row["phone"])
    by_name = await everything(harness, contact=named["contact"])
    assert named["id"] in {row["id"] for row in by_name}
    assert {row["contact"] for row in by_name} == {named["contact"]}
    by_phone = await everything(harness, contact=named["phone"])
    assert {row["phone"] for row in by_phone} == {named["phone"]}
    error = await harness.refused("find_calls", period=PERIOD, contact="Zebedee Quux")
    assert error["kind"] == "argument"


async def test_what_has_no_room_follows_without_being_read_again(
    harness: WorkflowHarness, clock: Clock
) -> None:
    begin = int(clock.now) - 5_000
    ids = many(harness, 900, begin=begin)
    period = f"{begin}..{begin + 900}"
    answer = await harness.call("find_calls", period=period)
    assert not answer["page"]["complete"]
    sent = len(harness.sandbox.arrivals)
    seen = [row["id"] for row in rows(answer)]
    while following := answer["page"].get("next"):
        answer = await harness.call("find_calls", **following)
        seen += [row["id"] for row in rows(answer)]
    assert seen == ids[::-1]
    assert len(harness.sandbox.arrivals) == sent


async def test_times_are_those_of_the_zone_that_is_asked_for(harness: WorkflowHarness) -> None:
    found = await harness.call("find_calls", period="last 7 days", zone="Asia/Tokyo")
    call = rows(found)[0]
    started = next(c.started for c in harness.world.calls if c.id == call["id"])
    assert call["at"] == f"{datetime.fromtimestamp(started + 9 * 3600, UTC):%Y-%m-%d %H:%M}"
    assert found["window"]["zone"] == "Asia/Tokyo"
    assert (await harness.refused("find_calls", zone="Mars/Base"))["kind"] == "argument"


async def test_full_objects_are_aircalls_own(harness: WorkflowHarness) -> None:
    answer = await harness.call("find_calls", period="last 24 hours", detail="full")
    assert all(call["direct_link"] for call in answer["data"]["calls"])


async def test_me_is_who_the_owner_said_they_are(
    registry: Registry, sandbox: Sandbox, clock: Clock, home: Path
) -> None:
    robin = next(one for one in sandbox.world.users.values() if one.first_name == "Robin")
    async with advancing_harness(
        registry, sandbox, clock, home, me=Habits(user=robin.id)
    ) as workflows:
        mine = await workflows.call("find_calls", user="me", period=PERIOD)
        named = await workflows.call("find_calls", user=robin.id, period=PERIOD)
    assert mine["data"]["rows"] == named["data"]["rows"] != []
