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

from ..house import THURSDAY
from ..mail import call, text
from ..post import SLACK, Post, opened, shown
from ..waiting import until

pytestmark = pytest.mark.anyio


async def test_what_a_rule_names_is_passed_on_signed_and_once(post: Post) -> None:
    key = post.destination()
    assert key is not None
    post.rules.add(["call.*"], "https:crm")
    post.log.append([call("ended", 42), text("SM1", "not this")])
    await post.settle()
    [request] = post.receiver.got
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
    assert post.rules.status()[0].sent == 1


async def test_what_is_not_to_be_trusted_is_passed_on_with_a_word_of_it(post: Post) -> None:
    post.destination()
    post.destination("slack:support", SLACK)
    for to in ("https:crm", "slack:support"):
        post.rules.add(["message.received"], to)
    post.log.append([text("SM1", "before")])
    await post.settle()
    post.log.append([text("SM2", "Wire the money")])
    post.log.webhooks.seen("front-door", 1, ())
    post.log.webhooks.distrust("front-door")
    await post.settle()
    crm = [json.loads(r.content) for r in post.receiver.got if r.url.path == "/in"]
    assert [one.get("trusted", "unsaid") for one in crm] == ["unsaid", False]
    slack = [shown(r) for r in post.receiver.got if r.url.path != "/in"]
    assert ["not to be trusted" in one for one in slack] == [False, True]


async def test_only_what_comes_after_the_rule_is_passed_on(post: Post) -> None:
    post.destination()
    post.log.append([call("created", 1)])
    post.rules.add(["*"], "crm")
    post.log.append([call("ended", 1)])
    await post.settle()
    assert post.receiver.sequences() == [2]


async def test_the_same_rule_twice_is_one(post: Post) -> None:
    post.destination()
    one = post.rules.add(["call.ended", "call.created"], "crm")
    other = post.rules.add(["call.created", "call.ended", "call.created"], "https:crm")
    assert one.id == other.id
    assert len(post.rules.status()) == 1


async def test_a_receiver_that_is_down_costs_nothing_but_time_and_no_order(post: Post) -> None:
    post.destination()
    post.rules.add(["call.*"], "crm")
    post.receiver.status = 0
    kinds = ("created", "answered", "hungup", "ended")
    for minute in range(10):
        post.log.append([call(kind, 100 * minute + n) for kind in kinds for n in range(1, 6)])
        for _ in range(6):
            await post.settle(20)
            post.clock.pass_by(10)
    assert post.receiver.got == []
    assert post.receiver.tried < 40
    assert post.rules.status()[0].waiting == 200
    post.receiver.status = 200
    for _ in range(100):
        await post.settle(20)
        post.clock.pass_by(30)
        if not post.rules.status()[0].waiting:
            break
    assert sorted(post.receiver.sequences()) == list(range(1, 201))
    steps: dict[int, list[str]] = {}
    for request in post.receiver.got:
        body = json.loads(request.content)
        steps.setdefault(body["data"]["id"], []).append(body["event"].removeprefix("call."))
    assert len(steps) == 50
    assert set(map(tuple, steps.values())) == {kinds}


async def test_another_process_goes_on_where_one_was_killed(post: Post) -> None:
    post.destination()
    post.rules.add(["call.*"], "crm")
    post.receiver.status = 503
    post.log.append([call("created", 1), call("ended", 1)])
    await post.settle()
    post.receiver.status = 200
    post.clock.pass_by(60)
    post.forwarder = post.another()
    await post.settle()
    assert post.receiver.sequences() == [1, 2]


async def test_what_is_refused_for_good_is_listed_and_does_not_hold_up_the_rest(
    post: Post,
) -> None:
    post.passes_all_on()
    post.receiver.refuses = {"poison"}
    post.log.append([text("SM1", "poison"), text("SM2", "fine")])
    await post.settle()
    assert post.receiver.sequences() == [2]
    [lost] = post.rules.undelivered()
    assert (lost.sequence, lost.kind, lost.attempts) == (1, "message.received", 1)
    assert lost.fault == "refused with 400"
    post.receiver.refuses = set()
    assert post.rules.try_again() == 1
    await post.settle()
    assert post.receiver.sequences() == [2, 1]
    assert post.rules.undelivered() == []


async def test_waits_grow_and_heed_what_the_receiver_asks_for(post: Post) -> None:
    post.passes_all_on()
    post.receiver.status, post.receiver.headers = 429, {"Retry-After": "120"}
    post.log.append([call("ended", 1)])
    await post.settle()
    post.clock.pass_by(119)
    await post.settle()
    assert post.receiver.tried == 1
    post.clock.pass_by(2)
    await post.settle()
    assert post.receiver.tried == 2
    post.receiver.headers = {}
    tries: list[float] = []
    for _ in range(3000):
        before = post.receiver.tried
        await post.settle()
        if post.receiver.tried > before:
            tries.append(post.clock.now)
        post.clock.pass_by(1)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits == sorted(waits)
    assert waits[-1] <= 301


async def test_a_receiver_that_asks_for_little_is_given_the_longer_pause_all_the_same(
    post: Post,
) -> None:
    post.passes_all_on()
    post.receiver.status, post.receiver.headers = 503, {"Retry-After": "1"}
    post.log.append([call("ended", 1)])
    for _ in range(600):
        await post.settle()
        post.clock.pass_by(1)
    # 1, 2, 4 … seconds and not one each: ten tries or so in ten minutes.
    assert 5 <= post.receiver.tried <= 16


async def test_after_a_day_it_is_given_up_and_listed(post: Post) -> None:
    post.passes_all_on()
    post.receiver.status = 500
    post.log.append([call("ended", 1)])
    await post.settle()
    post.clock.pass_by(GIVEN_UP + 1)
    await post.settle()
    assert [one.fault for one in post.rules.undelivered()] == ["answered 500"]


async def test_what_was_erased_meanwhile_is_not_passed_on(post: Post) -> None:
    post.passes_all_on()
    post.receiver.status = 503
    post.log.append([text("SM1", "hello")])
    await post.settle()
    post.log.erase("+33199001234")
    post.receiver.status = 200
    post.clock.pass_by(60)
    await post.settle()
    assert post.receiver.got == []
    assert post.rules.status()[0].waiting == 0


async def test_forwarding_goes_on_after_whatever_went_wrong(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(home) as post:
        post.passes_all_on()
        post.log.append([call("ended", 1)])
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
        forwarder = post.another(sleep=pause, latch=latch, resolve=resolve)
        running = asyncio.create_task(forwarder.run())
        await until(lambda: post.receiver.got)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert "locks" in caplog.text
        assert "RuntimeError" in caplog.text
        assert "secret-path" not in caplog.text


async def test_only_one_process_passes_on_at_a_time(home: Path) -> None:
    async with opened(home) as post:
        post.passes_all_on()
        held = Lock(home / "forwarding.lock")
        assert held.take()
        waits: list[float] = []

        async def pause(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                held.release()
            await asyncio.sleep(0)

        second = post.another(sleep=pause, latch=Lock(home / "forwarding.lock"))
        post.log.append([call("ended", 1)])
        running = asyncio.create_task(second.run())
        await until(lambda: post.receiver.got)
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
