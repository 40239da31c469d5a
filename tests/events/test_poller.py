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

from ..harness import THURSDAY, Clock, gateway_to
from ..mail import mailbox, told
from ..waiting import until
from .harness import EventHarness

pytestmark = pytest.mark.anyio


@pytest.fixture
async def harness(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[EventHarness]:
    made = EventHarness(home, sandbox, registry, clock)
    made.log.webhooks.shut("front-door")
    yield made
    await made.desk.aclose()
    made.log.close()


def polling(harness: EventHarness, gateway: Any = None, **more: Any) -> Poller:
    return Poller(
        "tests", gateway or harness.gateway, harness.operations, harness.log,
        install=lambda: harness.log.install(mailbox().public),
        clock=more.pop("clock", harness.clock.handed()), **more,
    )  # fmt: skip


async def looks(harness: EventHarness, poller: Poller, seconds: float) -> None:
    end = harness.clock.now + seconds
    while harness.clock.now < end:
        harness.clock.pass_by(await poller.step())


def dial(harness: EventHarness, sandbox: Sandbox) -> int:
    user = next(iter(sandbox.world.users.values()))
    number = next(iter(sandbox.world.numbers.values()))
    return sandbox.world.dial(user, number, "+33199001234", harness.clock.now).id


def heard(harness: EventHarness, call_id: int) -> list[str]:
    return [event.kind for event in harness.log.read(Query(call_id=call_id, after=0))]


ALL = ["call.created", "call.answered", "call.hungup", "call.ended"]


async def test_a_call_is_told_step_by_step_and_every_tool_hears_it(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    poller = polling(harness)
    await poller.step()
    call_id = dial(harness, sandbox)
    harness.clock.pass_by(10)
    await looks(harness, poller, 30)
    assert heard(harness, call_id) == ALL[:2]
    await looks(harness, poller, 90)
    assert heard(harness, call_id) == ALL
    found = await harness.ask("wait_for_event", kinds=["call.ended"], after=0, timeout_seconds=5)
    assert found["data"]["event"]["data"]["id"] == call_id
    assert any("Texts" in note for note in found["notes"])
    read = await harness.ask("read_events", number="+33199001234")
    assert [one["event"] for one in read["data"]["events"]] == ALL[::-1]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("read_events", {}), ("list_messages", {}),
     ("wait_for_event", {"kinds": ["call.*", "message.*"], "timeout_seconds": 1}),
     ("read_events", {"kinds": ["message.received"]})],
)  # fmt: skip
async def test_every_answer_that_could_hold_texts_says_that_they_need_the_webhook(
    harness: EventHarness, tool: str, arguments: dict[str, Any]
) -> None:
    await polling(harness).step()
    answer = await harness.ask(tool, **arguments)
    assert any("Texts and all other kinds need the webhook" in one for one in answer["notes"])


async def test_waiting_for_a_text_alone_is_refused_with_what_a_person_runs(
    harness: EventHarness,
) -> None:
    await polling(harness).step()
    refused = await harness.ask("wait_for_event", kinds=["message.received"])
    assert refused["error"]["kind"] == "not_allowed"
    assert "webhooks register" in refused["error"]["hint"]


