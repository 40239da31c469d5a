"""An Aircall that shows a webhook otherwise than it was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from aircall_mcp.errors import OutcomeUnknown
from aircall_mcp.events.registrations import NotAsAsked
from aircall_mcp.events.replacements import DAY, MOST
from aircall_mcp.events.subscriptions import WATCH

from ..harness import App, Clock
from .deployment import ELSEWHERE, URL, Deployment, made

pytestmark = pytest.mark.anyio


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
    deployment: Deployment, clock: Clock, spell: Callable[[str], str], method: str
) -> None:
    def change(webhook: dict[str, Any]) -> None:
        webhook["url"] = spell(webhook["url"])

    deployment.app = telling(deployment.sandbox, method, change)
    ours = deployment.process()
    found = await ours.register(URL, ["call.ended"])
    assert (found.state, found.fault) == ("active", "")
    for _ in range(3):
        clock.pass_by(WATCH)
        assert await ours.mend() == []
    assert made(deployment) == 1
    assert await ours.untrusted() == []
    [one] = deployment.standing()
    one.url = ELSEWHERE
    await ours.mend()
    [successor] = deployment.standing()
    assert (
        successor.url == f"{URL}/webhooks/aircall/w2"
    )  # of what was asked for, not of what was shown


async def test_events_that_were_otherwise_from_the_start_are_told_of_and_not_taken_for_a_change(
    deployment: Deployment, clock: Clock
) -> None:
    deployment.app = telling(
        deployment.sandbox, "GET", lambda one: one["events"].append("call.archived")
    )
    ours = deployment.process()
    found = await ours.register(URL, ["call.ended"])
    for _ in range(3):
        assert found.state == "active"
        assert "other events than were asked for from the start" in found.fault
        clock.pass_by(WATCH)
        assert await ours.mend() == []
        [found] = await ours.status()
    assert made(deployment) == 1
    assert await ours.untrusted() == []
    [one] = deployment.standing()
    one.events = ["contact.created"]
    [found] = await ours.mend()
    assert (found.done, made(deployment)) == ("replaced", 2)


async def test_one_webhook_is_replaced_three_times_a_day_and_then_a_person_is_asked(
    deployment: Deployment, clock: Clock
) -> None:
    """Each that takes its place is found to lead elsewhere, from the start."""
    deployment.app = telling(deployment.sandbox, "GET", lambda one: one.update(url=ELSEWHERE))
    ours = deployment.process()
    found = await ours.register(URL)
    assert (found.state, found.fault) == (
        "changed", "it leads elsewhere and did so when it was first looked at",
    )  # fmt: skip
    for _ in range(10):
        clock.pass_by(WATCH)
        await ours.mend()
    assert made(deployment) == 1 + MOST
    assert len(deployment.standing()) == 1
    [found] = await deployment.process().status()  # by whichever process
    assert found.webhook.name == "w4"
    assert f"replaced {MOST} times within a day, so not before 20" in found.fault
    assert found.next == "aircall-mcp webhooks rotate w4"
    assert deployment.tell("w4", 1) == [True]
    assert deployment.trusted() == {1: False}
    clock.pass_by(DAY)
    await ours.mend()
    assert made(deployment) == 2 + MOST
    await ours.rotate()  # a person may, at any time
    await ours.rotate()
    assert made(deployment) == 4 + MOST


async def test_a_webhook_that_was_made_for_another_address_is_deleted_again_and_never_kept(
    deployment: Deployment,
) -> None:
    many = len(deployment.sandbox.world.webhooks)
    deployment.app = telling(deployment.sandbox, "POST", lambda one: one.update(url=ELSEWHERE))
    ours = deployment.process()
    with pytest.raises(NotAsAsked, match="another address"):
        await ours.register(URL)
    assert len(deployment.sandbox.world.webhooks) == many
    assert deployment.log.webhooks.active() == deployment.log.webhooks.standing() == []
    assert deployment.vault.owners("webhook") == ()


async def test_one_that_cannot_be_deleted_again_is_deleted_by_whoever_looks_next(
    deployment: Deployment,
) -> None:
    many = len(deployment.sandbox.world.webhooks)
    honest = deployment.app

    def elsewhere(webhook: dict[str, Any]) -> None:
        webhook["url"] = deployment.sandbox.world.webhooks[webhook["webhook_id"]].url = ELSEWHERE

    lying = telling(deployment.sandbox, "POST", elsewhere)

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "DELETE":
            raise httpx2.ConnectError("gone")
        await lying(scope, receive, send)

    deployment.app = failing
    with pytest.raises(OutcomeUnknown, match="could not be deleted"):
        await deployment.process().register(URL)
    assert len(deployment.sandbox.world.webhooks) == many + 1
    deployment.app = honest
    await deployment.process().mend()
    assert len(deployment.sandbox.world.webhooks) == many
    assert deployment.log.webhooks.active() == []
