"""Whoever comes after a process that was killed finishes what it had begun with webhooks."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.events.subscriptions import SETTLED, WATCH
from aircall_mcp.offer import Registry

from ..harness import Clock, sandbox_with
from .deployment import ELSEWHERE, URL, Countdown, Deployment, Killed

pytestmark = pytest.mark.anyio


def deployment_in(home: Path, registry: Registry) -> Deployment:
    clock = Clock()
    home.mkdir(mode=0o700)
    return Deployment(home, sandbox_with(clock=clock, requests_per_minute=None), registry, clock)


async def survived(work: Awaitable[object]) -> bool:
    """Whether the process came to the end of `work`."""
    try:
        await work
    except Killed:
        return False
    return True


async def begin(deployment: Deployment, *, changed: bool) -> tuple[Any, int]:
    """A webhook that is about to be replaced, and how many there were."""
    ours = deployment.process()
    await ours.register(URL, ["call.ended"])
    deployment.tell("w1", 1)
    await ours.mend()
    deployment.tell("w1", 2)
    [old] = deployment.standing()
    if changed:
        old.url = ELSEWHERE
    return old, len(deployment.sandbox.world.webhooks)


@pytest.mark.parametrize("changed", [True, False], ids=["replaced", "rotated"])
async def test_whoever_comes_after_a_process_that_was_killed_finishes_its_work(
    tmp_path: Path, registry: Registry, *, changed: bool
) -> None:
    """Killed after every step."""
    finished, steps = False, 0
    while not finished:
        steps += 1
        deployment = deployment_in(tmp_path / str(steps), registry)
        old, many = await begin(deployment, changed=changed)
        ours = deployment.process(Countdown(steps))
        finished = await survived(ours.mend() if changed else ours.rotate())
        ours = deployment.process()
        if not changed:
            await ours.rotate()
        for _ in range(3):
            await ours.mend()
            deployment.clock.pass_by(SETTLED)
        [new] = deployment.standing()
        assert len(deployment.sandbox.world.webhooks) == many, steps
        assert new.uuid != old.uuid
        [webhook] = deployment.log.webhooks.active()
        assert (webhook.aircall_id, webhook.url) == (new.uuid, new.url), steps
        assert deployment.log.webhooks.standing() == []
        assert deployment.vault.owners("webhook") == (f"webhook {webhook.name}",), steps
        assert deployment.tell("w1", 3) == [None]
        assert deployment.trusted() == {1: True, 2: not changed}, steps
        await deployment.aclose()
    assert steps > 15


async def test_what_a_killed_registration_left_behind_is_deleted(
    tmp_path: Path, registry: Registry
) -> None:
    steps, finished = 0, False
    while not finished:
        steps += 1
        deployment = deployment_in(tmp_path / str(steps), registry)
        many = len(deployment.sandbox.world.webhooks)
        finished = await survived(deployment.process(Countdown(steps)).register(URL))
        ours = deployment.process()
        await ours.mend()
        deployment.clock.pass_by(SETTLED + 1)
        await ours.mend()
        known = [webhook.aircall_id for webhook in deployment.log.webhooks.active()]
        assert [one.uuid for one in deployment.standing()] == known
        assert len(deployment.sandbox.world.webhooks) == many + len(known)
        await deployment.aclose()
    assert steps > 5


async def test_what_arrives_at_aircall_after_its_maker_died_is_deleted_too(
    deployment: Deployment,
) -> None:
    """The request was on its way; the webhook stands only after somebody has looked."""
    ours = deployment.process()
    await ours.register(URL)
    deployment.log.webhooks.reserve("late", "", f"{URL}/webhooks/aircall/late")
    for _ in range(2):  # for two minutes it may still come
        await ours.mend()
        deployment.clock.pass_by(SETTLED / 2)
    [one] = deployment.standing()
    late = deployment.sandbox.world.webhooks["late"] = type(one)(
        uuid="5b1f7c52-90ad-4c1e-8e6a-5d2c9f04b7a1", id=9, name="aircall-mcp", token="t",
        url=f"{URL}/webhooks/aircall/late", events=one.events, created=one.created,
        scheme=one.scheme,
    )  # fmt: skip
    del deployment.sandbox.world.webhooks["late"]
    deployment.sandbox.world.webhooks[late.uuid] = late
    deployment.clock.pass_by(WATCH)
    await ours.mend()
    assert deployment.standing() == [one]
    assert deployment.log.webhooks.standing() == []
