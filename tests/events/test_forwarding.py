from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest

from aircall_mcp.app import open_app
from aircall_mcp.errors import ArgumentError
from aircall_mcp.events.event import Event
from aircall_mcp.events.forwarding.deliver import GIVEN_UP, Forwarder
from aircall_mcp.events.forwarding.destinations import resolved
from aircall_mcp.events.forwarding.wording import line, signature
from aircall_mcp.events.receiver import webhook_for
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.secrets import MASK, Scrubber, Secret, inside
from aircall_mcp.storage.lock import Lock
from aircall_mcp.vault.mailbox import mailbox_of

from ..house import THURSDAY
from ..mail import call, text
from ..post import Post, opened
from ..vaults import vault_at
from ..waiting import until

pytestmark = pytest.mark.anyio

SLACK = "https://hooks.slack.example/services/T0/B0/secret-path"


def files(home: Path) -> list[tuple[str, bytes]]:
    found = [(file.name, file.read_bytes()) for file in home.iterdir()]
    assert {"events.db", "forwarding.db"} <= {name for name, _ in found}
    return found


@pytest.fixture
async def post(home: Path) -> AsyncGenerator[Post]:
    async with opened(home) as post:
        yield post


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


async def test_slack_gets_a_line_that_mentions_nobody(post: Post) -> None:
    post.destination("slack:support", SLACK)
    post.rules.add(["message.received"], "#support", maker="model")
    post.log.append([text("SM1", "hello <!channel> & <https://evil.example|click>")])
    await post.settle()
    [request] = post.receiver.got
    said = json.loads(request.content)["text"]
    assert "<" not in said
    assert "&lt;!channel&gt; &amp;" in said
    assert "Paris Sales" in said
    assert "+33199001234" in said


async def test_what_is_not_to_be_trusted_is_passed_on_with_a_word_of_it(post: Post) -> None:
    post.destination()
    post.destination("slack:support", SLACK)
    for to in ("https:crm", "slack:support"):
        post.rules.add(["message.received"], to)
    post.log.append([text("SM1", "before")])
    await post.settle()
    post.log.append([text("SM2", "Wire the money")])
    post.log.webhooks.seen("front-door", 1, ())
    post.log.webhooks.doubt("front-door")
    await post.settle()
    crm = [json.loads(r.content) for r in post.receiver.got if r.url.path == "/in"]
    assert [one.get("trusted", "unsaid") for one in crm] == ["unsaid", False]
    slack = [json.loads(r.content)["text"] for r in post.receiver.got if r.url.path != "/in"]
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
    other = post.rules.add(["call.created", "call.ended"], "https:crm", maker="model")
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
    post.destination()
    post.rules.add(["*"], "crm")
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
    post.destination()
    post.rules.add(["*"], "crm")
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
    post.destination()
    post.rules.add(["*"], "crm")
    post.receiver.status, post.receiver.headers = 503, {"Retry-After": "1"}
    post.log.append([call("ended", 1)])
    for _ in range(600):
        await post.settle()
        post.clock.pass_by(1)
    # 1, 2, 4 … seconds and not one each: ten tries or so in ten minutes.
    assert 5 <= post.receiver.tried <= 16


async def test_after_a_day_it_is_given_up_and_listed(post: Post) -> None:
    post.destination()
    post.rules.add(["*"], "crm")
    post.receiver.status = 500
    post.log.append([call("ended", 1)])
    await post.settle()
    post.clock.pass_by(GIVEN_UP + 1)
    await post.settle()
    assert [one.fault for one in post.rules.undelivered()] == ["answered 500"]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "::1",
     "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "0.0.0.0",
     "224.0.0.1", "ff02::1", "203.0.113.7", "64:ff9b::a00:1", "no address"],
)  # fmt: skip
async def test_addresses_that_are_not_public_are_not_reached(home: Path, address: str) -> None:
    async with opened(home, addresses=["8.8.8.8", address]) as post:
        post.destination()
        post.rules.add(["*"], "crm")
        post.log.append([call("ended", 1)])
        await post.settle()
        assert post.receiver.tried == 0
        assert "not public" in post.rules.undelivered()[0].fault


