from __future__ import annotations

import ast
import asyncio
import inspect
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.events import receiver as module
from aircall_mcp.events.event import Arrival
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.query import Query
from aircall_mcp.events.receiver import LARGEST, Receiver, webhook_for
from aircall_mcp.events.retention import Retention
from aircall_mcp.ground.clock import Clock as Handed

from ..harness import THURSDAY, Clock
from ..mail import PATH, TOKEN, WEBHOOK, call, envelope, log_in, receiving, text, told
from ..waiting import until

pytestmark = pytest.mark.anyio


async def test_an_event_with_its_token_is_stored_and_then_acknowledged(home: Path) -> None:
    log = log_in(home)
    async with receiving(log) as client:
        answer = await client.post(PATH, content=envelope(call("ended", 42)))
        assert answer.status_code == 200
        assert [event.call_id for event in log.read(Query())] == [42]


async def test_a_repetition_is_acknowledged_and_stored_once(home: Path) -> None:
    log = log_in(home)
    async with receiving(log) as client:
        for _ in range(3):
            assert (await client.post(PATH, content=envelope(call("ended", 1)))).status_code == 200
    assert log.latest() == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (PATH, envelope(call("ended", 1), "wrong"), 401),
        (PATH, envelope(call("ended", 1), ""), 401),
        ("/webhooks/aircall/another", envelope(call("ended", 1)), 401),
        ("/webhooks/aircall/", envelope(call("ended", 1)), 401),
        ("/mcp", envelope(call("ended", 1)), 404),
        (PATH, b"{", 400),
        (PATH, b"[]", 400),
        (PATH, b'{"token": "x"}', 401),
        (PATH, b"[" * 100_000, 400),
        (PATH, b'{"token": "x", "event": "e", "data": {"cost": NaN}}', 401),
        (PATH, json.dumps({"token": ["x"], "event": "e", "data": {}}).encode(), 400),
        (PATH, envelope(call("ended", 1, at=THURSDAY - 25 * 3600)), 410),
        (PATH, envelope(told("call.ended", padding="x" * LARGEST)), 413),
    ],
)  # fmt: skip
async def test_what_does_not_belong_is_turned_away_and_never_stored(
    home: Path, path: str, body: bytes, status: int
) -> None:
    log = log_in(home)
    async with receiving(log) as client:
        answer = await client.post(path, content=body)
    assert answer.status_code == status
    assert log.latest() == 0
    assert TOKEN not in answer.text


async def test_only_post_is_taken(home: Path) -> None:
    async with receiving(log_in(home)) as client:
        assert (await client.get(PATH)).status_code == 405
        assert (await client.get("/healthz")).status_code == 200


