"""What may go wrong on the way to a destination, over hours and batches."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from aircall_mcp.events.forwarding import Forwarder
from aircall_mcp.events.forwarding.wording import signature
from aircall_mcp.ground.secrets import Scrubber, Secret
from aircall_mcp.storage.lock import Lock

from ..forwarding import SLACK, Forwarding, opened
from ..harness import THURSDAY
from ..mail import call, text

pytestmark = pytest.mark.anyio


async def test_more_than_a_batch_is_passed_on_to_the_last_event(forwarding: Forwarding) -> None:
    """Two hundred are queued at a time; what the rule does not name lies between them."""
    forwarding.destination()
    forwarding.rules.add(["call.*"], "crm")
    wanted: list[int] = []
    for batch in range(9):
        forwarding.log.append([call("ended", 1000 * batch + n) for n in range(1, 51)])
        wanted += range(51 * batch + 1, 51 * batch + 51)
        forwarding.log.append([text(f"SM{batch}", "not this")])
    assert len(wanted) == 450
    await forwarding.settle(1000)
    assert sorted(forwarding.receiver.sequences()) == wanted
    [rule] = forwarding.rules.status()
    assert (rule.sent, rule.waiting, rule.failed) == (450, 0, 0)


async def test_exactly_a_batch_and_what_follows_it_are_passed_on_once(
    forwarding: Forwarding,
) -> None:
    forwarding.passes_all_on()
    forwarding.log.append([call("ended", n) for n in range(1, 201)])
    await forwarding.settle()
    forwarding.log.append([call("ended", 201), call("ended", 202)])
    await forwarding.settle()
    assert sorted(forwarding.receiver.sequences()) == list(range(1, 203))


async def test_a_destination_that_came_back_is_at_rest_no_longer(forwarding: Forwarding) -> None:
    """One success is enough: all lanes go out side by side again, and none waits for another."""
    forwarding.passes_all_on()
    forwarding.receiver.status = 503
    forwarding.log.append([call("ended", n) for n in range(1, 9)])
    await forwarding.settle()
    assert forwarding.receiver.tried == 8
    forwarding.clock.pass_by(300)
    forwarding.receiver.tried = 0
    await forwarding.forwarder.step()
    assert forwarding.receiver.tried == 1  # at rest, one of them finds out
    forwarding.clock.pass_by(300)
    forwarding.receiver.status, forwarding.receiver.tried = 200, 0
    await forwarding.forwarder.step()
    assert forwarding.receiver.tried == 1
    await forwarding.forwarder.step()
    assert forwarding.receiver.tried == 8  # the seven others at once
    assert sorted(forwarding.receiver.sequences()) == list(range(1, 9))


async def test_one_that_rests_is_left_alone_and_does_not_hold_up_another(
    forwarding: Forwarding,
) -> None:
    forwarding.destination()
    forwarding.destination("https:other", "https://other.example.com/in")
    for to in ("crm", "other"):
        forwarding.rules.add(["*"], to)
    forwarding.receiver.headers = {"Retry-After": "600"}

    async def down(request: httpx2.Request) -> httpx2.Response:
        if request.headers["host"] == "crm.example.com":
            forwarding.receiver.tried += 1
            return httpx2.Response(503, headers=forwarding.receiver.headers)
        forwarding.receiver.got.append(request)
        return httpx2.Response(200)

    forwarding.forwarder = forwarding.another(down)
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    assert forwarding.receiver.tried == 1
    forwarding.log.append([call("ended", 2)])  # of another lane, and due at once
    await forwarding.settle()
    assert (forwarding.receiver.tried, forwarding.receiver.sequences()) == (1, [1, 2])
    forwarding.clock.pass_by(601)
    await forwarding.settle()
    assert forwarding.receiver.tried == 2


async def test_it_is_tried_for_a_whole_day_and_not_given_up_before(forwarding: Forwarding) -> None:
    """Written out, since a day is what users are told: not a matter of minutes or of tries."""
    forwarding.passes_all_on()
    forwarding.receiver.status = 500
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    for _ in range(23 * 12 + 11):  # every five minutes, for 23 h 55 min
        forwarding.clock.pass_by(300)
        await forwarding.settle()
        assert forwarding.rules.undelivered() == []
    [rule] = forwarding.rules.status()
    assert (rule.waiting, rule.failed, rule.fault) == (1, 0, "answered 500")
    assert rule.oldest == THURSDAY
    forwarding.clock.pass_by(300)
    await forwarding.settle()
    [lost] = forwarding.rules.undelivered()
    assert lost.attempts == forwarding.receiver.tried == 289
    # Put back, it has another day.
    assert forwarding.rules.try_again() == 1
    await forwarding.settle()
    forwarding.clock.pass_by(300)
    await forwarding.settle()
    assert forwarding.rules.undelivered() == []
    forwarding.receiver.status = 200
    forwarding.clock.pass_by(300)
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [1]


async def test_what_was_put_back_begins_with_short_waits_again(forwarding: Forwarding) -> None:
    forwarding.passes_all_on()
    forwarding.receiver.status = 500
    forwarding.log.append([call("ended", 1)])
    for _ in range(400):
        await forwarding.settle()
        forwarding.clock.pass_by(300)
    assert forwarding.rules.try_again() == 1
    forwarding.forwarder = forwarding.another()
    before = forwarding.receiver.tried
    await forwarding.settle()
    forwarding.clock.pass_by(1)
    await forwarding.settle()
    assert forwarding.receiver.tried == before + 2


async def test_one_that_was_given_up_does_not_hold_up_its_call(forwarding: Forwarding) -> None:
    forwarding.passes_all_on()
    forwarding.receiver.refuses = {"call.created"}
    forwarding.log.append([call("created", 1), call("ended", 1)])
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [2]
    assert [one.sequence for one in forwarding.rules.undelivered()] == [1]


async def test_what_waits_for_one_rule_does_not_hold_up_another(forwarding: Forwarding) -> None:
    """The order of a call is kept within a rule; each of two rules has its own."""
    forwarding.destination()
    created = forwarding.rules.add(["call.created"], "crm")
    ended = forwarding.rules.add(["call.ended"], "crm")
    forwarding.log.append([call("created", 1), call("ended", 1)])

    async def stubborn(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(503 if b"call.created" in request.content else 200)

    forwarding.forwarder = forwarding.another(stubborn)
    await forwarding.settle()
    rules = {rule.id: rule for rule in forwarding.rules.status()}
    assert (rules[created.id].sent, rules[created.id].waiting) == (0, 1)
    assert (rules[ended.id].sent, rules[ended.id].waiting) == (1, 0)
    assert (rules[created.id].fault, rules[ended.id].fault) == ("answered 503", "")


async def test_a_rule_that_is_removed_takes_what_waits_for_it_along(forwarding: Forwarding) -> None:
    """SQLite gives the number of the last rule to the next one: it must not inherit a queue."""
    forwarding.destination()
    rule = forwarding.rules.add(["*"], "crm")
    forwarding.receiver.status = 503
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    assert forwarding.rules.remove(rule.id)
    again = forwarding.rules.add(["call.*"], "crm")
    forwarding.receiver.status = 200
    forwarding.clock.pass_by(600)
    await forwarding.settle()
    assert forwarding.receiver.got == []
    [stands] = forwarding.rules.status()
    assert (stands.id, stands.waiting, stands.failed) == (again.id, 0, 0)


async def test_a_destination_named_anew_leads_to_its_new_address(forwarding: Forwarding) -> None:
    forwarding.destination()
    forwarding.destination(url="https://crm2.example.com/in")
    forwarding.rules.add(["*"], "crm")
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    assert [request.headers["host"] for request in forwarding.receiver.got] == ["crm2.example.com"]
    assert forwarding.asked == ["crm2.example.com:443"]


async def test_the_address_is_masked_before_anything_is_sent_to_it(forwarding: Forwarding) -> None:
    forwarding.destination("slack:support", SLACK)
    forwarding.rules.add(["*"], "support")
    scrubber = Scrubber()
    forwarding.receiver.status = 500
    forwarding.forwarder = forwarding.another(learn=scrubber.learn)
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    assert scrubber.json(f"to {SLACK}") == "to [secret]"


async def test_what_a_receiver_asks_for_is_heeded_for_an_hour_at_most(
    forwarding: Forwarding,
) -> None:
    forwarding.passes_all_on()
    forwarding.receiver.status, forwarding.receiver.headers = 503, {"Retry-After": "999999"}
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    forwarding.clock.pass_by(3599)
    await forwarding.settle()
    assert forwarding.receiver.tried == 1
    forwarding.clock.pass_by(1)
    await forwarding.settle()
    assert forwarding.receiver.tried == 2


@pytest.mark.parametrize(
    ("status", "again"),
    [(199, True), (408, True), (409, True), (425, True), (429, True), (500, True), (503, True),
     (300, False), (400, False), (401, False), (404, False), (410, False), (413, False)],
)  # fmt: skip
async def test_what_may_pass_is_tried_again_and_what_will_not_is_given_up(
    forwarding: Forwarding, status: int, again: bool
) -> None:
    forwarding.passes_all_on()
    forwarding.receiver.status = status
    forwarding.log.append([call("ended", 1)])
    await forwarding.settle()
    assert len(forwarding.rules.undelivered()) == (not again)
    forwarding.receiver.status = 200
    forwarding.clock.pass_by(60)
    await forwarding.settle()
    assert len(forwarding.receiver.got) == again
    assert forwarding.rules.status()[0].sent == again


async def test_a_signature_holds_the_time_apart_from_the_body() -> None:
    """Else a receiver could be shown the same bytes, cut at another place, as signed."""
    key = Secret("k")
    assert signature(key, "17", b"95082400") != signature(key, "1795", b"082400")
    known = hmac.new(b"k", b"1795082400.{}", hashlib.sha256).hexdigest()
    assert signature(key, "1795082400", b"{}") == known


async def test_each_destination_has_a_connection_of_its_own(home: Path) -> None:
    """Two hosts on one address: what was verified for one must not carry the other's events."""
    ports: dict[str, int] = {}

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
                await reader.readexactly(int(fields["content-length"]))
                ports[fields["host"].partition(":")[0]] = writer.get_extra_info("peername")[1]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with opened(home) as forwarding:
        forwarding.destination("https:one", f"http://127.0.0.1:{port}/", private=True)
        forwarding.destination("https:two", f"http://localhost:{port}/", private=True)
        for to in ("one", "two"):
            forwarding.rules.add(["*"], to)

        async def resolve(_host: str, _port: int) -> list[str]:
            return ["127.0.0.1"]

        forwarding.forwarder = Forwarder(
            forwarding.rules,
            forwarding.log,
            forwarding.vault,
            clock=forwarding.clock.handed(),
            resolve=resolve,
        )
        for number in (1, 2):  # both are there before the second round
            forwarding.log.append([call("ended", number)])
            await forwarding.settle()
        assert [rule.sent for rule in forwarding.rules.status()] == [2, 2]
        await forwarding.forwarder.aclose()
    server.close()
    assert set(ports) == {"127.0.0.1", "localhost"}
    assert len(set(ports.values())) == 2


