"""What is known of plans: each item begins once, and counts for exactly the plan that it is of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.safety.deed import Deed
from aircall_mcp.safety.planned import Kept, Planned
from aircall_mcp.safety.safety import Safety

from ..house import Clock

pytestmark = pytest.mark.anyio

DAY = 86_400.0
DEED = Deed("send_message", "messages", ("reach",), "acme", "owner", counted="texts")


class Book:
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

    async def covers(self, part: str, identity: str = "one", grade: int = 1, **deed: Any) -> bool:
        return await self.state.write(
            lambda tx: self.planned.covers(tx, part, replace(DEED, **deed), identity, grade)
        )

    async def outcomes(self, name: str) -> list[str]:
        return [item.outcome for item in (await self.planned.known(name)).items]


@pytest.fixture
async def book(tmp_path: Any) -> AsyncIterator[Book]:
    clock = Clock()
    safety = Safety.of(tmp_path, clock=clock.handed(), fleeting=True)
    yield Book(safety, clock)
    safety.close()


async def latest(book: Book, *whose: str) -> Kept | None:
    return await book.planned.latest(*whose)


async def test_a_plan_is_that_of_its_principal_account_and_steps(book: Book) -> None:
    first = await book.start()
    assert await latest(book, "owner", "acme", "plan") == await book.planned.find(first)
    for whose in (("bert", "acme", "plan"), ("owner", "other", "plan"), ("owner", "acme", "p")):
        assert await latest(book, *whose) is None
    book.clock.pass_by(1)
    second = await book.start()
    newest = await latest(book, "owner", "acme", "plan")
    assert newest is not None
    assert newest.id == second != first
    assert (newest.standing, newest.given, newest.done, newest.ended) == ("running", 1, 0, 0.0)
    assert [item.identity for item in newest.items] == ["one", "two"]
    assert {one.id for one in await book.planned.running()} == {first, second}
    with pytest.raises(StoreError):
        await book.planned.known("none")


async def test_its_yes_names_it_and_a_graver_one_may_follow(book: Book) -> None:
    assert await book.start(name="yes-1") == "yes-1"
    kept = await book.planned.known("yes-1")
    assert await book.start(kept=kept, given=2) == "yes-1"
    again = await book.planned.known("yes-1")
    assert (again.given, again.made, len(again.items)) == (2, kept.made, 2)


async def test_an_item_begins_once_and_becomes_what_it_was_begun_for(book: Book) -> None:
    name = await book.start()
    step = book.planned.next
    assert await step(name, 0)
    assert not await step(name, 0)
    assert await book.outcomes(name) == ["begun", "waiting"]
    assert await step(name, 1, 0, "done", "")
    assert await book.outcomes(name) == ["done", "begun"]
    assert not await step(name, None, 0, "waiting")  # it is over
    assert not await step(name, None, 1, "failed", "no such user")
    kept = await book.planned.known(name)
    assert [(item.outcome, item.said) for item in kept.items] == [
        ("done", ""), ("failed", "no such user"),
    ]  # fmt: skip
    assert kept.done == 1


async def test_an_item_counts_for_its_plan_while_it_is_begun(book: Book) -> None:
    name = await book.start(given=1)
    part = (await book.planned.known(name)).part(0)
    assert part == f"{name}.0"
    assert not await book.covers(part)
    assert await book.planned.next(name, 0)
    assert await book.covers(part)
    for other in ("", name, f"{name}.", f"{name}.1", f"{name}.-1", f"{name}.x", "0000000000.0"):
        assert not await book.covers(other), other
    assert not await book.covers(part, "two")
    assert not await book.covers(part, grade=2)
    assert not await book.covers(part, principal="bert")
    assert not await book.covers(part, account="other")
    await book.planned.next(name, 1, 0, "done")
    assert not await book.covers(part)
    assert await book.covers(f"{name}.1", "two")
    await book.planned.end(name, "stopped", "enough")
    assert not await book.covers(f"{name}.1", "two")


@pytest.mark.parametrize(("seconds", "standing"), [
    (0.0, "running"), (DAY - 1, "running"), (DAY, "expired"), (-1.0, "expired"),
])  # fmt: skip
async def test_it_may_be_gone_on_with_for_a_day(book: Book, seconds: float, standing: str) -> None:
    name = await book.start()
    assert await book.planned.next(name, 0)
    book.clock.pass_by(seconds)
    lives = standing == "running"
    assert (await book.planned.known(name)).standing == standing
    assert bool(await book.planned.running()) is lives
    assert await book.covers(f"{name}.0") is lives
    assert await book.planned.next(name, 1) is lives


async def test_it_ends_once_and_the_brake_ends_all(book: Book) -> None:
    first, second, third = [await book.start(each) for each in ("a", "b", "c")]
    book.clock.pass_by(5)
    assert await book.planned.end(first, "finished")
    assert not await book.planned.end(first, "stopped", "too late")
    kept = await book.planned.known(first)
    assert (kept.standing, kept.why, kept.ended) == ("finished", "", book.clock.now)
    assert await book.planned.stop_all("the brake") == 2
    for name in (second, third):
        kept = await book.planned.known(name)
        assert (kept.standing, kept.why, kept.ended) == ("stopped", "the brake", book.clock.now)
        assert not await book.planned.next(name, 0)
    assert await book.planned.running() == []
    assert await book.planned.stop_all("again") == 0


async def test_after_a_week_nothing_of_it_is_kept(book: Book) -> None:
    old = await book.start("a")

    async def items() -> int:
        return await book.state.write(lambda tx: len(tx.all("SELECT 1 FROM plan_item")))

    book.clock.pass_by(7 * DAY)
    await book.start("b")
    assert await book.planned.find(old) is not None
    book.clock.pass_by(1)
    await book.start("c")
    assert await book.planned.find(old) is None
    assert await items() == 4
