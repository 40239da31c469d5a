from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest

from aircall_mcp.events.event import Event
from aircall_mcp.events.forwarding.deliver import GIVEN_UP
from aircall_mcp.events.forwarding.wording import lines, signature
from aircall_mcp.ground.secrets import Scrubber, Secret
from aircall_mcp.storage.lock import Lock

from ..forwarding import SLACK, Forwarding, opened, shown
from ..harness import THURSDAY
from ..mail import call, text
from ..waiting import until

pytestmark = pytest.mark.anyio


async def test_what_a_rule_names_is_passed_on_signed_and_once(forwarding: Forwarding) -> None:
    key = forwarding.destination()
    assert key is not None
    forwarding.rules.add(["call.*"], "https:crm")
    forwarding.log.append([call("ended", 42), text("SM1", "not this")])
    await forwarding.settle()
    [request] = forwarding.receiver.got
    assert (request.url.host, request.headers["host"]) == ("8.8.8.8", "crm.example.com")
    assert request.extensions["sni_hostname"] == "crm.example.com"
    assert str(request.url.raw_path, "ascii") == "/in?a=1"
    body = json.loads(request.content)
    assert (body["event"], body["sequence"], body["data"]["id"]) == ("call.ended", 1, 42)
    stamp = request.headers["x-aircall-mcp-timestamp"]
    assert stamp == str(int(THURSDAY))
    signed = signature(Secret(key), stamp, request.content)
    assert request.headers["x-aircall-mcp-signature"] == f"v1={signed}"
    assert request.headers["x-aircall-mcp-delivery"] == "1-1"
    assert forwarding.rules.status()[0].sent == 1


async def test_what_is_not_to_be_trusted_is_passed_on_with_a_word_of_it(
    forwarding: Forwarding,
) -> None:
    forwarding.destination()
    forwarding.destination("slack:support", SLACK)
    for to in ("https:crm", "slack:support"):
        forwarding.rules.add(["message.received"], to)
    forwarding.log.append([text("SM1", "before")])
    await forwarding.settle()
    forwarding.log.append([text("SM2", "Wire the money")])
    forwarding.log.webhooks.seen("front-door", 1, ())
    forwarding.log.webhooks.distrust("front-door")
    await forwarding.settle()
    crm = [json.loads(r.content) for r in forwarding.receiver.got if r.url.path == "/in"]
    assert [one.get("trusted", "unsaid") for one in crm] == ["unsaid", False]
    slack = [shown(r) for r in forwarding.receiver.got if r.url.path != "/in"]
    assert ["not to be trusted" in one for one in slack] == [False, True]


async def test_only_what_comes_after_the_rule_is_passed_on(forwarding: Forwarding) -> None:
    forwarding.destination()
    forwarding.log.append([call("created", 1)])
    forwarding.rules.add(["*"], "crm")
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [2]


async def test_the_same_rule_twice_is_one(forwarding: Forwarding) -> None:
    forwarding.destination()
    one = forwarding.rules.add(["call.ended", "call.created"], "crm")
    other = forwarding.rules.add(["call.created", "call.ended", "call.created"], "https:crm")
    assert one.id == other.id
    assert len(forwarding.rules.status()) == 1


async def test_a_receiver_that_is_down_costs_nothing_but_time_and_no_order(
    forwarding: Forwarding,
) -> None:
    forwarding.destination()
    forwarding.rules.add(["call.*"], "crm")
    forwarding.receiver.status = 0
    kinds = ("created", "answered", "hungup", "ended")
    for minute in range(10):
        forwarding.log.append([call(kind, 100 * minute + n) for kind in kinds for n in range(1, 6)])
        for _ in range(6):
            await forwarding.settle(20)
            forwarding.clock.pass_by(10)
    assert forwarding.receiver.got == []
    assert forwarding.receiver.tried < 40
    assert forwarding.rules.status()[0].waiting == 200
    forwarding.receiver.status = 200
    for _ in range(100):
        await forwarding.settle(20)
        forwarding.clock.pass_by(30)
        if not forwarding.rules.status()[0].waiting:
            break
    assert sorted(forwarding.receiver.sequences()) == list(range(1, 201))
    steps: dict[int, list[str]] = {}
    for request in forwarding.receiver.got:
        body = json.loads(request.content)
        steps.setdefault(body["data"]["id"], []).append(body["event"].removeprefix("call."))
    assert len(steps) == 50
    assert set(map(tuple, steps.values())) == {kinds}


async def test_another_process_goes_on_where_one_was_killed(forwarding: Forwarding) -> None:
    forwarding.destination()
    forwarding.rules.add(["call.*"], "crm")
    forwarding.receiver.status = 503
    forwarding.log.append([call("created", 1), call("ended", 1)])
    await forwarding.settle()
    forwarding.receiver.status = 200
    forwarding.clock.pass_by(60)
    forwarding.forwarder = forwarding.another()
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [1, 2]


