from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aircall_mcp.safety.policy import Cap, Used
from aircall_mcp.safety.safety import Safety
from aircall_mcp.safety.usage import Usage

from ..harness import THURSDAY, Clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def usage(home: Path, clock: Clock) -> AsyncIterator[Usage]:
    safety = Safety.of(home, clock=clock.handed())
    yield safety.usage
    safety.close()


async def test_a_cap_is_full_and_free_again_an_hour_later(usage: Usage, clock: Clock) -> None:
    cap = Cap(hour=2)
    assert await usage.take("acme", "calls", 1, cap)
    clock.pass_by(600)
    assert await usage.take("acme", "calls", 1, cap)
    assert await usage.take("acme", "calls", 1, cap) == ""
    clock.pass_by(2999)
    assert await usage.take("acme", "calls", 1, cap) == ""
    clock.pass_by(1)
    assert await usage.take("acme", "calls", 1, cap)
    assert await usage.used("acme") == {
        "calls": Used(hour=2, day=3), "texts": Used(), "deletions": Used(),
    }  # fmt: skip


async def test_accounts_and_kinds_are_counted_apart_and_sizes_together(usage: Usage) -> None:
    cap = Cap(day=5)
    assert await usage.take("acme", "texts", 4, cap)
    assert await usage.take("acme", "texts", 2, cap) == ""
    assert await usage.take("acme", "texts", 1, cap)
    assert await usage.take("other", "texts", 5, cap)
    assert await usage.take("acme", "deletions", 5, cap)


async def test_what_is_given_back_was_never_taken(usage: Usage) -> None:
    cap = Cap(hour=1)
    place = await usage.take("acme", "calls", 1, cap)
    await usage.give_back(place)
    assert await usage.take("acme", "calls", 1, cap)


@pytest.mark.parametrize(("cap", "seconds"), [(Cap(hour=1), 3_600), (Cap(day=1), 86_400)])
async def test_a_place_is_free_again_to_the_second(
    usage: Usage, clock: Clock, cap: Cap, seconds: int
) -> None:
    assert await usage.take("acme", "calls", 1, cap)
    clock.pass_by(seconds - 0.5)
    assert await usage.take("acme", "calls", 1, cap) == ""
    clock.pass_by(0.5)
    assert await usage.take("acme", "calls", 1, cap)


async def test_a_clock_that_was_set_back_frees_nothing(usage: Usage, clock: Clock) -> None:
    assert await usage.take("acme", "calls", 1, Cap(hour=1, day=1))
    clock.pass_by(-7200)
    assert await usage.take("acme", "calls", 1, Cap(hour=1, day=1)) == ""


async def test_what_a_clock_that_leapt_forward_has_passed_is_not_forgotten(
    usage: Usage, clock: Clock
) -> None:
    cap = Cap(day=2)
    for seconds in (0, 0, 86_401):
        clock.pass_by(seconds)
        assert await usage.take("acme", "calls", 1, cap)
    clock.pass_by(-2)
    assert await usage.take("acme", "calls", 1, cap) == ""


async def test_of_many_at_once_no_more_than_the_cap_get_a_place(home: Path, clock: Clock) -> None:
    """Over four openings of one home, as four processes have them."""
    four = [Safety.of(home, clock=clock.handed()) for _ in range(4)]
    got: list[str] = []

    async def grab(safety: Safety) -> None:
        cap = Cap(hour=13, day=100)
        got.extend([await safety.usage.take("acme", "texts", 1, cap) for _ in range(10)])

    async with anyio.create_task_group() as tasks:
        for safety in four:
            tasks.start_soon(grab, safety)
    assert len([place for place in got if place]) == 13
    for safety in four:
        safety.close()


TURNS = [THURSDAY, *(
    datetime.fromisoformat(moment).timestamp() - 30.0
    for moment in ("2026-03-29T01:00:00+00:00", "2026-10-25T01:00:00+00:00",
                   "2026-11-01T06:00:00+00:00", "2026-11-18T23:00:00+00:00")
)]  # fmt: skip
"""A moment before the clocks of Europe or New York change, and before midnight in Paris."""


