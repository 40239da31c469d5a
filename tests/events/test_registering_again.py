"""Who registers again has one webhook, or is told what else is active."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.events.query import Query
from aircall_mcp.events.receiver import webhook_for
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox

from ..harness import Clock, gateway_to
from .deployment import ELSEWHERE, URL, Countdown, Deployment, Killed

pytestmark = pytest.mark.anyio


def names(deployment: Deployment) -> list[str]:
    return [webhook.name for webhook in deployment.log.webhooks.active()]


@pytest.mark.parametrize("again", [URL, "https://another.example.com"])
async def test_the_new_one_takes_the_place_of_the_earlier_one(
    deployment: Deployment, again: str
) -> None:
    ours = deployment.process()
    first = await ours.register(URL, ["call.ended"])
    assert (first.replaces, first.beside) == ((), ())
    deployment.tell("w1", 1)
    second = await ours.register(again, ["call.ended", "message.received"])
    assert (second.state, second.replaces, second.beside) == ("active", ("w1",), ())
    [there] = deployment.standing()
    assert there.url == f"{again}/webhooks/aircall/w2"
    assert names(deployment) == ["w2"]
    assert deployment.vault.read("webhook w1", "webhook") is None
    assert deployment.tell("w2", 1, 2) == [False, True]  # what both told is kept once
    assert deployment.trusted() == {1: True, 2: True}
    assert await ours.untrusted() == []


async def test_the_new_one_stands_before_the_earlier_one_is_gone(deployment: Deployment) -> None:
    await deployment.process().register(URL)
    seen: list[tuple[str, int]] = []

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        await deployment.sandbox(scope, receive, send)
        seen.append((scope["method"], len(deployment.standing())))

    gateway = gateway_to(asked)
    await deployment.subscriptions(gateway).register(URL)
    await gateway.aclose()
    assert seen == [("GET", 1), ("POST", 2), ("DELETE", 1), ("GET", 1)]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [(["call.ended"], ["message.received"]), ([], ["call.ended"]),
     (["call.ended", "message.received"], ["call.ended"])],
)  # fmt: skip
async def test_one_that_tells_of_something_else_stays_and_is_named(
    deployment: Deployment, earlier: list[str], later: list[str]
) -> None:
    ours = deployment.process()
    await ours.register(URL, earlier)
    second = await ours.register(URL, later)
    assert second.replaces == ()
    assert [(one.name, list(one.kinds)) for one in second.beside] == [("w1", earlier)]
    assert len(deployment.standing()) == 2
    third = await ours.register(URL)  # all there is
    assert (third.replaces, third.beside) == (("w1", "w2"), ())
    assert [one.url.rpartition("/")[2] for one in deployment.standing()] == ["w3"]


async def test_what_somebody_changed_is_untrusted_before_it_is_replaced(
    deployment: Deployment,
) -> None:
    ours = deployment.process()
    await ours.register(URL)
    deployment.tell("w1", 1)
    await ours.status()
    deployment.standing()[0].url = ELSEWHERE
    deployment.tell("w1", 2)
    second = await ours.register(URL)
    assert second.replaces == ("w1",)
    assert deployment.trusted() == {1: True, 2: False}
    assert deployment.tell("w2", 2) == [True]  # and hides nothing that the new one tells
    said = [(event.data["id"], event.trusted) for event in deployment.log.read(Query())]
    assert said == [(2, True), (2, False), (1, True)]


async def test_what_is_gone_at_aircall_is_replaced_too(deployment: Deployment) -> None:
    ours = deployment.process()
    await ours.register(URL)
    deployment.sandbox.world.webhooks.pop(deployment.standing()[0].uuid)
    assert (await ours.register(URL)).replaces == ("w1",)
    assert names(deployment) == ["w2"]


async def test_those_of_another_account_and_of_numbers_are_left_alone(
    deployment: Deployment,
) -> None:
    ours = deployment.process()
    deployment.log.webhooks.open(
        webhook_for("theirs", b"t", account="lyon", aircall_id="u", url=f"{URL}/t", kinds=(), now=0)
    )
    deployment.log.webhooks.open(
        webhook_for("line", b"t", account="", aircall_id="number 3", url=f"{URL}/l", kinds=(),
                    now=0)
    )  # fmt: skip
    await ours.register(URL)
    second = await ours.register(URL)
    assert (second.replaces, second.beside) == (("w1",), ())
    assert names(deployment) == ["line", "theirs", "w2"]
    assert not any("number" in arrival.path for arrival in deployment.sandbox.arrivals)


async def test_a_number_that_calls_back_already_is_registered_anew(deployment: Deployment) -> None:
    ours = deployment.process()
    number = next(iter(deployment.sandbox.world.numbers.values()))
    number.configurations.clear()
    first = await ours.register_number(URL, number.id)
    second = await ours.register_number("https://another.example.com", number.id)
    assert (first.name, second.name, second.succeeds) == ("w1", "w2", "w1")
    [configuration] = number.configurations.values()
    assert configuration.callback_url == second.url
    assert names(deployment) == ["w2"]


async def test_whenever_it_is_killed_one_webhook_remains_and_all_is_taken_in(
    home: Path, registry: Registry, sandbox: Sandbox
) -> None:
    """At each step, until one process lives long enough."""
    steps = 0
    while True:
        steps += 1
        clock = Clock()
        deployment = Deployment(home / str(steps), sandbox, registry, clock)
        for uuid in [one.uuid for one in deployment.standing()]:
            sandbox.world.webhooks.pop(uuid)
        await deployment.process().register(URL, ["call.ended"])
        try:
            await deployment.process(Countdown(steps)).register(URL, ["call.ended"])
        except Killed:
            ended = False
        else:
            ended = True
        open_before = set(names(deployment))
        assert {"w1", "w2"} & open_before  # never without one
        clock.pass_by(3600)
        after = deployment.process()
        await after.mend()
        await after.register(URL, ["call.ended"])
        clock.pass_by(3600)
        await after.mend()
        assert len(deployment.standing()) == len(names(deployment)) == 1
        await deployment.aclose()
        if ended:
            break
    assert steps > 8


async def test_a_third_generation_is_of_one_family_with_the_first(deployment: Deployment) -> None:
    """What Aircall repeats by any of them was told once; nothing that is new is lost."""
    ours = deployment.process()
    await ours.register(URL)
    deployment.tell("w1", 1)
    [one] = await ours.rotate()
    deployment.tell("w2", 2)
    [two] = await ours.rotate()
    [three] = await ours.rotate()
    assert [found.webhook.succeeds for found in (one, two, three)] == ["w1", "w2", "w3"]
    assert {found.webhook.family for found in (one, two, three)} == {"w1"}
    assert {webhook.name: webhook.family for webhook in deployment.log.webhooks.active()} == {
        "w4": "w1"
    }
    assert deployment.tell("w4", 1, 2, 3) == [False, False, True]
    assert deployment.trusted() == {1: True, 2: True, 3: True}
    assert len(deployment.standing()) == 1