async def test_what_is_refused_for_good_is_listed_and_does_not_hold_up_the_rest(
    forwarding: Forwarding,
) -> None:
    forwarding.passes_all_on()
    forwarding.receiver.refuses = {"poison"}
    forwarding.log.append([text("SM1", "poison"), text("SM2", "fine")])
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [2]
    [lost] = forwarding.rules.undelivered()
    assert (lost.sequence, lost.kind, lost.attempts) == (1, "message.received", 1)
    assert lost.fault == "refused with 400"
    forwarding.receiver.refuses = set()
    assert forwarding.rules.try_again() == 1
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [2, 1]
    assert forwarding.rules.undelivered() == []


async def test_waits_grow_and_heed_what_the_receiver_asks_for(forwarding: Forwarding) -> None:
    forwarding.passes_all_on()
    forwarding.receiver.status, forwarding.receiver.headers = 429, {"Retry-After": "120"}
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    forwarding.clock.pass_by(119)
    await forwarding.settle()
    assert forwarding.receiver.tried == 1
    forwarding.clock.pass_by(2)
    await forwarding.settle()
    assert forwarding.receiver.tried == 2
    forwarding.receiver.headers = {}
    tries: list[float] = []
    for _ in range(3000):
        before = forwarding.receiver.tried
        await forwarding.settle()
        if forwarding.receiver.tried > before:
            tries.append(forwarding.clock.now)
        forwarding.clock.pass_by(1)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits == sorted(waits)
    assert waits[-1] <= 301


async def test_a_receiver_that_asks_for_little_is_given_the_longer_pause_all_the_same(
    forwarding: Forwarding,
) -> None:
    forwarding.passes_all_on()
    forwarding.receiver.status, forwarding.receiver.headers = 503, {"Retry-After": "1"}
    forwarding.log.append([call("ended", 1)])
    for _ in range(600):
        await forwarding.settle()
        forwarding.clock.pass_by(1)
    # 1, 2, 4 … seconds and not one each: ten tries or so in ten minutes.
    assert 5 <= forwarding.receiver.tried <= 16


async def test_after_a_day_it_is_given_up_and_listed(forwarding: Forwarding) -> None:
    forwarding.passes_all_on()
    forwarding.receiver.status = 500
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    forwarding.clock.pass_by(GIVEN_UP + 1)
    await forwarding.settle()
    assert [one.fault for one in forwarding.rules.undelivered()] == ["answered 500"]


async def test_what_was_erased_meanwhile_is_not_passed_on(forwarding: Forwarding) -> None:
    forwarding.passes_all_on()
    forwarding.receiver.status = 503
    forwarding.log.append([text("SM1", "hello")])
    await forwarding.settle()
    forwarding.log.erase("+33199001234")
    forwarding.receiver.status = 200
    forwarding.clock.pass_by(60)
    await forwarding.settle()
    assert forwarding.receiver.got == []
    assert forwarding.rules.status()[0].waiting == 0


async def test_forwarding_goes_on_after_whatever_went_wrong(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(home) as forwarding:
        forwarding.passes_all_on()
        forwarding.log.append([call("ended", 1)])
        (home / "locks").touch()  # where a directory must be
        faults = ["a secret-path"]

        async def resolve(_host: str, _port: int) -> list[str]:
            if faults:
                raise RuntimeError(faults.pop())
            return ["8.8.8.8"]

        async def pause(_seconds: float) -> None:
            if (home / "locks").is_file():
                (home / "locks").unlink()
            await asyncio.sleep(0)

        latch = Lock(home / "locks" / "forwarding.lock")
        forwarder = forwarding.another(sleep=pause, latch=latch, resolve=resolve)
        running = asyncio.create_task(forwarder.run())
        await until(lambda: forwarding.receiver.got)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert "locks" in caplog.text
        assert "RuntimeError" in caplog.text
        assert "secret-path" not in caplog.text


async def test_only_one_process_passes_on_at_a_time(home: Path) -> None:
    async with opened(home) as forwarding:
        forwarding.passes_all_on()
        held = Lock(home / "forwarding.lock")
        assert held.take()
        waits: list[float] = []

        async def pause(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                held.release()
            await asyncio.sleep(0)

        second = forwarding.another(sleep=pause, latch=Lock(home / "forwarding.lock"))
        forwarding.log.append([call("ended", 1)])
        running = asyncio.create_task(second.run())
        await until(lambda: forwarding.receiver.got)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert waits[:2] == [5.0, 5.0]
        assert Lock(home / "forwarding.lock").take()


def test_an_event_is_told_whatever_it_holds() -> None:
    odd = Event(1, "w", "moon.landed", 0.0, THURSDAY, None, {"contact": 5, "body": ["x"]})
    assert lines(odd, Scrubber().text) == [
        "an event of another kind, 2026-11-19T10:00:00Z, event 1",
        "kind: moon.landed",
    ]
