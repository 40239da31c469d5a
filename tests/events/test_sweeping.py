"""What is left standing at Aircall is deleted: each by itself, again and again, and only ours."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aircall_mcp.errors import AircallMCPError
from aircall_mcp.events.subscriptions import Subscriptions

from ..house import gateway_to
from .town import Town

pytestmark = pytest.mark.anyio


async def left_standing(town: Town, *accounts: str) -> list[str]:
    """A webhook for each of `accounts` that is shut here and stands there still; their UUIDs."""
    ours = town.process()
    names: list[str] = []
    for number, account in enumerate(accounts):
        made = await ours.register(f"https://{number}.example.com", [f"call.{KINDS[number]}"])
        name = made.webhook.name
        town.log.webhooks.shut(name, standing=True)
        town.log._store.write(  # pyright: ignore[reportPrivateUsage]
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

    def __init__(self, town: Town, uuid: str) -> None:
        self.town, self.uuid, self.refuses = town, uuid, True
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
        await self.town.sandbox(scope, receive, send)


async def test_the_fault_of_one_keeps_neither_the_next_one_nor_the_next_round_from_coming(
    town: Town,
) -> None:
    first, second, third = await left_standing(town, "", "", "")
    there = Stubborn(town, first)
    gateway = gateway_to(there)
    ours = town.subscriptions(gateway)
    with pytest.raises(AircallMCPError):
        await ours.mend()  # tells of it when the others are done
    assert there.deleted == [first, second, third]
    assert [one.uuid for one in town.standing()] == [first]
    assert [one.aircall_id for one in town.log.webhooks.standing()] == [first]
    there.refuses = False
    assert await ours.mend() == []
    assert there.deleted[3:] == [first]
    assert town.standing() == []
    assert town.log.webhooks.standing() == []
    await gateway.aclose()


async def test_the_watchdog_goes_on_after_it_and_says_so(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = await left_standing(town, "", "")
    there = Stubborn(town, first)
    gateway = gateway_to(there)
    rounds = 0

    async def pause(_seconds: float) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            there.refuses = False
        if rounds == 3:
            raise asyncio.CancelledError

    ours = town.subscriptions(gateway, clock=town.clock.handed(pause))
    with pytest.raises(asyncio.CancelledError):
        await ours.watch()
    assert there.deleted == [first, second, first, first]
    assert town.standing() == []
    assert [record.levelname for record in caplog.records if "w1" in record.message] == [
        "WARNING", "WARNING"]  # fmt: skip
    await gateway.aclose()


async def test_what_another_account_left_standing_is_never_swept(town: Town) -> None:
    theirs, ours = await left_standing(town, "lyon", "tests")
    there = Stubborn(town, "")
    gateway = gateway_to(there)

    def of(account: str) -> Subscriptions:
        return town.subscriptions(gateway, account=account)

    assert await of("rome").mend() == []
    assert there.deleted == []
    assert await of("tests").mend() == []
    assert there.deleted == [ours]
    assert [one.uuid for one in town.standing()] == [theirs]
    assert [one.account for one in town.log.webhooks.standing()] == ["lyon"]
    await gateway.aclose()
