"""A webhook that somebody changed at Aircall: replaced, its token refused, what came in doubted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest

from aircall_mcp.accounts import Memory
from aircall_mcp.errors import ArgumentError, CredentialError, OutcomeUnknown
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.query import Query
from aircall_mcp.events.receiver import Receiver
from aircall_mcp.events.registrations import NotAsAsked
from aircall_mcp.events.replacements import DAY, MOST
from aircall_mcp.events.subscriptions import SETTLED, WATCH, Subscriptions
from aircall_mcp.events.tables import MIGRATIONS
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.storage.lock import Lock
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.vault.mailbox import Sealer

from ..house import App, Clock, gateway_to, sandbox_with
from ..mail import call, envelope, log_in, mailbox, told

pytestmark = pytest.mark.anyio

T = TypeVar("T")
URL = "https://events.example.com"
ELSEWHERE = "https://elsewhere.example/in"


class Killed(BaseException):
    """The process is gone."""


class Life:
    """Ends after so many steps: each is a request that was answered, or work done on a file."""

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps

    async def of(self, work: Callable[[], Awaitable[T]]) -> T:
        found = await work()
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise Killed
        return found


class MortalLog(EventLog):
    life = Life()

    async def aside(self, work: Callable[[], T]) -> T:
        return await self.life.of(lambda: super(MortalLog, self).aside(work))


class MortalVault(Memory):
    life = Life()

    async def aside(self, work: Callable[[], T]) -> T:
        return await self.life.of(lambda: super(MortalVault, self).aside(work))


def mortal(app: App, life: Life) -> App:
    async def dies(scope: Any, receive: Any, send: Any) -> None:
        await life.of(lambda: app(scope, receive, send))

    return dies


class Town:
    """A sandbox that stands for Aircall, and what of a home outlives a process."""

    def __init__(self, home: Path, sandbox: Sandbox, registry: Registry, clock: Clock) -> None:
        self.home, self.sandbox, self.registry, self.clock = home, sandbox, registry, clock
        self.vault = MortalVault()
        self.app: App = sandbox
        self._names = iter(f"w{number}" for number in range(1, 100))
        self._open: list[tuple[Gateway, EventLog]] = []
        log_in(home, clock).webhooks.shut("front-door")

    def process(self, life: Life | None = None) -> Subscriptions:
        """A process of ours that begins now."""
        life = life or Life()
        self.log = log_in(self.home, self.clock)
        self.log.webhooks.shut("front-door")
        self.log.__class__ = MortalLog
        assert isinstance(self.log, MortalLog)
        self.log.life = self.vault.life = life
        gateway = gateway_to(mortal(self.app, life), allowed=frozenset({"read"}))
        self._open.append((gateway, self.log))
        return Subscriptions(
            self.log, self.vault, gateway, self.registry.ids, mailbox=lambda: mailbox().public,
            clock=self.clock.handed(), name=lambda: next(self._names),
        )  # fmt: skip

    async def aclose(self) -> None:
        for gateway, log in self._open:
            await gateway.aclose()
            log.close()

    def standing(self) -> list[Any]:
        """Ours, at Aircall."""
        return [one for one in self.sandbox.world.webhooks.values() if one.name == "aircall-mcp"]

    def tell(self, webhook: str, *identities: int) -> list[bool | None]:
        return list(
            self.log.append([told("call.ended", one, webhook=webhook) for one in identities])
        )

    def trusted(self) -> dict[int, bool]:
        return {event.data["id"]: event.trusted for event in self.log.read(Query())}


@pytest.fixture
async def town(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[Town]:
    made = Town(home, sandbox, registry, clock)
    yield made
    await made.aclose()


CHANGES: dict[str, dict[str, Any]] = {
    "address": {"url": ELSEWHERE},
    "fewer events": {"events": ["call.ended"]},
    "other events": {"events": ["user.opened"]},
    "more events": {"events": ["call.ended", "message.received", "contact.created"]},
    "address, and disabled": {"url": ELSEWHERE, "active": False},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_somebody_changed_is_replaced_and_what_came_in_between_is_not_trusted(
    town: Town, clock: Clock, change: dict[str, Any]
) -> None:
    ours = town.process()
    await ours.register(URL, ["call.ended", "message.received"])
    [old] = town.standing()
    token = old.token
    town.tell("w1", 1)
    clock.pass_by(WATCH)
    assert await ours.mend() == []
    seen = clock.now
    town.tell("w1", 2)
    for name, value in change.items():
        setattr(old, name, value)
    clock.pass_by(100)
    town.tell("w1", 3)
    assert town.trusted() == {1: True, 2: True, 3: True}
    [found] = await ours.mend()
    assert (found.done, found.state, found.webhook.name) == ("replaced", "active", "w2")
    [new] = town.standing()
    assert new.uuid != old.uuid
    assert new.token != token
    assert new.url == f"{URL}/webhooks/aircall/w2"
    assert set(new.events) == {"call.ended", "message.received"}
    assert town.tell("w1", 4) == [None]
    town.tell("w2", 5)
    assert town.trusted() == {1: True, 2: False, 3: False, 5: True}
    assert town.vault.read("webhook w1", "webhook") is None
    [doubt] = await ours.doubts()
    assert (doubt.webhook, doubt.replaced_by, doubt.events) == ("w1", "w2", 2)
    assert (doubt.since, doubt.until) == (seen, clock.now)
    assert await ours.mend() == []


async def test_the_new_one_stands_before_the_old_token_is_refused_and_that_before_the_old_is_gone(
    town: Town,
) -> None:
    """Nothing is lost in between, and nothing more is believed."""
    await town.process().register(URL)
    [old] = town.standing()
    old.url = ELSEWHERE
    taken: list[tuple[str, list[str]]] = []

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        await town.sandbox(scope, receive, send)
        taken.append((scope["method"], [webhook.name for webhook in town.log.webhooks.active()]))

    town.process()
    gateway = gateway_to(asked)
    ours = Subscriptions(
        town.log, town.vault, gateway, town.registry.ids, mailbox=lambda: mailbox().public,
        clock=town.clock.handed(), name=lambda: "new",
    )  # fmt: skip
    await ours.mend()
    await gateway.aclose()
    assert taken == [("GET", ["w1"]), ("POST", ["w1"]), ("DELETE", ["new"]), ("GET", ["new"])]


async def test_a_token_that_is_out_is_refused_by_a_receiver_that_knew_it(town: Town) -> None:
    import httpx2

    ours = town.process()
    await ours.register(URL)
    [old] = town.standing()
    body = envelope(told("call.ended", 7, webhook="w1"), old.token)
    again = envelope(told("call.ended", 8, webhook="w1"), old.token)
    async with Receiver(town.log, clock=town.clock.handed()) as receiver:
        transport = httpx2.ASGITransport(app=receiver)
        async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
            path = "/webhooks/aircall/w1"
            assert (await client.post(path, content=body)).status_code == 200
            old.url = ELSEWHERE
            await ours.mend()
            assert (await client.post(path, content=again)).status_code == 401
            assert (await client.post(path, content=again)).status_code == 401
            [new] = town.standing()
            new_one = envelope(told("call.ended", 9, webhook="w2"), new.token)
            town.clock.pass_by(1)
            answer = await client.post("/webhooks/aircall/w2", content=new_one)
            assert answer.status_code == 200
    assert town.trusted() == {7: False, 9: True}


async def test_one_that_asked_for_all_events_may_be_told_of_more_and_not_of_fewer(
    town: Town,
) -> None:
    ours = town.process()
    await ours.register(URL)
    [webhook] = town.standing()
    webhook.events = [*webhook.events, "moon.landed"]
    assert await ours.mend() == []
    webhook.events = webhook.events[:-1]
    [found] = await ours.mend()
    assert found.done == "replaced"


async def test_changed_back_before_anybody_replaced_it_its_token_is_out_all_the_same(
    town: Town,
) -> None:
    ours = town.process()
    await ours.register(URL)
    [webhook] = town.standing()
    address, webhook.url = webhook.url, ELSEWHERE
    [found] = await ours.status()  # sees it, and changes nothing
    assert found.state == "changed"
    assert len(town.standing()) == 1
    town.tell("w1", 1)
    webhook.url = address
    await ours.mend()
    assert [webhook.name for webhook in town.log.webhooks.active()] == ["w2"]
    assert town.trusted() == {1: False}


async def test_a_webhook_that_aircall_refuses_to_replace_is_doubted_and_tried_again(
    town: Town,
) -> None:
    from aircall_mcp.errors import Refused

    ours = town.process()
    await ours.register(URL)
    [old] = town.standing()
    world = town.sandbox.world
    others = {f"{number}": old for number in range(100)}
    world.webhooks.update(others)
    old.url = ELSEWHERE
    for identity in range(3):
        with pytest.raises(Refused):
            await ours.mend()
        town.tell("w1", identity)
    assert town.trusted() == {0: False, 1: False, 2: False}
    assert town.log.webhooks.standing() == []
    for name in others:
        del world.webhooks[name]
    [found] = await ours.mend()
    assert found.done == "replaced"


# An Aircall that shows a webhook otherwise than it was asked for.


def telling(app: App, method: str, change: Callable[[dict[str, Any]], None]) -> App:
    """What `app` says of webhooks when asked by `method`, changed."""

    async def tells(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != method or not scope["path"].startswith("/v1/webhooks"):
            await app(scope, receive, send)
            return
        said: list[Any] = []

        async def hold(message: Any) -> None:
            said.append(message)

        await app(scope, receive, hold)
        body = json.loads(said[-1]["body"])
        if "webhook" in body:
            change(body["webhook"])
        content = json.dumps(body).encode()
        length = (b"content-length", str(len(content)).encode())
        others = [pair for pair in said[0]["headers"] if pair[0] != b"content-length"]
        await send({**said[0], "headers": [*others, length]})
        await send({**said[-1], "body": content})

    return tells


def made(town: Town) -> int:
    return sum(one.operation == "create_webhook" for one in town.sandbox.arrivals)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "a slash more": lambda url: f"{url}/",
    "in capitals": lambda url: url.replace(
        "https://events.example.com", "HTTPS://Events.Example.COM"
    ),
    "with its port": lambda url: url.replace(".com", ".com:443"),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_address_that_is_shown_in_another_spelling_is_the_same(
    town: Town, clock: Clock, spell: Callable[[str], str], method: str
) -> None:
    def change(webhook: dict[str, Any]) -> None:
        webhook["url"] = spell(webhook["url"])

    town.app = telling(town.sandbox, method, change)
    ours = town.process()
    found = await ours.register(URL, ["call.ended"])
    assert (found.state, found.fault) == ("active", "")
    for _ in range(3):
        clock.pass_by(WATCH)
        assert await ours.mend() == []
    assert made(town) == 1
    assert await ours.doubts() == []
    [one] = town.standing()
    one.url = ELSEWHERE
    await ours.mend()
    [heir] = town.standing()
    assert heir.url == f"{URL}/webhooks/aircall/w2"  # of what was asked for, not of what was shown


async def test_events_that_were_otherwise_from_the_start_are_told_of_and_not_taken_for_a_change(
    town: Town, clock: Clock
) -> None:
    town.app = telling(town.sandbox, "GET", lambda one: one["events"].append("call.archived"))
    ours = town.process()
    found = await ours.register(URL, ["call.ended"])
    for _ in range(3):
        assert found.state == "active"
        assert "other events than were asked for from the start" in found.fault
        clock.pass_by(WATCH)
        assert await ours.mend() == []
        [found] = await ours.status()
    assert made(town) == 1
    assert await ours.doubts() == []
    [one] = town.standing()
    one.events = ["contact.created"]
    [found] = await ours.mend()
    assert (found.done, made(town)) == ("replaced", 2)


async def test_one_webhook_is_replaced_three_times_a_day_and_then_a_person_is_asked(
    town: Town, clock: Clock
) -> None:
    """Each that takes its place is found to lead elsewhere, from the start."""
    town.app = telling(town.sandbox, "GET", lambda one: one.update(url=ELSEWHERE))
    ours = town.process()
    found = await ours.register(URL)
    assert (found.state, found.fault) == (
        "changed", "it leads elsewhere and did so when it was first looked at",
    )  # fmt: skip
    for _ in range(10):
        clock.pass_by(WATCH)
        await ours.mend()
    assert made(town) == 1 + MOST
    assert len(town.standing()) == 1
    [found] = await town.process().status()  # by whichever process
    assert found.webhook.name == "w4"
    assert f"replaced {MOST} times within a day, so not before 20" in found.fault
    assert found.next == "aircall-mcp webhooks rotate w4"
    assert town.tell("w4", 1) == [True]
    assert town.trusted() == {1: False}
    clock.pass_by(DAY)
    await ours.mend()
    assert made(town) == 2 + MOST
    await ours.rotate()  # a person may, at any time
    await ours.rotate()
    assert made(town) == 4 + MOST


async def test_a_webhook_that_was_made_for_another_address_is_deleted_again_and_never_kept(
    town: Town,
) -> None:
    many = len(town.sandbox.world.webhooks)
    town.app = telling(town.sandbox, "POST", lambda one: one.update(url=ELSEWHERE))
    ours = town.process()
    with pytest.raises(NotAsAsked, match="another address"):
        await ours.register(URL)
    assert len(town.sandbox.world.webhooks) == many
    assert town.log.webhooks.active() == town.log.webhooks.standing() == []
    assert town.vault.owners("webhook") == ()


async def test_one_that_cannot_be_deleted_again_is_deleted_by_whoever_looks_next(
    town: Town,
) -> None:
    many = len(town.sandbox.world.webhooks)
    honest = town.app

    def elsewhere(webhook: dict[str, Any]) -> None:
        webhook["url"] = town.sandbox.world.webhooks[webhook["webhook_id"]].url = ELSEWHERE

    lying = telling(town.sandbox, "POST", elsewhere)

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "DELETE":
            raise httpx2.ConnectError("gone")
        await lying(scope, receive, send)

    town.app = failing
    with pytest.raises(OutcomeUnknown, match="could not be deleted"):
        await town.process().register(URL)
    assert len(town.sandbox.world.webhooks) == many + 1
    town.app = honest
    await town.process().mend()
    assert len(town.sandbox.world.webhooks) == many
    assert town.log.webhooks.active() == []


async def test_nothing_is_made_at_aircall_whose_token_could_not_be_kept(town: Town) -> None:
    class Shut(MortalVault):
        def write(self, *_: Any, **__: Any) -> int | None:
            raise CredentialError("The vault is locked.", hint="Unlock it.")

    ours = town.process()
    await ours.register(URL)
    [old] = town.standing()
    old.url = ELSEWHERE
    town.vault.__class__ = Shut
    arrived = len(town.sandbox.arrivals)
    with pytest.raises(CredentialError):
        await ours.mend()
    assert [one.operation for one in list(town.sandbox.arrivals)[arrived:]] == ["get_webhook"]
    assert town.standing() == [old]


async def begin(town: Town, *, doubted: bool) -> tuple[Any, int]:
    """A webhook that is about to be replaced, and how many there were."""
    ours = town.process()
    await ours.register(URL, ["call.ended"])
    town.tell("w1", 1)
    await ours.mend()
    town.tell("w1", 2)
    [old] = town.standing()
    if doubted:
        old.url = ELSEWHERE
    return old, len(town.sandbox.world.webhooks)


@pytest.mark.parametrize("doubted", [True, False], ids=["replaced", "rotated"])
async def test_whoever_comes_after_a_process_that_was_killed_finishes_its_work(
    tmp_path: Path, registry: Registry, *, doubted: bool
) -> None:
    """Killed after every step."""
    finished = False
    steps = 0
    while not finished:
        steps += 1
        clock = Clock()
        home = tmp_path / str(steps)
        home.mkdir(mode=0o700)
        town = Town(home, sandbox_with(clock=clock, requests_per_minute=None), registry, clock)
        old, many = await begin(town, doubted=doubted)
        ours = town.process(Life(steps))
        try:
            await (ours.mend() if doubted else ours.rotate())
        except Killed:
            pass
        else:
            finished = True
        ours = town.process()
        if not doubted:
            await ours.rotate()
        for _ in range(3):
            await ours.mend()
            clock.pass_by(SETTLED)
        [new] = town.standing()
        assert len(town.sandbox.world.webhooks) == many, steps
        assert new.uuid != old.uuid
        [webhook] = town.log.webhooks.active()
        assert (webhook.aircall_id, webhook.url) == (new.uuid, new.url), steps
        assert town.log.webhooks.standing() == []
        assert town.vault.owners("webhook") == (f"webhook {webhook.name}",), steps
        assert town.tell("w1", 3) == [None]
        assert town.trusted() == {1: True, 2: not doubted}, steps
        await town.aclose()
    assert steps > 15


async def test_what_a_killed_registration_left_behind_is_deleted(
    tmp_path: Path, registry: Registry
) -> None:
    steps, finished = 0, False
    while not finished:
        steps += 1
        clock = Clock()
        home = tmp_path / str(steps)
        home.mkdir(mode=0o700)
        town = Town(home, sandbox_with(clock=clock, requests_per_minute=None), registry, clock)
        many = len(town.sandbox.world.webhooks)
        try:
            await town.process(Life(steps)).register(URL)
        except Killed:
            pass
        else:
            finished = True
        ours = town.process()
        await ours.mend()
        clock.pass_by(SETTLED + 1)
        await ours.mend()
        known = [webhook.aircall_id for webhook in town.log.webhooks.active()]
        assert [one.uuid for one in town.standing()] == known
        assert len(town.sandbox.world.webhooks) == many + len(known)
        await town.aclose()
    assert steps > 5


async def test_what_arrives_at_aircall_after_its_maker_died_is_deleted_too(town: Town) -> None:
    """The request was on its way; the webhook stands only after somebody has looked."""
    ours = town.process()
    await ours.register(URL)
    town.log.webhooks.reserve("late", "", f"{URL}/webhooks/aircall/late")
    for _ in range(2):  # for two minutes it may still come
        await ours.mend()
        town.clock.pass_by(SETTLED / 2)
    [one] = town.standing()
    late = town.sandbox.world.webhooks["late"] = type(one)(
        uuid="5b1f7c52-90ad-4c1e-8e6a-5d2c9f04b7a1", id=9, name="aircall-mcp", token="t",
        url=f"{URL}/webhooks/aircall/late", events=one.events, created=one.created,
        scheme=one.scheme,
    )  # fmt: skip
    del town.sandbox.world.webhooks["late"]
    town.sandbox.world.webhooks[late.uuid] = late
    town.clock.pass_by(WATCH)
    await ours.mend()
    assert town.standing() == [one]
    assert town.log.webhooks.standing() == []


async def test_rotating_renews_the_token_loses_nothing_and_doubts_nothing(
    town: Town, clock: Clock
) -> None:
    ours = town.process()
    await ours.register(URL, ["call.ended"])
    await ours.register(URL)
    old = {one.url.rpartition("/")[2]: one for one in town.standing()}
    town.tell("w1", 1)
    [renewed] = await ours.rotate("w1")
    assert (renewed.state, renewed.webhook.name, renewed.webhook.succeeds) == ("active", "w3", "w1")
    new = {one.url.rpartition("/")[2]: one for one in town.standing()}
    assert set(new) == {"w2", "w3"}
    assert new["w3"].token != old["w1"].token
    assert new["w3"].events == ["call.ended"]
    assert town.trusted() == {1: True}
    assert await ours.doubts() == []
    assert [one.webhook.succeeds for one in await ours.rotate()] == ["w2", "w3"]
    with pytest.raises(ArgumentError):
        await ours.rotate("w1")


async def test_both_are_taken_in_while_one_takes_the_place_of_the_other_and_kept_once(
    town: Town,
) -> None:
    import httpx2

    ours = town.process()
    await ours.register(URL)
    [old] = town.standing()
    statuses: list[int] = []
    path = "/webhooks/aircall/"

    async with Receiver(town.log, clock=town.clock.handed()) as receiver:
        posts = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=receiver), base_url="http://here"
        )

        async def aircall(scope: Any, receive: Any, send: Any) -> None:
            if scope["method"] == "DELETE":
                town.clock.pass_by(1)  # both stand, and each of them is told
                for one in town.standing():
                    name = one.url.rpartition("/")[2]
                    body = envelope(told("call.ended", 7, webhook=name), one.token)
                    answer = await posts.post(path + name, content=body)
                    statuses.append(answer.status_code)
            await town.sandbox(scope, receive, send)

        gateway = gateway_to(aircall)
        rotating = Subscriptions(
            town.log, town.vault, gateway, town.registry.ids, mailbox=lambda: mailbox().public,
            clock=town.clock.handed(), name=lambda: "new",
        )  # fmt: skip
        await rotating.rotate()
        body = envelope(told("call.ended", 8, webhook="w1"), old.token)
        assert (await posts.post(f"{path}w1", content=body)).status_code == 401
        await posts.aclose()
        await gateway.aclose()
    assert statuses == [200, 200]
    assert [(event.data["id"], event.trusted) for event in town.log.read(Query())] == [(7, True)]


async def test_one_that_was_deleted_is_told_of_and_made_anew_only_by_a_person(town: Town) -> None:
    ours = town.process()
    await ours.register(URL, ["call.ended"])
    [old] = town.standing()
    del town.sandbox.world.webhooks[old.uuid]
    town.tell("w1", 1)
    for _ in range(2):
        assert await ours.mend() == []
    assert town.standing() == []
    [found] = await ours.status()
    assert found.state == "missing"
    assert "webhooks rotate w1" in found.next
    assert "webhooks remove w1" in found.next
    town.tell("w1", 2)
    [renewed] = await ours.rotate("w1")
    assert (renewed.state, renewed.kinds) == ("active", ("call.ended",))
    assert town.trusted() == {1: False, 2: False}  # whoever deleted it could have changed it before
    assert town.tell("w1", 3) == [None]


async def test_a_number_that_calls_back_elsewhere_is_told_of_and_taken_back_only_by_a_person(
    town: Town,
) -> None:
    ours = town.process()
    [number] = [n for n in town.sandbox.world.numbers.values() if n.country == "FR"]
    await ours.register_line(URL, number.id)
    number.configurations["sms"].callback_url = ELSEWHERE
    town.tell("w1", 1)
    assert await ours.mend() == []
    assert number.configurations["sms"].callback_url == ELSEWHERE
    [found] = await ours.status()
    assert (found.state, found.next.split(",")[0]) == ("changed", "aircall-mcp webhooks rotate w1")
    assert town.trusted() == {1: False}
    await ours.rotate()
    assert number.configurations["sms"].callback_url == f"{URL}/webhooks/aircall/w2"
    assert [one.state for one in await ours.status()] == ["active"]
    number.configurations["sms"].callback_url = ELSEWHERE
    assert await ours.remove() == ["w2"]
    assert number.configurations["sms"].callback_url == ELSEWHERE  # that one is not ours


async def test_one_process_at_a_time_changes_a_webhook(town: Town) -> None:
    from aircall_mcp.errors import StoreError

    await town.process().register(URL)
    [old] = town.standing()
    old.url = ELSEWHERE
    gateway = gateway_to(town.sandbox)
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    ours = Subscriptions(
        town.log, town.vault, gateway, town.registry.ids, mailbox=lambda: mailbox().public,
        latch=Lock(town.home / "webhooks.lock"), clock=town.clock.handed(pause),
    )  # fmt: skip
    with Lock(town.home / "webhooks.lock").held(), pytest.raises(StoreError):
        await ours.mend()
    assert sum(waited) > 30
    assert town.standing() == [old]
    await ours.mend()
    assert town.standing() != [old]
    nobody = Lock(town.home / "webhooks.lock")
    assert nobody.take()  # whoever is done with it lets the next one in
    nobody.release()
    await gateway.aclose()


async def test_what_comes_in_while_somebody_looks_is_trusted_only_after_the_next_look(
    town: Town,
) -> None:
    """Aircall says that it is unchanged; it is changed then, and somebody writes with its token
    before the answer is noted."""
    await town.process().register(URL)
    [old] = town.standing()
    town.tell("w1", 1)

    async def aircall(scope: Any, receive: Any, send: Any) -> None:
        await town.sandbox(scope, receive, send)
        if scope["method"] == "GET" and old.url != ELSEWHERE:
            old.url = ELSEWHERE
            town.tell("w1", 2)

    gateway = gateway_to(aircall)
    ours = Subscriptions(
        town.log, town.vault, gateway, town.registry.ids, mailbox=lambda: mailbox().public,
        clock=town.clock.handed(), name=lambda: "new",
    )  # fmt: skip
    assert await ours.mend() == []
    [found] = await ours.mend()
    assert found.done == "replaced"
    assert town.trusted() == {1: True, 2: False}
    await gateway.aclose()


def test_a_home_of_the_old_schema_keeps_its_doors_and_doubts_from_where_it_must(
    home: Path, clock: Clock
) -> None:
    """Nobody had noted when it was last seen: all that came in by it is in doubt."""
    old = Database(home / "events.db", MIGRATIONS[:2], durability="vault")
    insert = """INSERT INTO door (webhook, account, aircall_id, digest, url, kinds, opened, shut)
                VALUES (:name, '', :id, :digest, 'https://h', '[]', 100.0, :shut)"""
    old.write(lambda tx: tx.run(insert, name="a", id="u", digest=b"d" * 32, shut=0))
    old.write(lambda tx: tx.run(insert, name="b", id="v", digest=b"", shut=1))
    old.write(lambda tx: tx.run("INSERT INTO mailbox VALUES (1, :public)", public=mailbox().public))
    old.close()
    log = EventLog(
        Database(home / "events.db", MIGRATIONS, durability="vault"),
        sealer=Sealer, mailbox=mailbox, clock=clock.handed(),
    )  # fmt: skip
    [webhook] = log.webhooks.active()
    assert (webhook.name, webhook.digest) == ("a", b"d" * 32)
    assert (webhook.doubted, webhook.family) == (False, "")
    assert log.webhooks.standing() == []
    log.append([told("call.ended", 1, webhook="a"), told("call.ended", 2, webhook="b")])
    assert [event.data["id"] for event in log.read(Query())] == [1]
    log.webhooks.doubt("a")
    assert [event.trusted for event in log.read(Query())] == [False]
    [doubt] = log.webhooks.doubts()
    assert (doubt.since, doubt.until, doubt.events) == (100.0, None, 1)
    log.close()
    with sqlite3.connect(home / "events.db") as connection:
        assert connection.execute("SELECT MAX(number) FROM migration").fetchone() == (3,)
    connection.close()


def test_an_event_that_is_trusted_says_nothing_of_it(home: Path, clock: Clock) -> None:
    log = log_in(home, clock)
    log.append([call("ended", 1)])
    [event] = log.read(Query())
    assert event.mark == {}
    log.webhooks.doubt("front-door")
    [event] = log.read(Query())
    assert event.mark == {"trusted": False}
    log.close()
