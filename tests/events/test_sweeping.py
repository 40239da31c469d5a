"""What is left standing at Aircall is deleted: each by itself, again and again, and only ours."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from aircall_mcp.errors import AircallMCPError
from aircall_mcp.events.subscriptions import SETTLED, Subscriptions
from aircall_mcp.events.webhooks import Webhook, Webhooks

from ..harness import gateway_to
from .deployment import URL, Deployment

pytestmark = pytest.mark.anyio


async def left_standing(deployment: Deployment, *accounts: str) -> list[str]:
    """A webhook for each of `accounts` that is shut here and stands there still; their UUIDs."""
    ours = deployment.process()
    names: list[str] = []
    for number, account in enumerate(accounts):
        made = await ours.register(f"https://{number}.example.com", [f"call.{KINDS[number]}"])
        name = made.webhook.name
        deployment.log.webhooks.shut(name, standing=True)
        deployment.log._store.write(  # pyright: ignore[reportPrivateUsage]
            lambda tx, name=name, account=account: tx.run(
                "UPDATE door SET account = :account WHERE webhook = :name",
                account=account, name=name,
            )
        )  # fmt: skip
        names.append(made.webhook.aircall_id)
    return names


KINDS = ("created", "ended", "hungup")


class Stubborn:
    """An Aircall that refuses to delete one webhook, as long as it says so."""

    def __init__(self, deployment: Deployment, uuid: str) -> None:
        self.deployment, self.uuid, self.refuses = deployment, uuid, True
        self.deleted: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "DELETE":
            uuid = scope["path"].rpartition("/")[2]
            self.deleted.append(uuid)
            if uuid == self.uuid and self.refuses:
                await send({"type": "http.response.start", "status": 403,
                            "headers": [(b"content-type", b"application/json")]})  # fmt: skip
                await send({"type": "http.response.body", "body": b'{"error": "Forbidden"}'})
                return
        await self.deployment.sandbox(scope, receive, send)


async def test_the_fault_of_one_keeps_neither_the_next_one_nor_the_next_round_from_coming(
    deployment: Deployment,
) -> None:
    first, second, third = await left_standing(deployment, "", "", "")
    there = Stubborn(deployment, first)
    gateway = gateway_to(there)
    ours = deployment.subscriptions(gateway)
    with pytest.raises(AircallMCPError):
        await ours.mend()  # tells of it when the others are done
    assert there.deleted == [first, second, third]
    assert [one.uuid for one in deployment.standing()] == [first]
    assert [one.aircall_id for one in deployment.log.webhooks.standing()] == [first]
    there.refuses = False
    assert await ours.mend() == []
    assert there.deleted[3:] == [first]
    assert deployment.standing() == []
    assert deployment.log.webhooks.standing() == []
    await gateway.aclose()


async def test_the_watchdog_goes_on_after_it_and_says_so(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = await left_standing(deployment, "", "")
    there = Stubborn(deployment, first)
    gateway = gateway_to(there)
    rounds = 0

    async def pause(_seconds: float) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            there.refuses = False
        if rounds == 3:
            raise asyncio.CancelledError

    ours = deployment.subscriptions(gateway, clock=deployment.clock.handed(pause))
    with pytest.raises(asyncio.CancelledError):
        await ours.watch()
    assert there.deleted == [first, second, first, first]
    assert deployment.standing() == []
    assert [record.levelname for record in caplog.records if "w1" in record.message] == [
        "WARNING", "WARNING"]  # fmt: skip
    await gateway.aclose()


async def test_what_another_account_left_standing_is_never_swept(deployment: Deployment) -> None:
    theirs, ours = await left_standing(deployment, "lyon", "tests")
    there = Stubborn(deployment, "")
    gateway = gateway_to(there)

    def of(account: str) -> Subscriptions:
        return deployment.subscriptions(gateway, account=account)

    assert await of("rome").mend() == []
    assert there.deleted == []
    assert await of("tests").mend() == []
    assert there.deleted == [ours]
    assert [one.uuid for one in deployment.standing()] == [theirs]
    assert [one.account for one in deployment.log.webhooks.standing()] == ["lyon"]
    await gateway.aclose()


class Garbled:
    """An Aircall that answers nonsense where webhooks are listed, or where one is looked at."""

    def __init__(self, deployment: Deployment, body: Any) -> None:
        self.deployment, self.body, self.asked = deployment, body, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET" and scope["path"].startswith("/v1/webhooks"):
            self.asked += 1
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": json.dumps(self.body).encode()})
            return
        await self.deployment.sandbox(scope, receive, send)


ROWS: list[Any] = [
    None,
    7,
    "w",
    [],
    {},
    {"url": 7},
    {"webhook_id": None, "url": [URL]},
    {"url": URL},
]


@pytest.mark.parametrize("body", [None, [], 7, {}, {"webhooks": None}, {"webhooks": {"a": 1}},
                                  {"webhooks": ROWS}, {"webhooks": [7] * 50}])  # fmt: skip
async def test_what_was_left_unfinished_is_swept_whatever_is_listed_beside_it(
    deployment: Deployment, body: Any
) -> None:
    """A full page of nonsense is followed by another, and that by none: it ends."""
    deployment.process()
    deployment.log.webhooks.reserve("half", "", f"{URL}/webhooks/aircall/half")
    deployment.clock.pass_by(SETTLED + 1)
    there = Garbled(deployment, body)

    async def ends(scope: Any, receive: Any, send: Any) -> None:
        if there.asked == 3:
            there.body = {"webhooks": []}
        await there(scope, receive, send)

    gateway = gateway_to(ends)
    assert await deployment.subscriptions(gateway).mend() == []
    assert there.asked >= 1
    assert deployment.log.webhooks.standing() == []
    await gateway.aclose()


@pytest.mark.parametrize("events", ["call.ended", 7, {"a": 1}, None, [None, 7, ["call.ended"]]])
async def test_kinds_that_are_no_list_are_a_change_and_no_fault_of_ours(
    deployment: Deployment, events: Any
) -> None:
    ours = deployment.process()
    made = await ours.register(URL, ["call.ended"])
    there = Garbled(deployment, {"webhook": {"webhook_id": made.webhook.aircall_id, "active": True,
                                       "url": made.webhook.url, "events": events}})  # fmt: skip
    gateway = gateway_to(there)
    [found] = await deployment.subscriptions(gateway).status()
    assert found.state == "changed"
    await gateway.aclose()


class Faulty(Webhooks):
    """A log in which something is wrong that nobody has thought of."""

    faults = 2

    def active(self) -> list[Webhook]:
        Faulty.faults -= 1
        if Faulty.faults >= 0:
            raise LookupError("secret-path")
        return super().active()


async def test_a_fault_of_ours_does_not_end_the_watch(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    ours = deployment.process()
    await ours.register(URL)
    deployment.standing()[0].active = False
    rounds = 0

    async def pause(_seconds: float) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            raise asyncio.CancelledError

    Faulty.faults = 2
    deployment.log.webhooks.__class__ = Faulty
    gateway = gateway_to(deployment.sandbox)
    with pytest.raises(asyncio.CancelledError):
        await deployment.subscriptions(gateway, clock=deployment.clock.handed(pause)).watch()
    assert deployment.standing()[0].active
    assert caplog.text.count("LookupError") == 2
    assert "secret-path" not in caplog.text
    await gateway.aclose()
