from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.events.log import EventLog
from aircall_mcp.events.tables import MIGRATIONS
from aircall_mcp.events.tools import EventTools
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.vault.mailbox import Mailbox, Sealer

from ..connections import lent
from ..harness import Clock
from ..mail import MAILBOX_KEY, call
from ..waiting import until
from .harness import EventHarness

pytestmark = pytest.mark.anyio


async def test_waiting_ends_when_the_matching_event_comes(harness: EventHarness) -> None:
    harness.hear(call("hungup", 1))
    waiting = asyncio.create_task(
        harness.ask("wait_for_event", kinds=["call.hungup"], match={"call_id": 2}, after=0)
    )
    await until(lambda: 1 in harness.waits)  # what had come in was not it
    assert not waiting.done()
    harness.hear(call("hungup", 3), call("answered", 2), call("hungup", 2), call("hungup", 2, at=1))
    answer = await asyncio.wait_for(waiting, 5)
    assert answer["data"]["event"]["data"]["id"] == 2
    assert answer["data"]["after"] == 4


async def test_a_wait_without_a_cursor_is_for_what_comes_from_then_on(
    harness: EventHarness,
) -> None:
    harness.hear(call("hungup", 1))
    waiting = asyncio.create_task(harness.ask("wait_for_event", kinds=["call.hungup"]))
    await until(lambda: harness.waits)
    harness.hear(call("hungup", 2))
    assert (await waiting)["data"]["event"]["data"]["id"] == 2


@pytest.mark.parametrize(
    ("match", "fits"),
    [({"number": "+33 199001234"}, True), ({"number": "+33199009999"}, False),
     ({"user_id": 7}, True), ({"user_id": 8}, False), ({"call_id": 9, "user_id": 7}, True)],
)  # fmt: skip
async def test_a_match_is_about_numbers_and_ids(
    harness: EventHarness, match: dict[str, Any], fits: bool
) -> None:
    harness.hear(call("ended", 9))
    answer = await harness.ask(
        "wait_for_event", kinds=["call.*"], match=match, after=0, timeout_seconds=1
    )
    assert (answer["data"]["event"] is not None) is fits


async def test_a_wait_in_vain_says_where_to_go_on(harness: EventHarness) -> None:
    harness.hear(call("created", 1))
    answer = await harness.ask("wait_for_event", kinds=["message.*"], timeout_seconds=1)
    assert answer["data"]["event"] is None
    assert answer["data"]["after"] == 1
    assert any("again" in note for note in answer["notes"])


async def test_an_unknown_key_of_match_is_refused(harness: EventHarness) -> None:
    answer = await harness.ask("wait_for_event", kinds=["call.*"], match={"caller": 1})
    assert answer["error"]["kind"] == "argument"


async def test_a_wait_can_be_cancelled_and_leaves_nothing_running(harness: EventHarness) -> None:
    before = len(asyncio.all_tasks())
    waiting = asyncio.create_task(harness.ask("wait_for_event", kinds=["call.ended"]))
    await until(lambda: harness.waits)
    assert len(asyncio.all_tasks()) > before + 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: len(asyncio.all_tasks()) == before)


