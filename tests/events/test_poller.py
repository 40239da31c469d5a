"""Hearing without a webhook: how often it asks, what it tells, and to whom it gives way."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from aircall_mcp.errors import BudgetExhausted, CredentialError
from aircall_mcp.events.event import Arrival
from aircall_mcp.events.poller import BACK, BEAT, REST, SLOWEST, Poller
from aircall_mcp.events.query import Query
from aircall_mcp.events.receiver import webhook_for
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.lock import Lock

from ..house import THURSDAY, Clock, gateway_to
from ..mail import mailbox, told
from ..waiting import until
from .room import Room

pytestmark = pytest.mark.anyio


@pytest.fixture
async def room(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[Room]:
    made = Room(home, sandbox, registry, clock)
    made.log.webhooks.shut("front-door")
    yield made
    await made.desk.aclose()
    made.log.close()


def polling(room: Room, gateway: Any = None, **more: Any) -> Poller:
    return Poller(
        "tests", gateway or room.gateway, room.operations, room.log,
        install=lambda: room.log.install(mailbox().public),
        clock=more.pop("clock", room.clock.handed()), **more,
    )  # fmt: skip


async def looks(room: Room, poller: Poller, seconds: float) -> None:
    end = room.clock.now + seconds
    while room.clock.now < end:
        room.clock.pass_by(await poller.step())


def dial(room: Room, sandbox: Sandbox) -> int:
    user = next(iter(sandbox.world.users.values()))
    number = next(iter(sandbox.world.numbers.values()))
    return sandbox.world.dial(user, number, "+33199001234", room.clock.now).id


def heard(room: Room, call_id: int) -> list[str]:
    return [event.kind for event in room.log.read(Query(call_id=call_id, after=0))]


ALL = ["call.created", "call.answered", "call.hungup", "call.ended"]


async def test_a_call_is_told_step_by_step_and_every_tool_hears_it(
    room: Room, sandbox: Sandbox
) -> None:
    poller = polling(room)
    await poller.step()
    call_id = dial(room, sandbox)
    room.clock.pass_by(10)
    await looks(room, poller, 30)
    assert heard(room, call_id) == ALL[:2]
    await looks(room, poller, 90)
    assert heard(room, call_id) == ALL
    found = await room.ask("wait_for_event", kinds=["call.ended"], after=0, timeout_seconds=5)
    assert found["data"]["event"]["data"]["id"] == call_id
    assert any("Texts" in note for note in found["notes"])
    read = await room.ask("read_events", number="+33199001234")
    assert [one["event"] for one in read["data"]["events"]] == ALL[::-1]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("read_events", {}), ("list_messages", {}),
     ("wait_for_event", {"kinds": ["call.*", "message.*"], "timeout_seconds": 1}),
     ("read_events", {"kinds": ["message.received"]})],
)  # fmt: skip
async def test_every_answer_that_could_hold_texts_says_that_they_need_the_webhook(
    room: Room, tool: str, arguments: dict[str, Any]
) -> None:
    await polling(room).step()
    answer = await room.ask(tool, **arguments)
    assert any("Texts and all other kinds need the webhook" in one for one in answer["notes"])


async def test_waiting_for_a_text_alone_is_refused_with_what_a_person_runs(room: Room) -> None:
    await polling(room).step()
    refused = await room.ask("wait_for_event", kinds=["message.received"])
    assert refused["error"]["kind"] == "not_allowed"
    assert "webhooks register" in refused["error"]["hint"]


async def test_what_was_over_before_it_began_is_no_news(room: Room, sandbox: Sandbox) -> None:
    earlier = dial(room, sandbox)
    room.clock.pass_by(600)
    live = dial(room, sandbox)
    room.clock.pass_by(300)  # both are over, one of them for long
    sandbox.world.calls[-1].ended = int(room.clock.now) + 60
    await looks(room, poller := polling(room), 120)
    assert (heard(room, earlier), heard(room, live)) == ([], ALL)
    assert poller is not None


async def test_a_missed_call_and_its_late_voicemail(room: Room, sandbox: Sandbox) -> None:
    poller = polling(room)
    await poller.step()
    number = next(iter(sandbox.world.numbers.values()))
    missed = sandbox.world.ring(number, "+33199005678", room.clock.now, answer=False)
    await looks(room, poller, 120)
    assert heard(room, missed.id) == ["call.created", "call.hungup", "call.ended"]
    [event] = room.log.read(Query(call_id=missed.id, kinds=["call.ended"]))
    assert event.data["missed_call_reason"]
    await looks(room, poller, 2_400)  # media may come up to a day later
    missed.voicemail = True
    await looks(room, poller, 300)
    assert heard(room, missed.id)[3:] == ["call.voicemail_left"]


@pytest.mark.parametrize("failing", [1.0, 0.8, 0.5])
async def test_six_requests_a_minute_are_never_passed_however_many_fail(
    home: Path, registry: Registry, clock: Clock, failing: float
) -> None:
    times: list[float] = []
    chance = random.Random(6)

    async def down(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        times.append(clock.now)
        status = 503 if chance.random() < failing else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b'{"calls": []}'})

    async def pause(seconds: float) -> None:
        clock.pass_by(seconds)

    room = Room(home, down, registry, clock)  # type: ignore[arg-type]
    room.log.webhooks.shut("front-door")
    gateway = gateway_to(down, clock=clock.handed(pause))
    await looks(room, polling(room, gateway), 3_600)
    assert len(times) > 20
    assert max(sum(at <= other < at + 60 for other in times) for at in times) <= 6
    await gateway.aclose()
    await room.desk.aclose()


async def test_it_asks_less_while_the_company_is_busy_and_more_again_after(room: Room) -> None:
    asked: list[Caller] = []
    busy = True

    class Busy:
        async def send(self, bound: Any, caller: Caller) -> Any:
            asked.append(caller)
            if busy:
                raise BudgetExhausted("used up", retry_after=5)
            return await room.gateway.send(bound, caller)

    poller = polling(room, Busy())
    waits = [await poller.step() for _ in range(2)]
    assert waits == [2 * BEAT, 4 * BEAT]
    for _ in range(6):
        room.clock.pass_by(SLOWEST)
        assert await poller.step() <= SLOWEST
    assert {(caller.lane, caller.patience) for caller in asked} == {("bulk", 0)}
    busy = False
    room.clock.pass_by(SLOWEST)
    assert await poller.step() == BEAT


async def test_one_process_of_a_home_polls_and_the_next_goes_on_where_it_ended(
    home: Path, room: Room, sandbox: Sandbox
) -> None:
    rests: list[float] = []

    async def pause(seconds: float) -> None:
        rests.append(seconds)
        if seconds == REST:
            held.release()
        await until(lambda: True)

    held = Lock(home / "polling.lock")
    assert held.take()
    poller = polling(room, latch=Lock(home / "polling.lock"), clock=room.clock.handed(pause))
    import asyncio

    running = asyncio.create_task(poller.run())
    await until(lambda: sandbox.arrivals)
    assert rests[0] == REST  # while the other had the lock, nothing was asked
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert Lock(home / "polling.lock").take()


async def test_a_call_that_comes_late_into_the_list_is_told_as_well(
    room: Room, sandbox: Sandbox
) -> None:
    poller = polling(room)
    await poller.step()
    call_id = dial(room, sandbox)
    late = sandbox.world.calls.pop()
    await looks(room, poller, 900)
    assert heard(room, call_id) == []
    sandbox.world.calls.append(late)
    await looks(room, poller, 120)
    assert heard(room, call_id) == ALL


async def test_more_calls_than_a_page_has_that_begin_in_one_second(
    room: Room, sandbox: Sandbox
) -> None:
    poller = polling(room)
    await poller.step()
    calls = [dial(room, sandbox) for _ in range(101)]
    await looks(room, poller, 150)
    assert all(heard(room, one) == ALL for one in calls)


async def test_the_account_that_has_no_webhook_is_named_beside_one_that_has(room: Room) -> None:
    await polling(room).step()
    room.log.webhooks.open(
        webhook_for("other", b"y" * 20, account="globex", aircall_id="o", kinds=(), now=THURSDAY,
                    url="https://events.example.com/")
    )  # fmt: skip
    answer = await room.ask("list_messages")
    assert any(one.startswith("Of tests: No webhook") for one in answer["notes"])
    assert not any("globex" in one for one in answer["notes"])


async def test_who_was_away_for_days_catches_up_with_three_of_them(
    room: Room, sandbox: Sandbox
) -> None:
    await polling(room).step()
    room.clock.pass_by(3_600)
    long_ago = dial(room, sandbox)
    room.clock.pass_by(BACK)
    lately = [dial(room, sandbox) for _ in range(120) if not room.clock.pass_by(60)]
    await looks(room, polling(room), 600)
    assert heard(room, long_ago) == []
    assert all(heard(room, one) == ALL for one in lately)


async def test_nobody_polls_without_a_vault_that_opens(room: Room, sandbox: Sandbox) -> None:
    def shut() -> None:
        raise CredentialError("There is no vault.")

    poller = Poller(
        "tests", room.gateway, room.operations, room.log, install=shut,
        clock=room.clock.handed(),
    )  # fmt: skip
    with pytest.raises(CredentialError):
        await poller.step()
    assert len(sandbox.arrivals) == 0


def webhook(room: Room, name: str, kinds: tuple[str, ...] = ()) -> None:
    room.log.webhooks.open(
        webhook_for(
            name, Secret("x" * 20).__class__.__name__.encode() + name.encode(), account="tests",
            aircall_id=name, kinds=kinds, now=THURSDAY, url="https://events.example.com/",
        )
    )  # fmt: skip


def by_webhook(name: str, kind: str, call_id: int, **data: Any) -> Arrival:
    return told(kind, call_id, webhook=name, **data)


async def test_it_stops_when_a_webhook_tells_and_goes_on_when_nobody_listens(
    room: Room, sandbox: Sandbox
) -> None:
    poller = polling(room)
    await looks(room, poller, 60)
    webhook(room, "front")
    started, before = room.clock.now, len(sandbox.arrivals)
    while room.clock.now < started + 600:
        room.log.note_listening(started)
        room.clock.pass_by(await poller.step())
    handing_over = len(sandbox.arrivals) - before
    assert 8 <= handing_over <= 17  # three minutes of both
    assert not room.log.polled.alive("tests", room.clock.now)
    await looks(room, poller, 300)  # nobody has listened for 90 seconds
    assert len(sandbox.arrivals) - before > handing_over + 8


async def test_after_a_webhook_of_many_days_nothing_of_those_is_told_again(
    room: Room, sandbox: Sandbox
) -> None:
    """Repetitions are known for a week: what was told before must not be asked for any more."""
    poller = polling(room)
    await looks(room, poller, 60)
    webhook(room, "front")
    calls: list[int] = []
    for _ in range(9):
        calls.append(dial(room, sandbox))
        for _ in range(8):  # every four hours, a day and more
            room.log.note_listening(THURSDAY)
            await poller.step()
            room.clock.pass_by(14_400 if len(calls) < 9 else 15)
        room.hear(*(by_webhook("front", kind, calls[-1]) for kind in ALL))
    room.log.note_listening(THURSDAY)
    await poller.step()
    await looks(room, poller, 900)  # nobody listens
    assert all(sorted(heard(room, one)) == sorted(ALL) for one in calls)
    begun = [int(parse_qs(one.query)["from"][0]) for one in list(sandbox.arrivals)[-30:]]
    assert min(begun) > room.clock.now - 2 * 86_400


async def test_a_webhook_of_texts_alone_or_of_another_account_ends_nothing(
    room: Room, sandbox: Sandbox
) -> None:
    webhook(room, "texts", ("message.received", "call.ended"))
    poller = polling(room)
    for _ in range(40):
        room.log.note_listening(THURSDAY)
        room.clock.pass_by(await poller.step())
    assert len(sandbox.arrivals) >= 38


async def test_what_both_tell_is_one_event_whichever_is_first(room: Room, sandbox: Sandbox) -> None:
    poller = polling(room)
    await poller.step()
    for name in ("front", "side"):
        webhook(room, name)
    first, second = dial(room, sandbox), dial(room, sandbox)
    for name in ("front", "side"):
        room.hear(by_webhook(name, "call.created", first, more="than the list shows"))
    await looks(room, poller, 120)
    assert sorted(heard(room, first)) == sorted(heard(room, second)) == sorted(ALL)
    for name in ("front", "side"):
        room.hear(*(by_webhook(name, kind, first, more=1) for kind in ALL[1:]))
        room.hear(*(by_webhook(name, kind, second, more=1) for kind in ALL))
    assert sorted(heard(room, first)) == sorted(heard(room, second)) == sorted(ALL)
    # What happens twice in a call is told twice by whoever can tell it.
    room.hear(by_webhook("front", "call.answered", second, more="by another"))
    assert heard(room, second).count("call.answered") == 2


async def test_what_somebody_forged_stands_for_no_genuine_event(
    room: Room, sandbox: Sandbox
) -> None:
    poller = polling(room)
    await poller.step()
    webhook(room, "front")
    call_id = dial(room, sandbox)
    room.hear(by_webhook("front", "call.ended", call_id, missed_call_reason="forged"))
    room.log.webhooks.distrust("front")
    await looks(room, poller, 120)
    ended = room.log.read(Query(call_id=call_id, kinds=["call.ended"]))
    assert sorted(event.trusted for event in ended) == [False, True]


async def test_an_erased_person_does_not_come_back_with_the_next_look(
    room: Room, sandbox: Sandbox
) -> None:
    poller = polling(room)
    await poller.step()
    call_id = dial(room, sandbox)
    await looks(room, poller, 120)
    assert room.log.erase("+33199001234") == 4
    await looks(room, polling(room), 600)
    assert heard(room, call_id) == []


async def test_polled_events_are_of_their_account_alone(room: Room, sandbox: Sandbox) -> None:
    poller = polling(room)
    await poller.step()
    dial(room, sandbox)
    await looks(room, poller, 120)
    ours = room.log.read(Query(account="tests"))
    assert len(ours) == len(room.log.read(Query())) >= 4
    assert {event.account for event in ours} == {"tests"}
    assert room.log.read(Query(account="globex")) == []
    assert room.log.webhooks.active() == []
    assert room.log.webhooks.standing() == []


async def test_a_model_can_have_polled_kinds_passed_on(room: Room) -> None:
    room.gateway.sandbox = False
    url = Secret("https://hooks.example.com/x")
    room.rules.name_destination("slack:support", url, room.vault)
    refused = await room.ask("forward_events", kinds=["call.ended"], to="#support")
    assert refused["error"]["kind"] == "not_allowed"
    await polling(room).step()
    made = await room.ask("forward_events", kinds=["call.ended"], to="#support")
    assert made["data"]["forwarding"]["kinds"] == ["call.ended"]
    refused = await room.ask("forward_events", kinds=["message.received"], to="#support")
    assert "webhook" in refused["error"]["message"]
