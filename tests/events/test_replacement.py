"""A webhook that somebody changed at Aircall: replaced, its token refused, its events untrusted."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aircall_mcp.errors import CredentialError, Refused, StoreError
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.query import Query
from aircall_mcp.events.receiver import Receiver
from aircall_mcp.events.subscriptions import WATCH
from aircall_mcp.events.tables import MIGRATIONS
from aircall_mcp.storage.lock import Lock
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.vault.mailbox import Sealer

from ..harness import Clock, gateway_to
from ..mail import call, envelope, log_in, mailbox, told
from .deployment import ELSEWHERE, URL, Deployment, DyingVault

pytestmark = pytest.mark.anyio


CHANGES: dict[str, dict[str, Any]] = {
    "address": {"url": ELSEWHERE},
    "fewer events": {"events": ["call.ended"]},
    "other events": {"events": ["user.opened"]},
    "more events": {"events": ["call.ended", "message.received", "contact.created"]},
    "address, and disabled": {"url": ELSEWHERE, "active": False},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_somebody_changed_is_replaced_and_what_came_in_between_is_not_trusted(
    deployment: Deployment, clock: Clock, change: dict[str, Any]
) -> None:
    ours = deployment.process()
    await ours.register(URL, ["call.ended", "message.received"])
    [old] = deployment.standing()
    token = old.token
    deployment.tell("w1", 1)
    clock.pass_by(WATCH)
    assert await ours.mend() == []
    seen = clock.now
    deployment.tell("w1", 2)
    for name, value in change.items():
        setattr(old, name, value)
    clock.pass_by(100)
    deployment.tell("w1", 3)
    assert deployment.trusted() == {1: True, 2: True, 3: True}
    [found] = await ours.mend()
    assert (found.done, found.state, found.webhook.name) == ("replaced", "active", "w2")
    [new] = deployment.standing()
    assert new.uuid != old.uuid
    assert new.token != token
    assert new.url == f"{URL}/webhooks/aircall/w2"
    assert set(new.events) == {"call.ended", "message.received"}
    assert deployment.tell("w1", 4) == [None]
    deployment.tell("w2", 5)
    assert deployment.trusted() == {1: True, 2: False, 3: False, 5: True}
    assert deployment.vault.read("webhook w1", "webhook") is None
    [lost] = await ours.untrusted()
    assert (lost.webhook, lost.replaced_by, lost.events) == ("w1", "w2", 2)
    assert (lost.since, lost.until) == (seen, clock.now)
    assert await ours.mend() == []


async def test_the_new_one_stands_before_the_old_token_is_refused_and_that_before_the_old_is_gone(
    deployment: Deployment,
) -> None:
    """Nothing is lost in between, and nothing more is believed."""
    await deployment.process().register(URL)
    [old] = deployment.standing()
    old.url = ELSEWHERE
    taken: list[tuple[str, list[str]]] = []

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        await deployment.sandbox(scope, receive, send)
        taken.append(
            (scope["method"], [webhook.name for webhook in deployment.log.webhooks.active()])
        )

    deployment.process()
    gateway = gateway_to(asked)
    ours = deployment.subscriptions(gateway)
    await ours.mend()
    await gateway.aclose()
    assert taken == [("GET", ["w1"]), ("POST", ["w1"]), ("DELETE", ["new"]), ("GET", ["new"])]


async def test_a_token_that_is_out_is_refused_by_a_receiver_that_knew_it(
    deployment: Deployment,
) -> None:
    ours = deployment.process()
    await ours.register(URL)
    [old] = deployment.standing()
    body = envelope(told("call.ended", 7, webhook="w1"), old.token)
    again = envelope(told("call.ended", 8, webhook="w1"), old.token)
    async with Receiver(deployment.log, clock=deployment.clock.handed()) as receiver:
        transport = httpx2.ASGITransport(app=receiver)
        async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
            path = "/webhooks/aircall/w1"
            assert (await client.post(path, content=body)).status_code == 200
            old.url = ELSEWHERE
            await ours.mend()
            assert (await client.post(path, content=again)).status_code == 401
            assert (await client.post(path, content=again)).status_code == 401
            [new] = deployment.standing()
            new_one = envelope(told("call.ended", 9, webhook="w2"), new.token)
            deployment.clock.pass_by(1)
            answer = await client.post("/webhooks/aircall/w2", content=new_one)
            assert answer.status_code == 200
    assert deployment.trusted() == {7: False, 9: True}


async def test_one_that_asked_for_all_events_may_be_told_of_more_and_not_of_fewer(
    deployment: Deployment,
) -> None:
    ours = deployment.process()
    await ours.register(URL)
    [webhook] = deployment.standing()
    webhook.events = [*webhook.events, "moon.landed"]
    assert await ours.mend() == []
    webhook.events = webhook.events[:-1]
    [found] = await ours.mend()
    assert found.done == "replaced"


async def test_changed_back_before_anybody_replaced_it_its_token_is_out_all_the_same(
    deployment: Deployment,
) -> None:
    ours = deployment.process()
    await ours.register(URL)
    [webhook] = deployment.standing()
    address, webhook.url = webhook.url, ELSEWHERE
    [found] = await ours.status()  # sees it, and changes nothing
    assert found.state == "changed"
    assert len(deployment.standing()) == 1
    deployment.tell("w1", 1)
    webhook.url = address
    await ours.mend()
    assert [webhook.name for webhook in deployment.log.webhooks.active()] == ["w2"]
    assert deployment.trusted() == {1: False}


async def test_a_webhook_that_aircall_refuses_to_replace_is_untrusted_and_tried_again(
    deployment: Deployment,
) -> None:
    ours = deployment.process()
    await ours.register(URL)
    [old] = deployment.standing()
    world = deployment.sandbox.world
    others = {f"{number}": old for number in range(100)}
    world.webhooks.update(others)
    old.url = ELSEWHERE
    for identity in range(3):
        with pytest.raises(Refused):
            await ours.mend()
        deployment.tell("w1", identity)
    assert deployment.trusted() == {0: False, 1: False, 2: False}
    assert deployment.log.webhooks.standing() == []
    for name in others:
        del world.webhooks[name]
    [found] = await ours.mend()
    assert found.done == "replaced"


async def test_nothing_is_made_at_aircall_whose_token_could_not_be_kept(
    deployment: Deployment,
) -> None:
    class Shut(DyingVault):
        def write(self, *_: Any, **__: Any) -> int | None:
            raise CredentialError("The vault is locked.", hint="Unlock it.")

    ours = deployment.process()
    await ours.register(URL)
    [old] = deployment.standing()
    old.url = ELSEWHERE
    deployment.vault.__class__ = Shut
    arrived = len(deployment.sandbox.arrivals)
    with pytest.raises(CredentialError):
        await ours.mend()
    assert [one.operation for one in list(deployment.sandbox.arrivals)[arrived:]] == ["get_webhook"]
    assert deployment.standing() == [old]


async def test_one_process_at_a_time_changes_a_webhook(deployment: Deployment) -> None:
    await deployment.process().register(URL)
    [old] = deployment.standing()
    old.url = ELSEWHERE
    gateway = gateway_to(deployment.sandbox)
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    latch = Lock(deployment.home / "webhooks.lock")
    ours = deployment.subscriptions(gateway, latch=latch, clock=deployment.clock.handed(pause))
    with Lock(deployment.home / "webhooks.lock").held(), pytest.raises(StoreError):
        await ours.mend()
    assert sum(waited) > 30
    assert deployment.standing() == [old]
    await ours.mend()
    assert deployment.standing() != [old]
    nobody = Lock(deployment.home / "webhooks.lock")
    assert nobody.take()  # whoever is done with it lets the next one in
    nobody.release()
    await gateway.aclose()


async def test_what_comes_in_while_somebody_looks_is_trusted_only_after_the_next_look(
    deployment: Deployment,
) -> None:
    """Aircall says that it is unchanged; it is changed then, and somebody writes with its token
    before the answer is noted."""
    await deployment.process().register(URL)
    [old] = deployment.standing()
    deployment.tell("w1", 1)

    async def aircall(scope: Any, receive: Any, send: Any) -> None:
        await deployment.sandbox(scope, receive, send)
        if scope["method"] == "GET" and old.url != ELSEWHERE:
            old.url = ELSEWHERE
            deployment.tell("w1", 2)

    gateway = gateway_to(aircall)
    ours = deployment.subscriptions(gateway)
    assert await ours.mend() == []
    [found] = await ours.mend()
    assert found.done == "replaced"
    assert deployment.trusted() == {1: True, 2: False}
    await gateway.aclose()


def test_a_home_of_the_old_schema_keeps_its_webhooks_and_distrusts_from_where_it_must(
    home: Path, clock: Clock
) -> None:
    """Nobody had noted when it was last seen: all that came in by it is in lost."""
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
    assert (webhook.untrusted, webhook.family) == (False, "")
    assert log.webhooks.standing() == []
    log.append([told("call.ended", 1, webhook="a"), told("call.ended", 2, webhook="b")])
    assert [event.data["id"] for event in log.read(Query())] == [1]
    log.webhooks.distrust("a")
    assert [event.trusted for event in log.read(Query())] == [False]
    [lost] = log.webhooks.untrusted()
    assert (lost.since, lost.until, lost.events) == (100.0, None, 1)
    log.close()
    with sqlite3.connect(home / "events.db") as connection:
        newest = connection.execute("SELECT MAX(number) FROM migration").fetchone()
    assert newest == (len(MIGRATIONS),)
    connection.close()


def test_an_event_that_is_trusted_says_nothing_of_it(home: Path, clock: Clock) -> None:
    log = log_in(home, clock)
    log.append([call("ended", 1)])
    [event] = log.read(Query())
    assert event.mark == {}
    log.webhooks.distrust("front-door")
    [event] = log.read(Query())
    assert event.mark == {"trusted": False}
    log.close()