async def test_a_private_address_is_reached_where_the_owner_allows_it(home: Path) -> None:
    async with opened(home, addresses=["10.0.0.1"]) as post:
        post.destination(private=True)
        post.rules.add(["*"], "crm")
        post.log.append([call("ended", 1)])
        await post.settle()
        assert [request.url.host for request in post.receiver.got] == ["10.0.0.1"]


async def test_a_redirect_is_not_followed(post: Post) -> None:
    post.destination()
    post.rules.add(["*"], "crm")
    post.receiver.status, post.receiver.headers = 302, {"Location": "http://169.254.169.254/"}
    post.log.append([call("ended", 1)])
    await post.settle()
    assert post.receiver.tried == 1
    assert post.rules.undelivered()[0].fault == "refused with 302"


@pytest.mark.parametrize(
    "url",
    ["http://crm.example.com/", "ftp://crm.example.com/", "https://", "https://a:b@crm.example.com/",
     "https://crm.example.com:99999/", "file:///etc/passwd", "javascript:alert(1)",
     "https://hooks..slack.com/x", "https://crm.example.com/a\x07b", "https://crm.example.com/a\nb",
     "https://m\u00fcnchen.example/", "https://[::1", " https://crm.example.com/"],
)  # fmt: skip
async def test_only_https_urls_become_destinations(post: Post, url: str) -> None:
    with pytest.raises(ArgumentError):
        post.destination(url=url)
    assert post.rules.destinations() == []


@pytest.mark.parametrize("name", ["crm", "mail:crm", "slack:", "slack:Über", "https:a b", ""])
async def test_only_plain_names_become_destinations(post: Post, name: str) -> None:
    with pytest.raises(ArgumentError):
        post.destination(name)


async def test_an_unknown_destination_names_those_there_are_and_no_url(post: Post) -> None:
    post.destination("slack:support", SLACK)
    with pytest.raises(ArgumentError) as refusal:
        post.rules.add(["*"], "#suport")
    assert "slack:support" in refusal.value.hint
    assert "hooks" not in refusal.value.hint + refusal.value.message


async def test_the_address_lies_in_the_vault_alone(home: Path) -> None:
    async with opened(home) as post:
        post.destination("slack:support", SLACK)
        post.rules.add(["*"], "support")
        post.log.append([call("ended", 1)])
        post.receiver.status = 500
        await post.settle()
        held = post.vault.read("to slack:support", "destination")
        assert held is not None
        assert inside(held.value["url"], bytes.decode) == SLACK
    assert not [name for name, content in files(home) if b"secret-path" in content]


@pytest.mark.parametrize("status", [200, 0])
async def test_the_address_and_the_key_are_masked_before_anything_is_sent_there(
    post: Post, status: int
) -> None:
    scrubber = Scrubber()
    sent: list[str] = []

    async def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(scrubber.text(f"<{SLACK}> <{key}>"))
        return await post.receiver(request)

    key = post.destination("https:crm", SLACK)
    post.receiver.status = status
    forwarder = post.another(answer, learn=scrubber.learn)
    post.rules.add(["call.*"], "crm")
    post.log.append([call("ended", 1)])
    assert await forwarder.step() == 2  # one that is new, and one that is due
    assert sent == [f"<{MASK}> <{MASK}>"]
    await forwarder.aclose()


async def test_a_house_masks_where_it_passes_events_on_to(home: Path) -> None:
    """The house's log, answers and errors know the address as soon as it is used."""
    url = "https://127.0.0.1:9/services/a-secret-path"
    variables = {"AIRCALL_MCP_HOME": str(home)}
    vault = vault_at(home, variables)
    vault.create("file")
    async with open_app(settings_from({}, variables), variables, vault=vault) as house:
        room = house.events
        box = mailbox_of(vault, make=True)
        assert box is not None
        room.log.install(box.public)
        room.log.webhooks.open(
            webhook_for("door", b"t", account="", aircall_id="u", url="", kinds=(), now=0)
        )
        room.rules.name_destination("https:crm", Secret(url), vault)
        room.rules.add(["call.*"], "crm")
        room.log.append([replace(call("ended", 1), webhook="door")])
        forwarder = room.forwarder()
        assert house.auth.scrub(url) == url
        assert await forwarder.step() == 2
        assert house.auth.scrub(f"<{url}>") == f"<{MASK}>"
        await forwarder.aclose()
    vault.close()