async def test_a_large_body_is_cut_off_whatever_its_length_header_says(home: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(LARGEST // 1024 + 2):
            yield b"x" * 1024

    log = log_in(home)
    async with receiving(log) as client:
        assert (await client.post(PATH, content=endless())).status_code == 413


async def test_unknown_events_and_fields_are_kept(home: Path) -> None:
    log = log_in(home)
    body = {"resource": "moon", "event": "moon.landed", "timestamp": THURSDAY, "token": TOKEN,
            "data": {"id": 2**80, "where": {"deep": [1, None]}}, "new_field": 1}  # fmt: skip
    async with receiving(log) as client:
        assert (await client.post(PATH, content=json.dumps(body))).status_code == 200
    [event] = log.read(Query())
    assert (event.kind, event.data) == ("moon.landed", body["data"])


async def test_callbacks_of_proxy_numbers_come_in_milliseconds_under_another_name(
    home: Path,
) -> None:
    log = log_in(home)
    message = text("SM1", "hello")
    body = {"event_name": "message.received", "timestamp": THURSDAY * 1000, "token": TOKEN,
            "data": dict(message.data)}  # fmt: skip
    async with receiving(log) as client:
        assert (await client.post(PATH, content=json.dumps(body))).status_code == 200
    [event] = log.read(Query(messages=True))
    assert (event.kind, event.built, event.data["body"]) == ("message.received", THURSDAY, "hello")


async def test_a_webhook_that_is_registered_while_serving_is_known_soon(home: Path) -> None:
    log, clock = log_in(home), Clock()
    fresh = webhook_for(
        "new", b"another-token", account="", aircall_id="u", url="", kinds=(), now=1
    )
    path = "/webhooks/aircall/new"
    body = envelope(told("call.ended", webhook="new"), "another-token")
    async with receiving(log, clock.handed()) as client:
        assert (await client.post(path, content=body)).status_code == 401
        log_in(home).webhooks.open(fresh)
        clock.pass_by(1)
        assert (await client.post(path, content=body)).status_code == 200
        assert (await client.post(PATH, content=envelope(call("ended", 1)))).status_code == 200
        assert (await client.post(path, content=envelope(call("ended", 2)))).status_code == 401


async def test_a_clock_that_is_set_back_an_hour_delays_no_new_webhook(home: Path) -> None:
    log, wall, monotonic = log_in(home), Clock(), Clock(10.0)
    body = envelope(told("call.ended", webhook="new"), "another-token")
    path = "/webhooks/aircall/new"
    async with receiving(log, Handed(monotonic, wall)) as client:
        assert (await client.post(path, content=body)).status_code == 401
        log.webhooks.open(
            webhook_for("new", b"another-token", account="", aircall_id="u", url="", kinds=(),
                        now=1)
        )  # fmt: skip
        wall.pass_by(-3600)
        monotonic.pass_by(1)
        assert (await client.post(path, content=body)).status_code == 200


class Held(EventLog):
    """A log whose commits wait for the test, and fail if it says so."""

    def hold(self) -> None:
        self.gate = threading.Event()
        self.fails = False
        self.begun = False
        self.commits: list[int] = []

    def append(self, arrived: Sequence[Arrival]) -> Sequence[bool | None]:
        self.begun = True
        self.gate.wait(10)
        self.commits.append(len(arrived))
        if self.fails:
            raise StoreError("No room.")
        return super().append(arrived)


def held(home: Path) -> Held:
    log = log_in(home)
    log.__class__ = Held
    assert isinstance(log, Held)
    log.hold()
    return log


async def test_nobody_is_told_before_the_commit_and_what_waits_is_committed_together(
    home: Path,
) -> None:
    log = held(home)
    async with receiving(log) as client:
        posts = [
            asyncio.create_task(client.post(PATH, content=envelope(call("ended", n))))
            for n in range(1, 101)
        ]
        done, _ = await asyncio.wait(posts, timeout=0.2)
        assert not done
        log.gate.set()
        assert {post.status_code for post in await asyncio.gather(*posts)} == {200}
    assert log.latest() == 100
    assert len(log.commits) <= 3


async def test_what_cannot_be_stored_is_put_off_and_stored_when_it_comes_again(home: Path) -> None:
    log = held(home)
    log.gate.set()
    log.fails = True
    async with receiving(log) as client:
        answer = await client.post(PATH, content=envelope(call("ended", 1)))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        log.fails = False
        assert (await client.post(PATH, content=envelope(call("ended", 1)))).status_code == 200
    assert log.latest() == 1


async def test_a_full_queue_sends_away_instead_of_growing(home: Path) -> None:
    log = held(home)
    async with receiving(log, waiting=5, together=1) as client:
        posts = [
            asyncio.create_task(client.post(PATH, content=envelope(call("ended", n))))
            for n in range(1, 21)
        ]
        await until(lambda: sum(post.done() for post in posts) == 14)  # one is out, five wait
        log.gate.set()
        statuses = [post.status_code for post in await asyncio.gather(*posts)]
    assert (statuses.count(200), statuses.count(503), log.latest()) == (6, 14, 6)


async def test_closing_commits_what_was_taken_in_and_sends_the_rest_away(home: Path) -> None:
    log = held(home)
    receiver = Receiver(log, clock=Clock().handed())
    transport = httpx2.ASGITransport(app=receiver)
    async with httpx2.AsyncClient(transport=transport, base_url="http://events") as client:
        async with receiver:
            post = asyncio.create_task(client.post(PATH, content=envelope(call("ended", 1))))
            await until(lambda: log.begun)
            log.gate.set()
        assert (await post).status_code == 200
        late = await client.post(PATH, content=envelope(call("ended", 2)))
        assert late.status_code == 503
    assert log.latest() == 1


async def test_it_notes_that_it_listens_and_makes_room(home: Path) -> None:
    clock = Clock()
    log = log_in(home, clock)
    log.append([call("ended", 1)])
    clock.pass_by(3 * 86_400)
    async with receiving(log, clock.handed(), retention=Retention(days=1)):
        assert log.coverage().since == clock.now
        await until(lambda: not log.read(Query()))


async def test_one_who_hung_up_before_the_commit_keeps_nobody_else_from_it(home: Path) -> None:
    """Aircall waits a few seconds: what it sent is kept all the same, and what follows, too."""
    log = held(home)
    async with receiving(log) as client:
        gone, *others = [
            asyncio.create_task(client.post(PATH, content=envelope(call("ended", n))))
            for n in (1, 2, 3)
        ]
        await until(lambda: log.begun)
        gone.cancel()
        await asyncio.wait([gone])
        log.gate.set()
        async with asyncio.timeout(5):
            answers = list(await asyncio.gather(*others))
            answers.append(await client.post(PATH, content=envelope(call("ended", 4))))
        assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert sorted(event.call_id or 0 for event in log.read(Query())) == [1, 2, 3, 4]


async def test_it_says_again_and_again_that_it_listens_whatever_becomes_of_the_rest(
    home: Path, clock: Clock
) -> None:
    """Every half minute, as one listener; a disk that fails now and then does not end it."""
    log = log_in(home, clock)
    log.__class__ = Forgetful
    assert isinstance(log, Forgetful)
    log.append([call("ended", n) for n in range(1, 451)])
    clock.pass_by(2 * 86_400)
    begun, enough = clock.now, asyncio.Event()

    async def pause(seconds: float) -> None:
        if clock.now >= begun + 300:
            enough.set()
            await asyncio.Event().wait()
        clock.pass_by(seconds)

    async with receiving(log, clock.handed(pause), retention=Retention(days=1)):
        async with asyncio.timeout(20):
            await enough.wait()
    assert log.read(Query()) == []
    hearing = log.coverage()
    assert (hearing.since, hearing.gaps) == (begun, ())
    assert hearing.alive is not None
    assert begun + 270 <= hearing.alive
    assert log.prunes == 300 + 3  # one a second, and in the second one, until there is room
    with closing(sqlite3.connect(home / "events.db")) as database:
        assert database.execute("SELECT started FROM listened").fetchall() == [(begun,)]
    clock.pass_by(60)
    async with receiving(log, clock.handed()):
        assert log.coverage().gaps == ()


class Forgetful(EventLog):
    """A log whose first look for what may go fails."""

    prunes = 0

    def prune(self, retention: Retention) -> int:
        self.prunes += 1
        if self.prunes == 1:
            raise StoreError("The disk is busy.")
        return super().prune(retention)


@pytest.mark.parametrize("hours", [-23, -1, 1, 23])
async def test_what_happened_within_a_day_by_whichever_clock_is_taken_in(
    home: Path, hours: int
) -> None:
    """Aircall repeats for half a day, and no two clocks are the same."""
    log = log_in(home)
    async with receiving(log) as client:
        body = envelope(call("ended", 1, at=THURSDAY + 3600 * hours))
        assert (await client.post(PATH, content=body)).status_code == 200
    assert [event.built for event in log.read(Query())] == [THURSDAY + 3600 * hours]


def test_tokens_are_compared_without_an_early_way_out() -> None:
    """No `==` on anything but the webhook's public name, and no way out of the loop."""
    tree = ast.parse(inspect.getsource(module._belongs))  # pyright: ignore[reportPrivateUsage]
    loop = next(node for node in ast.walk(tree) if isinstance(node, ast.For))
    assert not [n for n in ast.walk(loop) if isinstance(n, ast.Break | ast.Return | ast.BoolOp)]
    compared = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Compare)]
    assert compared == ["name == webhook"]
    assert WEBHOOK in PATH
