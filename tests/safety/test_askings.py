from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aircall_mcp.safety import askings as table
from aircall_mcp.safety import safety as whole
from aircall_mcp.safety.askings import Askings
from aircall_mcp.safety.safety import Safety
from aircall_mcp.storage.state import durable

from ..harness import Clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def askings(home: Path, clock: Clock) -> AsyncIterator[Askings]:
    safety = Safety.of(home, clock=clock.handed())
    yield safety.askings
    safety.close()


async def test_an_asking_begins_once_within_thirty_days_if_anything_was_done(
    askings: Askings, clock: Clock
) -> None:
    assert await askings.begin("one")
    assert not await askings.begin("one")
    clock.pass_by(29 * 86_400)
    assert await askings.begin("two")
    clock.pass_by(2 * 86_400)
    assert not await askings.begin("two")
    assert await askings.begin("one")
    await askings.undone("one")
    await askings.undone("three")
    assert [await askings.begin(one) for one in ("one", "two", "three")] == [True, False, True]


async def test_what_a_person_is_asked_about_has_not_begun(askings: Askings) -> None:
    assert await askings.begin("one")
    await askings.shown("one", "a")
    assert await askings.begin("one")
    assert not await askings.begin("one")
    assert await askings.last("one") == "a"


async def test_what_was_shown_is_what_was_shown_last(askings: Askings, clock: Clock) -> None:
    assert await askings.last("one") == ""
    assert not await askings.shown("one", "a")
    assert await askings.shown("one", "a")
    assert not await askings.shown("two", "a")
    assert not await askings.shown("one", "b")
    assert await askings.last("one") == "b"
    assert await askings.last("two") == "a"
    clock.pass_by(30 * 86_400 - 1)
    assert await askings.shown("two", "a")
    clock.pass_by(2)
    assert await askings.shown("two", "a")
    assert await askings.last("one") == ""


async def test_what_earlier_releases_kept_is_known(home: Path, clock: Clock) -> None:
    later, now = len(table.MIGRATIONS), clock.handed().wall()
    before = durable(home / "usage.db", whole.MIGRATIONS[:-later])
    for name, standing in (("a", "waiting"), ("b", "waiting"), ("c", "used")):
        await before.write(
            lambda tx, name=name, standing=standing: tx.run(
                "INSERT INTO approval VALUES (:name, 'owner', 'acme', 'aircall_create_tag', 'i',"
                " 'Create a tag', 1, 0, :standing, '', :now, :now + 900)",
                name=name,
                standing=standing,
                now=now,
            )
        )
    for asking, approval, place in (
        ("one", "a", "t"),
        ("two", "b", "t"),
        ("older", "a", ""),
        ("old", "c", ""),
    ):
        await before.write(
            lambda tx, values=(asking, approval, place): tx.run(
                "INSERT INTO shown VALUES (:asking, :approval, :place)",
                **dict(zip(("asking", "approval", "place"), values, strict=True)),
            )
        )
    for asking in ("two", "done"):
        await before.write(
            lambda tx, asking=asking: tx.run(
                "INSERT INTO performed VALUES (:asking, :now)", asking=asking, now=now
            )
        )
    before.close()
    safety = Safety.of(home, clock=clock.handed())
    try:
        kept = safety.askings
        assert [await kept.last(one) for one in ("one", "two", "older")] == ["a", "b", "a"]
        assert not await kept.begin("two")
        assert not await kept.begin("done")
        assert not await kept.begin("old")  # on the yes that was used
        assert await kept.begin("one")
        assert await kept.shown("older", "a")
        assert (found := await safety.approvals.find("a")) is not None
        assert found.standing == "waiting"
    finally:
        safety.close()