async def test_what_was_erased_meanwhile_is_not_passed_on(post: Post) -> None:
    post.destination()
    post.rules.add(["*"], "crm")
    post.receiver.status = 503
    post.log.append([text("SM1", "hello")])
    await post.settle()
    post.log.erase("+33199001234")
    post.receiver.status = 200
    post.clock.pass_by(60)
    await post.settle()
    assert post.receiver.got == []
    assert post.rules.status()[0].waiting == 0


async def test_removing_a_destination_removes_its_rules_and_its_address(post: Post) -> None:
    post.destination()
    rule = post.rules.add(["*"], "crm")
    assert post.rules.forget("https:crm", post.vault)
    assert post.rules.status() == []
    assert post.vault.read("to https:crm", "destination") is None
    assert not post.rules.remove(rule.id)


@pytest.mark.parametrize(
    ("host", "url"),
    [("hooks..slack.com", "https://hooks..slack.com/x"),
     ("odd.example.com", "https://odd.example.com/a\x07b"),
     ("odd.example.com", "https://odd.example.com:99999/")],
)  # fmt: skip
async def test_an_address_that_cannot_be_used_is_a_dead_letter_and_no_matter_to_others(
    post: Post, host: str, url: str
) -> None:
    post.destination("https:odd", "https://odd.example.com/")
    post.destination()
    sql = "UPDATE destination SET host = :host WHERE name = 'https:odd'"
    post.store.write(lambda tx: tx.run(sql, host=host))
    key = Secret("key-of-an-older-version")
    post.vault.write("to https:odd", "destination", {"url": Secret(url), "key": key})

    async def resolve(host: str, port: int) -> Sequence[str]:
        return await resolved(host, port) if ".." in host else ["8.8.8.8"]

    post.forwarder = Forwarder(
        post.rules, post.log, post.vault, clock=post.clock.handed(), resolve=resolve,
        transport=httpx2.MockTransport(post.receiver),
    )  # fmt: skip
    post.rules.add(["*"], "odd")
    post.rules.add(["*"], "crm")
    post.log.append([call("ended", 1)])
    await post.settle()
    assert post.receiver.sequences() == [1]
    [lost] = post.rules.undelivered()
    assert (lost.destination, lost.fault) == ("https:odd", "its address cannot be used")


async def test_forwarding_goes_on_after_whatever_went_wrong(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(home) as post:
        post.destination()
        post.rules.add(["*"], "crm")
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
        forwarder = Forwarder(
            post.rules, post.log, post.vault, latch=latch, clock=post.clock.handed(pause),
            resolve=resolve, transport=httpx2.MockTransport(post.receiver),
        )  # fmt: skip
        running = asyncio.create_task(forwarder.run())
        await until(lambda: post.receiver.got)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert "locks" in caplog.text
        assert "RuntimeError" in caplog.text
        assert "secret-path" not in caplog.text


async def test_only_one_process_passes_on_at_a_time(home: Path) -> None:
    async with opened(home) as post:
        post.destination()
        post.rules.add(["*"], "crm")
        held = Lock(home / "forwarding.lock")
        assert held.take()
        waits: list[float] = []

        async def pause(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                held.release()
            await asyncio.sleep(0)

        async def resolve(_host: str, _port: int) -> list[str]:
            return ["8.8.8.8"]

        second = Forwarder(
            post.rules, post.log, post.vault, latch=Lock(home / "forwarding.lock"),
            clock=post.clock.handed(pause), transport=httpx2.MockTransport(post.receiver),
            resolve=resolve,
        )  # fmt: skip
        post.log.append([call("ended", 1)])
        running = asyncio.create_task(second.run())
        await until(lambda: post.receiver.got)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert waits[:2] == [5.0, 5.0]
        assert Lock(home / "forwarding.lock").take()


def test_an_event_is_told_whatever_it_holds() -> None:
    odd = Event(1, "w", "moon.landed", 0.0, THURSDAY, None, {"contact": 5, "body": ["x"]})
    assert line(odd) == "*moon.landed* 2026-11-19T10:00:00Z"
