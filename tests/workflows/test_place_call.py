"""One wish, one call: what is checked before it, what is told after it, and that it stays one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.workflows.kit import Habits

from ..harness import Clock
from .advancing import TO, AdvancingHarness, advancing_harness

pytestmark = pytest.mark.anyio


async def test_a_call_is_placed_found_tagged_and_commented_in_one(
    workflows: AdvancingHarness,
) -> None:
    told = await workflows.call(
        "place_call", user="rep@example.com", to="+1 (415) 555-1234", tags=["Follow up"],
        comment="Asked for a quote",
    )  # fmt: skip
    (call,) = workflows.dialled("+14155551234")
    data = told["data"]
    assert data["placed"]
    assert data["call"]["id"] == call.id
    assert data["from"]["user"] == "Robin Ellis"
    assert data["to"] == "+14155551234"
    assert (data["tagged"], data["commented"]) == (["Follow up"], True)
    assert [one["name"] for one in data["call"]["tags"]] == ["follow_up"]
    assert [one.content for one in call.comments] == ["Asked for a quote"]
    assert "not_done" not in data


async def test_it_waits_until_the_call_is_answered_or_has_ended(
    workflows: AdvancingHarness,
) -> None:
    told = await workflows.call(
        "place_call", user="Ana Duarte", to=TO, wait_seconds=60, until="answered"
    )
    assert told["data"]["call"]["status"] == "answered"
    workflows.clock.pass_by(600)
    told = await workflows.call("place_call", user="Ana Duarte", to=TO, wait_seconds=300)
    assert told["data"]["call"]["status"] == "done"
    assert len(workflows.dialled()) == 2
    workflows.clock.pass_by(600)
    told = await workflows.call("place_call", user="Ana Duarte", to=TO, wait_seconds=1)
    assert "After 1 s it was not ended yet." in told["notes"]


async def test_a_number_is_read_as_the_country_of_the_line_writes_it(
    workflows: AdvancingHarness,
) -> None:
    line = next(n for n in workflows.world.numbers.values() if n.country == "FR" and n.users)
    user = workflows.world.users[line.users[0]]
    told = await workflows.call(
        "place_call", user=str(user.id), number=line.name, to="01 99 00 12 34"
    )
    assert told["data"]["to"] == TO
    assert told["data"]["from"]["number_id"] == line.id
    for wrong, hint in (("12 34", "country"), ("+33199001234 ext. 5", "extension")):
        error = await workflows.refused("place_call", user=str(user.id), number=line.name, to=wrong)
        assert hint in error["hint"]
    assert len(workflows.dialled()) == 1


async def test_me_is_the_user_whom_the_owner_named(
    registry: Registry, sandbox: Sandbox, clock: Clock, tmp_path: Path, workflows: AdvancingHarness
) -> None:
    error = await workflows.refused("place_call", to=TO)
    assert "setup" in error["hint"]
    me = workflows.user("Ana").id
    async with advancing_harness(registry, sandbox, clock, tmp_path, me=Habits(me)) as mine:
        told = await mine.call("place_call", to=TO)
    assert told["data"]["from"]["user_id"] == me


@pytest.mark.parametrize(
    ("state", "change"),
    [("unavailable", "paused"), ("in_call", "wait until it ends")],
)
async def test_who_is_not_free_is_told_what_would_have_to_change(
    workflows: AdvancingHarness, state: str, change: str
) -> None:
    ana = workflows.user("Ana")
    if state == "in_call":
        line = next(n for n in workflows.world.numbers.values() if ana.id in n.users)
        workflows.world.dial(ana, line, "+33199009999", workflows.clock.now)
    else:
        ana.availability_status = state
    error = await workflows.refused("place_call", user="Ana Duarte", to=TO)
    assert (error["kind"], error["status"]) == ("refused", 405)
    assert change in error["hint"]
    assert workflows.dialled() == []
    assert workflows.asked("start_outbound_call") == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"user": "Nobody Here"}, "No user is called"),
        ({"tags": ["nonsense"]}, "No tag is called"),
        ({"number": "nowhere"}, "No number is called"),
        ({"to": "Xavier Unheard"}, "No contact is called"),
    ],
)
async def test_nothing_is_dialled_before_all_that_is_named_is_found(
    workflows: AdvancingHarness, arguments: dict[str, Any], said: str
) -> None:
    error = await workflows.refused("place_call", **{"user": "Ana Duarte", "to": TO, **arguments})
    assert error["kind"] == "argument"
    assert said in error["message"]
    assert workflows.asked("start_outbound_call") == 0


async def test_a_contact_is_called_by_name_and_asked_back_where_several_fit(
    workflows: AdvancingHarness,
) -> None:
    contacts = list(workflows.world.contacts.values())
    names = [f"{one.first_name} {one.last_name}" for one in contacts]
    one = next(c for c, n in zip(contacts, names, strict=True)
               if names.count(n) == 1 and len(c.phones) == 1)  # fmt: skip
    name = f"{one.first_name} {one.last_name}"
    told = await workflows.call("place_call", user="Ana Duarte", to=name.upper())
    assert told["data"]["contact"] == {"id": one.id, "name": name}
    assert told["data"]["to"] == one.phones[0].value
    twice = next(name for name in names if names.count(name) > 1)
    error = await workflows.refused("place_call", user="Paul Martin", to=twice)
    assert "Ask your user which" in error["hint"]


async def test_a_tag_is_created_where_that_is_asked(workflows: AdvancingHarness) -> None:
    told = await workflows.call(
        "place_call", user="Ana Duarte", to=TO, tags=["FOLLOW_UP", "brand new"], create_tags=True
    )
    assert told["data"]["tagged"] == ["FOLLOW_UP", "brand new"]
    assert sum(one.name == "brand new" for one in workflows.world.tags.values()) == 1
    assert sum(one.name.casefold() == "follow_up" for one in workflows.world.tags.values()) == 1


async def test_asked_again_while_it_goes_on_it_is_the_same_call_with_one_comment(
    workflows: AdvancingHarness,
) -> None:
    wish: dict[str, Any] = {
        "user": "Ana Duarte",
        "to": TO,
        "comment": "Once",
        "tags": ["follow_up"],
    }
    first = await workflows.call("place_call", **wish)
    again = await workflows.call("place_call", **wish)
    assert again["data"]["call"]["id"] == first["data"]["call"]["id"]
    assert any("not dialled again" in note for note in again["notes"])
    (call,) = workflows.dialled()
    assert [one.content for one in call.comments] == ["Once"]


async def test_who_left_before_the_answer_and_asks_again_gets_that_call(
    workflows: AdvancingHarness,
) -> None:
    wish: dict[str, Any] = {"user": "Ana Duarte", "to": TO, "wait_seconds": 300, "comment": "Hi"}
    left = asyncio.Event()

    async def leaving(_done: float, _total: float | None, what: str) -> None:
        if "until the call" in what:
            left.set()
            await asyncio.Event().wait()

    caller = Caller(progress=leaving)
    asking = asyncio.create_task(workflows.desk.call("aircall_place_call", wish, caller))
    await left.wait()
    asking.cancel()
    await asyncio.wait({asking})
    workflows.clock.pass_by(400)  # it has ended, so that the journal would let it be dialled again
    told = await workflows.call("place_call", **wish)
    (call,) = workflows.dialled()
    assert told["data"]["call"]["id"] == call.id
    assert told["data"]["call"]["status"] == "done"
    assert "It was dialled when this was asked before, and not again." in told["notes"]
    assert [one.content for one in call.comments] == ["Hi"]


async def test_what_fails_after_the_call_hides_nothing_of_it(workflows: AdvancingHarness) -> None:
    tag = next(one for one in workflows.world.tags.values() if one.name == "follow_up")

    async def gone(_done: float, _total: float | None, _what: str) -> None:
        workflows.world.tags.pop(tag.id, None)

    outcome = await workflows.desk.call(
        "aircall_place_call",
        {"user": "Ana Duarte", "to": TO, "tags": ["follow_up"], "comment": "Hello",
         "wait_seconds": 20, "until": "answered"},
        Caller(progress=gone),
    )  # fmt: skip
    data = outcome.payload["data"]
    assert data["placed"]
    assert data["commented"]
    assert data["tagged"] == []
    (left,) = data["not_done"]
    assert left["done"] == "no"
    assert left["next"] == {
        "tool": "aircall_add_call_tags",
        "arguments": {"call_id": data["call"]["id"], "tags": [tag.id]},
    }