async def test_whoever_ends_lets_the_next_process_pass_on(home: Path) -> None:
    async with opened(home) as forwarding:
        forwarding.passes_all_on()
        forwarding.log.append([call("ended", 1)])
        first = forwarding.another(latch=Lock(home / "forwarding.lock"))
        running = asyncio.create_task(first.run())
        await forwarding.receiver.arrived(1)
        assert not Lock(home / "forwarding.lock").take()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        next_one = Lock(home / "forwarding.lock")
        assert next_one.take()
        next_one.release()


async def test_a_receiver_that_never_answers_is_left_and_tried_again(
    forwarding: Forwarding,
) -> None:
    """Also one that would keep a connection busy for ever, a byte at a time."""
    forwarding.passes_all_on()
    tried: list[str] = []

    async def silent(request: httpx2.Request) -> httpx2.Response:
        tried.append(request.headers["x-aircall-mcp-delivery"])
        if len(tried) == 1:
            await asyncio.Event().wait()
        return await forwarding.receiver(request)

    forwarding.forwarder = forwarding.another(silent, patience=0.01)
    forwarding.log.append([call("ended", 1)])
    async with asyncio.timeout(5):
        await forwarding.settle()
    [rule] = forwarding.rules.status()
    assert (rule.waiting, rule.failed, rule.fault) == (1, 0, "no answer (TimeoutError)")
    forwarding.clock.pass_by(60)
    await forwarding.settle()
    assert forwarding.receiver.sequences() == [1]
    assert tried == ["1-1", "1-1"]  # under one name, so that a repetition is known for one