@given(
    begin=st.sampled_from(TURNS),
    steps=st.lists(
        st.tuples(st.floats(-4000, 90_000), st.integers(1, 4), st.booleans()),
        max_size=25,
    ),
    hour=st.integers(0, 5),
    day=st.integers(0, 8),
)
@settings(max_examples=60, deadline=None)
async def test_no_sequence_of_calls_exceeds_a_cap(
    begin: float, steps: list[tuple[float, int, bool]], hour: int, day: int
) -> None:
    """Whatever the clock does in between, over midnight and both ends of summer time."""
    clock = Clock(begin)
    safety = Safety.of(Path(), clock=clock.handed(), fleeting=True)
    done: list[tuple[float, int]] = []
    for seconds, size, undone in steps:
        clock.pass_by(seconds)
        place = await safety.usage.take("acme", "calls", size, Cap(hour=hour, day=day))
        if place and undone:
            await safety.usage.give_back(place)
        elif place:
            done.append((clock.now, size))
        for period, most in ((3600, hour), (86_400, day)):
            ends = [moment for moment, _ in done]
            assert all(sum(n for at, n in done if end - period < at <= end) <= most for end in ends)
    safety.close()


async def test_who_is_left_alone_is_kept(usage: Usage) -> None:
    assert await usage.suppress("+33184880000", "said STOP")
    assert not await usage.suppress("+33184880000", "again")
    assert await usage.suppressed() == {"+33184880000": "said STOP"}
    assert await usage.suppress("+33184880001", "said STOP, too")
    assert await usage.unsuppress("+33184880000")
    assert await usage.suppressed() == {"+33184880001": "said STOP, too"}
    assert await usage.unsuppress("+33184880001")
    assert not await usage.unsuppress("+33184880000")
    assert await usage.suppressed() == {}


@pytest.mark.parametrize(
    "written",
    [
        "+33184880000",
        "01 84 88 00 00",
        "+33 (0)1.84.88.00.00",
        "0033184880000",
        "\uff10184880000",
        "+33184880000,5",
        "+33 1 84 88 00 00 ext. 12",
        "tel:+33184880000;ext=7",
        "+33184880000p99#",
    ],
)
async def test_whom_a_model_introduced_is_a_stranger_for_a_month(
    usage: Usage, clock: Clock, written: str
) -> None:
    await usage.introduce([written, "", "nobody"])
    asked = ["+33184880000", "+33184880001"]
    assert await usage.introduced(asked) == {"+33184880000"}
    clock.pass_by(30 * 86_400)
    assert await usage.introduced(asked) == {"+33184880000"}
    clock.pass_by(1)
    assert await usage.introduced(asked) == frozenset()
    await usage.introduce(asked)
    assert await usage.introduced(asked) == set(asked)


@pytest.mark.parametrize(
    ("written", "number", "same"),
    [
        ("+33184880000", "+44284880000", True),  # the same eight digits at the end
        ("+33184880000", "+33194880000", False),
        ("+33184880000", "+4880000", False),
        ("4880000", "+80000", False),
        ("4880000", "+4880000", True),
        ("9" * 52 + "84880000", "+33184880000", True),
        ("9" * 53 + "84880000", "+33184880000", False),  # no number has so many digits
    ],
)
async def test_a_number_is_known_again_by_its_last_eight_digits(
    usage: Usage, written: str, number: str, same: bool
) -> None:
    await usage.introduce([written])
    assert await usage.introduced([number]) == ({number} if same else set())


async def test_what_is_fleeting_leaves_nothing_in_the_home(home: Path, clock: Clock) -> None:
    safety = Safety.of(home, clock=clock.handed(), fleeting=True)
    assert await safety.usage.take("acme", "calls", 1, Cap(hour=1))
    assert await safety.visitors.code("terminal")
    assert not await safety.usage.take("acme", "calls", 1, Cap(hour=1))
    assert not Safety.waits_in(home)
    safety.close()
    kept = Safety.of(home, clock=clock.handed())
    assert await kept.usage.take("acme", "calls", 1, Cap(hour=1))
    assert Safety.waits_in(home)
    kept.close()


async def test_nothing_is_kept_for_longer_than_it_is_asked_about(home: Path, clock: Clock) -> None:
    safety = Safety.of(home, clock=clock.handed())
    usage = safety.usage

    async def kept(table: str) -> int:
        return await safety.state.write(lambda tx: len(tx.all(f"SELECT 1 FROM {table}")))

    for seconds, count in ((0, 1), (7 * 86_400, 2), (1, 2)):
        clock.pass_by(seconds)
        assert await usage.take("acme", "calls", 1, Cap(hour=1000))
        assert await kept("taken") == count
    await usage.introduce(["+33184880000"])
    ends = await kept("introduced")
    clock.pass_by(30 * 86_400 + 1)
    await usage.introduce(["84880001"])
    assert ends > 1
    assert await kept("introduced") == 1
    safety.close()
