from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_json

from aircall_mcp.errors import Unreachable
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.sandbox.entities import Call
from aircall_mcp.workflows.contacts import Contacts
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


async def contact_of(harness: WorkflowHarness, name: str, phone: str) -> int:
    first, last = name.split()
    phones = [{"label": "Work", "value": phone}]
    made = await harness.call(
        "create_contact", first_name=first, last_name=last, phone_numbers=phones
    )
    return made["data"]["contact"]["id"]


def rang(harness: WorkflowHarness, phone: str, at: int) -> int:
    """An answered call from this number."""
    world = harness.world
    call = Call(
        world.next_id("call"),
        "inbound",
        next(iter(world.numbers)),
        None,
        phone,
        at,
        at + 5,
        at + 20,
    )
    world.add_call(call)
    return call.id


async def test_a_contact_without_a_call_has_none_and_is_not_denied(
    harness: WorkflowHarness,
) -> None:
    """Who is called so is asked of the contacts; the calls tell who of them is meant."""
    at = int(harness.clock.now) - 60
    period = f"{at}..{at + 1}"
    sorrel, tamarind = "+14155550181", "+14155550182"
    await contact_of(harness, "Ottilie Sorrel", sorrel)
    other = await contact_of(harness, "Ottilie Tamarind", tamarind)

    async def told(who: str) -> tuple[str, list[int], str]:
        answer = await harness.call("find_calls", period=period, contact=who)
        found = [row["id"] for row in rows(answer)]
        return answer["data"]["summary"], found, " ".join(answer["notes"])

    said, found, notes = await told("Ottilie Sorrel")
    assert said.startswith("0 calls with Ottilie Sorrel, ")
    assert (found, "fits" in notes) == ([], False)
    said, found, notes = await told("Ottilie")
    assert "`Ottilie` fits 2 contacts, and none of them is in these calls." in notes
    call = rang(harness, tamarind, at)
    said, found, notes = await told("Ottilie")
    assert said.startswith("1 calls with Ottilie Tamarind, ")
    assert found == [call]
    assert "fits 2 contacts; of them, Ottilie Tamarind alone is in these calls." in notes
    assert (await told("Ottilie Sorrel"))[1] == []
    for who in (str(other), tamarind[-8:], tamarind[1:], tamarind, "415-555-0182"):
        assert (await told(who))[1] == [call], who
    assert (await told("41555501"))[1] == []
    rang(harness, sorrel, at)
    both = await harness.refused("find_calls", period=period, contact="Ottilie")
    assert both["message"] == "`Ottilie` fits 2 contacts."
    unknown = await harness.refused("find_calls", period=period, contact="Zebedee Quux")
    assert unknown["message"] == "No contact is called `Zebedee Quux`."


async def test_while_contacts_cannot_be_read_the_calls_tell_alone(
    harness: WorkflowHarness, registry: Registry
) -> None:
    class Broken:
        async def send(self, bound: Any, caller: Caller) -> Any:
            raise Unreachable(f"{bound.operation.tool} had no answer for {caller.interface}.")

    at = int(harness.clock.now) - 60
    asked = {"period": f"{at}..{at + 1}"}
    await contact_of(harness, "Ottilie Sorrel", "+14155550181")
    call = rang(harness, "+14155550181", at)
    contacts = Contacts(Broken(), registry.ids, clock=harness.clock.handed())
    harness.kit = replace(harness.kit, index=contacts)
    answer = await harness.call("find_calls", **asked, contact="Ottilie")
    assert [row["id"] for row in rows(answer)] == [call]
    assert "Whether others are called so is not known: " in " ".join(answer["notes"])
    answer = await harness.call("find_calls", **asked, contact="Priya")
    assert answer["data"]["summary"].startswith("0 calls with Priya, ")
    assert "Whether a contact is called `Priya` is not known: " in " ".join(answer["notes"])
    await contacts.aclose()


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
