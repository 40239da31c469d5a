"""Whoever comes after a process that was killed finishes what it had begun with webhooks."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.events.subscriptions import SETTLED, WATCH
from aircall_mcp.offer import Registry

from ..house import Clock, sandbox_with
from .town import ELSEWHERE, URL, Killed, Life, Town

pytestmark = pytest.mark.anyio


def town_in(home: Path, registry: Registry) -> Town:
    clock = Clock()
    home.mkdir(mode=0o700)
    return Town(home, sandbox_with(clock=clock, requests_per_minute=None), registry, clock)


async def survived(work: Awaitable[object]) -> bool:
    """Whether the process came to the end of `work`."""
    try:
        await work
    except Killed:
        return False
    return True


async def begin(town: Town, *, changed: bool) -> tuple[Any, int]:
    """A webhook that is about to be replaced, and how many there were."""
    ours = town.process()
    await ours.register(URL, ["call.ended"])
    town.tell("w1", 1)
    await ours.mend()
    town.tell("w1", 2)
    [old] = town.standing()
    if changed:
        old.url = ELSEWHERE
    return old, len(town.sandbox.world.webhooks)


@pytest.mark.parametrize("changed", [True, False], ids=["replaced", "rotated"])
async def test_whoever_comes_after_a_process_that_was_killed_finishes_its_work(
    tmp_path: Path, registry: Registry, *, changed: bool
) -> None:
    """Killed after every step."""
    finished, steps = False, 0
    while not finished:
        steps += 1
        town = town_in(tmp_path / str(steps), registry)
        old, many = await begin(town, changed=changed)
        ours = town.process(Life(steps))
        finished = await survived(ours.mend() if changed else ours.rotate())
        ours = town.process()
        if not changed:
            await ours.rotate()
        for _ in range(3):
            await ours.mend()
            town.clock.pass_by(SETTLED)
        [new] = town.standing()
        assert len(town.sandbox.world.webhooks) == many, steps
        assert new.uuid != old.uuid
        [webhook] = town.log.webhooks.active()
        assert (webhook.aircall_id, webhook.url) == (new.uuid, new.url), steps
        assert town.log.webhooks.standing() == []
        assert town.vault.owners("webhook") == (f"webhook {webhook.name}",), steps
        assert town.tell("w1", 3) == [None]
        assert town.trusted() == {1: True, 2: not changed}, steps
        await town.aclose()
    assert steps > 15


async def test_what_a_killed_registration_left_behind_is_deleted(
    tmp_path: Path, registry: Registry
) -> None:
    steps, finished = 0, False
    while not finished:
        steps += 1
        town = town_in(tmp_path / str(steps), registry)
        many = len(town.sandbox.world.webhooks)
        finished = await survived(town.process(Life(steps)).register(URL))
        ours = town.process()
        await ours.mend()
        town.clock.pass_by(SETTLED + 1)
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