async def test_without_a_webhook_the_list_of_calls_is_watched_and_it_says_so(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> None:
    async def pause(seconds: float) -> None:
        clock.pass_by(seconds)
        await asyncio.sleep(0)

    harness = EventHarness(home, sandbox, registry, clock, pause)
    harness.log.webhooks.shut("front-door")
    user = next(iter(sandbox.world.users.values()))
    number = next(iter(sandbox.world.numbers.values()))
    dialled = sandbox.world.dial(user, number, "+33199001234", clock.now)
    answer = await harness.ask(
        "wait_for_event", kinds=["call.ended"], match={"call_id": dialled.id}, timeout_seconds=20
    )
    assert answer["data"]["event"]["data"]["status"] == "done"
    assert any("list of calls" in note for note in answer["notes"])
    refused = await harness.ask("wait_for_event", kinds=["message.received"])
    assert refused["error"]["kind"] == "not_allowed"
    assert "webhooks register" in refused["error"]["hint"]
    await harness.desk.aclose()
    harness.log.close()


async def test_an_event_is_found_behind_more_than_fit_into_one_look(harness: EventHarness) -> None:
    """Two hundred are read at a time: the one that is waited for may be the last of many."""
    harness.hear(*(call("ended", n) for n in range(1, 451)))
    answer = await harness.ask("wait_for_event", kinds=["call.*"], match={"call_id": 450}, after=0)
    assert answer["data"]["event"]["data"]["id"] == 450
    assert answer["data"]["after"] == 450
    found = await harness.ask("wait_for_event", kinds=["call.*"], match={"call_id": 250}, after=0)
    assert found["data"]["after"] == 250  # behind the one it found, so that nothing is passed over
    onward = await harness.ask("wait_for_event", kinds=["call.*"], after=found["data"]["after"])
    assert onward["data"]["event"]["data"]["id"] == 251


async def test_a_long_call_is_seen_to_end(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> None:
    """Without a webhook: a call of three hours is looked at until it ends, each look at Aircall."""
    user = next(iter(sandbox.world.users.values()))
    number = next(iter(sandbox.world.numbers.values()))
    dialled = sandbox.world.dial(user, number, "+33199001234", clock.now)
    dialled.ended = dialled.started + 10_800
    clock.pass_by(10_790)
    looks = 0

    async def pause(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            clock.pass_by(11)
        await asyncio.sleep(0)

    harness = EventHarness(home, sandbox, registry, clock, pause)
    harness.log.webhooks.shut("front-door")
    answer = await harness.ask(
        "wait_for_event", kinds=["call.ended"], match={"call_id": dialled.id}, timeout_seconds=20
    )
    assert answer["data"]["event"]["data"]["id"] == dialled.id
    assert (looks, len(sandbox.arrivals)) == (3, 4)
    await harness.desk.aclose()
    harness.log.close()


class Counting(Mailbox):
    """A mailbox that counts the bodies it opens."""

    opened = 0

    def open(self, sealed: bytes, place: bytes) -> bytes:
        self.opened += 1
        return super().open(sealed, place)


async def test_waiting_opens_the_body_of_what_was_waited_for_and_no_other(
    harness: EventHarness,
) -> None:
    """By its ids none but that; by a number each once, whoever waits: that enters their marks."""
    box = Counting(Secret(MAILBOX_KEY))
    log = lent(
        EventLog(
            Database(harness.log_path, MIGRATIONS, durability="vault"),
            sealer=Sealer,
            mailbox=lambda: box,
        )
    )
    waits = EventTools(
        log,
        harness.gateway,
        harness.operations,
        lambda: harness.rules,
        clock=harness.clock.handed(),
    )
    harness.hear(
        *(call("ended", n, digits="+33199001235") for n in range(1, 101)), call("ended", 200)
    )
    asked: dict[str, Any] = {"kinds": ["call.*"], "after": 0}
    found = await waits.wait_for_event({**asked, "match": {"call_id": 200}}, Caller())
    assert found["data"]["event"]["data"]["id"] == 200
    assert box.opened == 1
    number = {"match": {"number": "+33 199001234"}}
    for opened in (1 + 101 + 1, 1 + 101 + 2):
        found = await waits.wait_for_event({**asked, **number}, Caller())
        assert found["data"]["event"]["data"]["id"] == 200
        assert box.opened == opened


@pytest.mark.parametrize(
    "match",
    [{"call_id": "one"}, {"number_id": [1]}, {"user_id": 2**70}, {"contact_id": True},
     {"number": True}, {"contact_id": -1}, {"callId": 1}, {"call_id": "-1"}],
)  # fmt: skip
async def test_what_is_no_id_and_no_number_cannot_be_matched(
    harness: EventHarness, match: dict[str, Any]
) -> None:
    harness.hear(call("ended", 1))
    answer = await harness.ask("wait_for_event", kinds=["call.*"], match=match, after=0)
    assert answer["error"]["kind"] == "argument"
    assert answer["error"]["hint"]