async def test_what_was_over_before_it_began_is_no_news(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    earlier = dial(harness, sandbox)
    harness.clock.pass_by(600)
    live = dial(harness, sandbox)
    harness.clock.pass_by(300)  # both are over, one of them for long
    sandbox.world.calls[-1].ended = int(harness.clock.now) + 60
    await looks(harness, poller := polling(harness), 120)
    assert (heard(harness, earlier), heard(harness, live)) == ([], ALL)
    assert poller is not None


async def test_a_missed_call_and_its_late_voicemail(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    poller = polling(harness)
    await poller.step()
    number = next(iter(sandbox.world.numbers.values()))
    missed = sandbox.world.ring(number, "+33199005678", harness.clock.now, answer=False)
    await looks(harness, poller, 120)
    assert heard(harness, missed.id) == ["call.created", "call.hungup", "call.ended"]
    [event] = harness.log.read(Query(call_id=missed.id, kinds=["call.ended"]))
    assert event.data["missed_call_reason"]
    await looks(harness, poller, 2_400)  # media may come up to a day later
    missed.voicemail = True
    await looks(harness, poller, 300)
    assert heard(harness, missed.id)[3:] == ["call.voicemail_left"]


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

    harness = EventHarness(home, down, registry, clock)  # type: ignore[arg-type]
    harness.log.webhooks.shut("front-door")
    gateway = gateway_to(down, clock=clock.handed(pause))
    await looks(harness, polling(harness, gateway), 3_600)
    assert len(times) > 20
    assert max(sum(at <= other < at + 60 for other in times) for at in times) <= 6
    await gateway.aclose()
    await harness.desk.aclose()


async def test_it_asks_less_while_the_company_is_busy_and_more_again_after(
    harness: EventHarness,
) -> None:
    asked: list[Caller] = []
    busy = True

    class Busy:
        async def send(self, bound: Any, caller: Caller) -> Any:
            asked.append(caller)
            if busy:
                raise BudgetExhausted("used up", retry_after=5)
            return await harness.gateway.send(bound, caller)

    poller = polling(harness, Busy())
    waits = [await poller.step() for _ in range(2)]
    assert waits == [2 * BEAT, 4 * BEAT]
    for _ in range(6):
        harness.clock.pass_by(SLOWEST)
        assert await poller.step() <= SLOWEST
    assert {(caller.lane, caller.patience) for caller in asked} == {("bulk", 0)}
    busy = False
    harness.clock.pass_by(SLOWEST)
    assert await poller.step() == BEAT


async def test_one_process_of_a_home_polls_and_the_next_goes_on_where_it_ended(
    home: Path, harness: EventHarness, sandbox: Sandbox
) -> None:
    rests: list[float] = []

    async def pause(seconds: float) -> None:
        rests.append(seconds)
        if seconds == REST:
            held.release()
        await until(lambda: True)

    held = Lock(home / "polling.lock")
    assert held.take()
    poller = polling(harness, latch=Lock(home / "polling.lock"), clock=harness.clock.handed(pause))
    import asyncio

    running = asyncio.create_task(poller.run())
    await until(lambda: sandbox.arrivals)
    assert rests[0] == REST  # while the other had the lock, nothing was asked
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert Lock(home / "polling.lock").take()


async def test_a_call_that_comes_late_into_the_list_is_told_as_well(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    poller = polling(harness)
    await poller.step()
    call_id = dial(harness, sandbox)
    late = sandbox.world.calls.pop()
    await looks(harness, poller, 900)
    assert heard(harness, call_id) == []
    sandbox.world.calls.append(late)
    await looks(harness, poller, 120)
    assert heard(harness, call_id) == ALL


async def test_more_calls_than_a_page_has_that_begin_in_one_second(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    poller = polling(harness)
    await poller.step()
    calls = [dial(harness, sandbox) for _ in range(101)]
    await looks(harness, poller, 150)
    assert all(heard(harness, one) == ALL for one in calls)


async def test_the_account_that_has_no_webhook_is_named_beside_one_that_has(
    harness: EventHarness,
) -> None:
    await polling(harness).step()
    harness.log.webhooks.open(
        webhook_for("other", b"y" * 20, account="globex", aircall_id="o", kinds=(), now=THURSDAY,
                    url="https://events.example.com/")
    )  # fmt: skip
    answer = await harness.ask("list_messages")
    assert any(one.startswith("Of tests: No webhook") for one in answer["notes"])
    assert not any("globex" in one for one in answer["notes"])


async def test_who_was_away_for_days_catches_up_with_three_of_them(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    await polling(harness).step()
    harness.clock.pass_by(3_600)
    long_ago = dial(harness, sandbox)
    harness.clock.pass_by(BACK)
    lately = [dial(harness, sandbox) for _ in range(120) if not harness.clock.pass_by(60)]
    await looks(harness, polling(harness), 600)
    assert heard(harness, long_ago) == []
    assert all(heard(harness, one) == ALL for one in lately)


async def test_nobody_polls_without_a_vault_that_opens(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    def shut() -> None:
        raise CredentialError("There is no vault.")

    poller = Poller(
        "tests", harness.gateway, harness.operations, harness.log, install=shut,
        clock=harness.clock.handed(),
    )  # fmt: skip
    with pytest.raises(CredentialError):
        await poller.step()
    assert len(sandbox.arrivals) == 0


def webhook(harness: EventHarness, name: str, kinds: tuple[str, ...] = ()) -> None:
    harness.log.webhooks.open(
        webhook_for(
            name, Secret("x" * 20).__class__.__name__.encode() + name.encode(), account="tests",
            aircall_id=name, kinds=kinds, now=THURSDAY, url="https://events.example.com/",
        )
    )  # fmt: skip


def by_webhook(name: str, kind: str, call_id: int, **data: Any) -> Arrival:
    return told(kind, call_id, webhook=name, **data)


async def test_it_stops_when_a_webhook_tells_and_goes_on_when_nobody_listens(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    poller = polling(harness)
    await looks(harness, poller, 60)
    webhook(harness, "front")
    started, before = harness.clock.now, len(sandbox.arrivals)
    while harness.clock.now < started + 600:
        harness.log.note_listening(started)
        harness.clock.pass_by(await poller.step())
    handing_over = len(sandbox.arrivals) - before
    assert 8 <= handing_over <= 17  # three minutes of both
    assert not harness.log.polled.alive("tests", harness.clock.now)
    await looks(harness, poller, 300)  # nobody has listened for 90 seconds
    assert len(sandbox.arrivals) - before > handing_over + 8


async def test_after_a_webhook_of_many_days_nothing_of_those_is_told_again(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    """Repetitions are known for a week: what was told before must not be asked for any more."""
    poller = polling(harness)
    await looks(harness, poller, 60)
    webhook(harness, "front")
    calls: list[int] = []
    for _ in range(9):
        calls.append(dial(harness, sandbox))
        for _ in range(8):  # every four hours, a day and more
            harness.log.note_listening(THURSDAY)
            await poller.step()
            harness.clock.pass_by(14_400 if len(calls) < 9 else 15)
        harness.hear(*(by_webhook("front", kind, calls[-1]) for kind in ALL))
    harness.log.note_listening(THURSDAY)
    await poller.step()
    await looks(harness, poller, 900)  # nobody listens
    assert all(sorted(heard(harness, one)) == sorted(ALL) for one in calls)
    begun = [int(parse_qs(one.query)["from"][0]) for one in list(sandbox.arrivals)[-30:]]
    assert min(begun) > harness.clock.now - 2 * 86_400


async def test_a_webhook_of_texts_alone_or_of_another_account_ends_nothing(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    webhook(harness, "texts", ("message.received", "call.ended"))
    poller = polling(harness)
    for _ in range(40):
        harness.log.note_listening(THURSDAY)
        harness.clock.pass_by(await poller.step())
    assert len(sandbox.arrivals) >= 38


async def test_what_both_tell_is_one_event_whichever_is_first(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    poller = polling(harness)
    await poller.step()
    for name in ("front", "side"):
        webhook(harness, name)
    first, second = dial(harness, sandbox), dial(harness, sandbox)
    for name in ("front", "side"):
        harness.hear(by_webhook(name, "call.created", first, more="than the list shows"))
    await looks(harness, poller, 120)
    assert sorted(heard(harness, first)) == sorted(heard(harness, second)) == sorted(ALL)
    for name in ("front", "side"):
        harness.hear(*(by_webhook(name, kind, first, more=1) for kind in ALL[1:]))
        harness.hear(*(by_webhook(name, kind, second, more=1) for kind in ALL))
    assert sorted(heard(harness, first)) == sorted(heard(harness, second)) == sorted(ALL)
    # What happens twice in a call is told twice by whoever can tell it.
    harness.hear(by_webhook("front", "call.answered", second, more="by another"))
    assert heard(harness, second).count("call.answered") == 2


async def test_what_somebody_forged_stands_for_no_genuine_event(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    poller = polling(harness)
    await poller.step()
    webhook(harness, "front")
    call_id = dial(harness, sandbox)
    harness.hear(by_webhook("front", "call.ended", call_id, missed_call_reason="forged"))
    harness.log.webhooks.distrust("front")
    await looks(harness, poller, 120)
    ended = harness.log.read(Query(call_id=call_id, kinds=["call.ended"]))
    assert sorted(event.trusted for event in ended) == [False, True]


async def test_an_erased_person_does_not_come_back_with_the_next_look(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    poller = polling(harness)
    await poller.step()
    call_id = dial(harness, sandbox)
    await looks(harness, poller, 120)
    assert harness.log.erase("+33199001234") == 4
    await looks(harness, polling(harness), 600)
    assert heard(harness, call_id) == []


async def test_polled_events_are_of_their_account_alone(
    harness: EventHarness, sandbox: Sandbox
) -> None:
    poller = polling(harness)
    await poller.step()
    dial(harness, sandbox)
    await looks(harness, poller, 120)
    ours = harness.log.read(Query(account="tests"))
    assert len(ours) == len(harness.log.read(Query())) >= 4
    assert {event.account for event in ours} == {"tests"}
    assert harness.log.read(Query(account="globex")) == []
    assert harness.log.webhooks.active() == []
    assert harness.log.webhooks.standing() == []


async def test_a_model_can_have_polled_kinds_passed_on(harness: EventHarness) -> None:
    harness.gateway.sandbox = False
    url = Secret("https://hooks.example.com/x")
    harness.rules.name_destination("slack:support", url, harness.vault)
    refused = await harness.ask("forward_events", kinds=["call.ended"], to="#support")
    assert refused["error"]["kind"] == "not_allowed"
    await polling(harness).step()
    made = await harness.ask("forward_events", kinds=["call.ended"], to="#support")
    assert made["data"]["forwarding"]["kinds"] == ["call.ended"]
    refused = await harness.ask("forward_events", kinds=["message.received"], to="#support")
    assert "webhook" in refused["error"]["message"]
