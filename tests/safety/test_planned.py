"""What is known of plans: each item begins once, and counts for exactly the plan that it is of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.safety.deed import Deed
from aircall_mcp.safety.planned import Kept, Planned
from aircall_mcp.safety.policy import Grade, Ruling
from aircall_mcp.safety.safety import Safety

from ..harness import Clock

pytestmark = pytest.mark.anyio

DAY = 86_400.0
DEED = Deed("send_message", "messages", ("reach",), "acme", "owner", counted="texts")


class PlannedStore:
    """The store, and what is written into it."""

    def __init__(self, safety: Safety, clock: Clock) -> None:
        self.state = safety.state
        self.planned: Planned = safety.planned
        self.clock = clock

    async def start(self, identity: str = "plan", given: int = 1, **more: Any) -> str:
        deed = replace(DEED, **{k: more.pop(k) for k in ("principal", "account") if k in more})
        items = ("one", "two")
        return await self.state.write(
            lambda tx: self.planned.starting(
                tx, more.get("kept"), deed, identity, name=more.get("name", ""), given=given,
                tool="aircall_plan", items=items,
            )
        )  # fmt: skip

    async def covers(self, part: str, identity: str = "one", grade: Grade = 1, **deed: Any) -> bool:
        return await self.state.write(
            lambda tx: self.planned.covers(
                tx, part, replace(DEED, **deed), identity, Ruling("ask", grade=grade)
            )
        )

    async def outcomes(self, name: str) -> list[str]:
        return [item.outcome for item in (await self.planned.known(name)).items]


@pytest.fixture
async def store(tmp_path: Any) -> AsyncIterator[PlannedStore]:
    clock = Clock()
    safety = Safety.of(tmp_path, clock=clock.handed(), fleeting=True)
    yield PlannedStore(safety, clock)
    safety.close()


async def latest(store: PlannedStore, *whose: str) -> Kept | None:
    return await store.planned.latest(*whose)


async def test_a_plan_is_that_of_its_principal_account_and_steps(store: PlannedStore) -> None:
    first = await store.start()
    assert await latest(store, "owner", "acme", "plan") == await store.planned.find(first)
    for whose in (("bert", "acme", "plan"), ("owner", "other", "plan"), ("owner", "acme", "p")):
        assert await latest(store, *whose) is None
    store.clock.pass_by(1)
    second = await store.start()
    newest = await latest(store, "owner", "acme", "plan")
    assert newest is not None
    assert newest.id == second != first
    assert (newest.standing, newest.given, newest.done, newest.ended) == ("running", 1, 0, 0.0)
    assert [item.identity for item in newest.items] == ["one", "two"]
    assert {one.id for one in await store.planned.running()} == {first, second}
    with pytest.raises(StoreError):
        await store.planned.known("none")


async def test_its_yes_names_it_and_a_graver_one_may_follow(store: PlannedStore) -> None:
    assert await store.start(name="yes-1") == "yes-1"
    kept = await store.planned.known("yes-1")
    assert await store.start(kept=kept, given=2) == "yes-1"
    again = await store.planned.known("yes-1")
    assert (again.given, again.made, len(again.items)) == (2, kept.made, 2)


async def test_an_item_begins_once_and_becomes_what_it_was_begun_for(store: PlannedStore) -> None:
    name = await store.start()
    step = store.planned.next
    assert await step(name, 0)
    assert not await step(name, 0)
    assert await store.outcomes(name) == ["begun", "waiting"]
    assert await step(name, 1, 0, "done", "")
    assert await store.outcomes(name) == ["done", "begun"]
    assert not await step(name, None, 0, "waiting")  # it is over
    assert not await step(name, None, 1, "failed", "no such user")
    kept = await store.planned.known(name)
    assert [(item.outcome, item.said) for item in kept.items] == [
        ("done", ""), ("failed", "no such user"),
    ]  # fmt: skip
    assert kept.done == 1


async def test_an_item_counts_for_its_plan_while_it_is_begun(store: PlannedStore) -> None:
    name = await store.start(given=1)
    part = (await store.planned.known(name)).part(0)
    assert part == f"{name}.0"
    assert not await store.covers(part)
    assert await store.planned.next(name, 0)
    assert await store.covers(part)
    for other in ("", name, f"{name}.", f"{name}.1", f"{name}.-1", f"{name}.x", "0000000000.0"):
        assert not await store.covers(other), other
    assert not await store.covers(part, "two")
    assert not await store.covers(part, grade=2)
    assert not await store.covers(part, principal="bert")
    assert not await store.covers(part, account="other")
    await store.planned.next(name, 1, 0, "done")
    assert not await store.covers(part)
    assert await store.covers(f"{name}.1", "two")
    await store.planned.end(name, "stopped", "enough")
    assert not await store.covers(f"{name}.1", "two")


@pytest.mark.parametrize(("seconds", "standing"), [
    (0.0, "running"), (DAY - 1, "running"), (DAY, "expired"), (-1.0, "expired"),
])  # fmt: skip
async def test_it_may_be_gone_on_with_for_a_day(
    store: PlannedStore, seconds: float, standing: str
) -> None:
    name = await store.start()
    assert await store.planned.next(name, 0)
    store.clock.pass_by(seconds)
    lives = standing == "running"
    assert (await store.planned.known(name)).standing == standing
    assert bool(await store.planned.running()) is lives
    assert await store.covers(f"{name}.0") is lives
    assert await store.planned.next(name, 1) is lives


async def test_it_ends_once_and_the_brake_ends_all(store: PlannedStore) -> None:
    first, second, third = [await store.start(each) for each in ("a", "b", "c")]
    store.clock.pass_by(5)
    assert await store.planned.end(first, "finished")
    assert not await store.planned.end(first, "stopped", "too late")
    kept = await store.planned.known(first)
    assert (kept.standing, kept.why, kept.ended) == ("finished", "", store.clock.now)
    assert await store.planned.stop_all("the brake") == 2
    for name in (second, third):
        kept = await store.planned.known(name)
        assert (kept.standing, kept.why, kept.ended) == ("stopped", "the brake", store.clock.now)
        assert not await store.planned.next(name, 0)
    assert await store.planned.running() == []
    assert await store.planned.stop_all("again") == 0


async def test_after_a_week_nothing_of_it_is_kept(store: PlannedStore) -> None:
    old = await store.start("a")

    async def items() -> int:
        return await store.state.write(lambda tx: len(tx.all("SELECT 1 FROM plan_item")))

    store.clock.pass_by(7 * DAY)
    await store.start("b")
    assert await store.planned.find(old) is not None
    store.clock.pass_by(1)
    await store.start("c")
    assert await store.planned.find(old) is None
    assert await items() == 4
