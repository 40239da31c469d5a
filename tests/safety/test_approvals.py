from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from aircall_mcp.safety.approvals import HEARD, Approval, Approvals
from aircall_mcp.safety.policy import Grade
from aircall_mcp.safety.safety import Safety

from ..harness import Clock

pytestmark = pytest.mark.anyio

LASTING, MOST_WAITING, KEPT = 900.0, 200, 30 * 86_400.0
"""As the docs say it: a quarter of an hour, so many questions of one principal, a week."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def approvals(home: Path, clock: Clock) -> AsyncIterator[Approvals]:
    safety = Safety.of(home, clock=clock.handed())
    yield safety.approvals
    safety.close()


async def ask(
    approvals: Approvals,
    identity: str = "a",
    grade: Grade = 1,
    principal: str = "owner",
    account: str = "acme",
) -> Approval:
    return await approvals.ask(
        principal=principal,
        account=account,
        operation="aircall_create_tag",
        identity=identity,
        preview="Create a tag",
        grade=grade,
    )


async def use(
    approvals: Approvals,
    identity: str = "a",
    grade: Grade = 1,
    principal: str = "owner",
    account: str = "acme",
) -> str:
    return await approvals.use(principal=principal, account=account, identity=identity, grade=grade)


async def yes(approvals: Approvals, one: Approval, grade: Grade = 1) -> Approval | None:
    return await approvals.answer(one.id, yes=True, grade=grade, way="tests")


async def test_a_yes_is_used_once(approvals: Approvals) -> None:
    one = await ask(approvals)
    assert await use(approvals) == ""
    assert (await yes(approvals, one)) is not None
    assert await use(approvals) == one.id
    assert await use(approvals) == ""
    assert await yes(approvals, one) is None
    found = await approvals.find(one.id)
    assert found is not None
    assert (found.standing, found.given, found.way) == ("used", 1, "tests")


@pytest.mark.parametrize(
    "other", [{"identity": "b"}, {"principal": "bert"}, {"account": "other"}, {"grade": 2}]
)
async def test_a_yes_is_for_nothing_else(approvals: Approvals, other: dict[str, object]) -> None:
    await yes(approvals, await ask(approvals))
    assert await use(approvals, **other) == ""  # pyright: ignore[reportArgumentType]
    assert await use(approvals)


async def test_a_yes_of_too_low_a_grade_leaves_it_waiting(approvals: Approvals) -> None:
    one = await ask(approvals, grade=2)
    assert await yes(approvals, one, grade=1) is None
    assert [waiting.id for waiting in await approvals.waiting()] == [one.id]
    assert await yes(approvals, one, grade=2) is not None
    assert await use(approvals, grade=2)


async def test_the_same_call_asked_for_twice_is_one_question(approvals: Approvals) -> None:
    first = await ask(approvals)
    assert (await ask(approvals)).id == first.id


@pytest.mark.parametrize("answered", [False, True])
async def test_what_becomes_graver_is_one_question_still_and_one_yes(
    approvals: Approvals, clock: Clock, answered: bool
) -> None:
    first = await ask(approvals)
    if answered:
        await yes(approvals, first)
    clock.pass_by(600)
    graver = await ask(approvals, grade=2)
    assert (graver.id, graver.standing, graver.grade) == (first.id, "waiting", 2)
    assert await ask(approvals) == graver
    assert await approvals.waiting() == [graver]
    # What a form may answer is no yes to what has become graver since.
    assert await yes(approvals, graver) is None
    clock.pass_by(600)
    assert await yes(approvals, graver, grade=2) is not None
    assert (await ask(approvals)).standing == "approved"  # said while it was asked once more
    assert await use(approvals, grade=2) == first.id
    assert await use(approvals) == ""


async def test_a_question_is_of_one_caller_one_account_and_one_call(approvals: Approvals) -> None:
    one = await ask(approvals)
    assert (one.standing, one.given, one.way) == ("waiting", 0, "")
    others = [
        await ask(approvals, "b"),
        await ask(approvals, principal="bert"),
        await ask(approvals, account="other"),
    ]
    assert len({one.id, *(other.id for other in others)}) == 4


@pytest.mark.parametrize(("seconds", "anew"), [(LASTING - 1, False), (LASTING, True), (-1.0, True)])
async def test_what_nobody_can_answer_any_more_is_asked_anew(
    approvals: Approvals, clock: Clock, seconds: float, anew: bool
) -> None:
    one = await ask(approvals)
    clock.pass_by(seconds)
    assert ((await ask(approvals)).id != one.id) is anew


async def test_what_is_over_is_known_for_thirty_days(approvals: Approvals, clock: Clock) -> None:
    one = await ask(approvals)
    for seconds, shown in ((7 * 86_400.0, one.preview), (1, ""), (KEPT - 7 * 86_400.0 - 1, "")):
        clock.pass_by(seconds)
        await ask(approvals, f"after {seconds}")
        found = await approvals.find(one.id)
        assert found is not None
        assert found.preview == shown  # with the numbers and words that are in it
    clock.pass_by(1)
    await ask(approvals, "c")
    assert await approvals.find(one.id) is None


async def test_anybody_who_may_say_yes_to_less_may_say_no_to_all(approvals: Approvals) -> None:
    one = await ask(approvals, grade=2)
    refused = await approvals.answer(one.id, yes=False, grade=1, way="a form")
    assert refused is not None
    assert (refused.standing, refused.way) == ("refused", "a form")


async def test_a_no_is_the_end_of_it(approvals: Approvals) -> None:
    one = await ask(approvals)
    assert await approvals.answer(one.id, yes=False, grade=1, way="tests", heard=0) is not None
    assert await yes(approvals, one, grade=2) is None
    assert await use(approvals) == ""
    assert (await ask(approvals)).id != one.id


async def test_a_no_after_a_yes_ends_it_where_nobody_used_it_yet(approvals: Approvals) -> None:
    """Two are asked in two ways, or one thinks again."""
    one = await ask(approvals)
    assert await yes(approvals, one, grade=2) is not None
    assert await yes(approvals, one, grade=2) is None
    refused = await approvals.answer(one.id, yes=False, grade=1, way="tests", heard=0)
    assert refused is not None
    assert (refused.standing, refused.given) == ("refused", 1)
    assert await use(approvals) == ""
    await yes(approvals, other := await ask(approvals), grade=2)
    assert await use(approvals) == other.id
    assert await approvals.answer(other.id, yes=False, grade=2, way="tests") is None


@pytest.mark.parametrize("off", [-3_600, 3_600])
async def test_a_no_holds_when_a_wrong_clock_is_right_again(
    approvals: Approvals, clock: Clock, off: float
) -> None:
    waits = await ask(approvals)
    await approvals.answer(waits.id, yes=True, grade=2, way="page")
    clock.pass_by(off)
    await approvals.answer(waits.id, yes=False, grade=1, way="form")
    clock.pass_by(-off)
    found = await approvals.find(waits.id)
    assert found is not None
    assert found.standing == "refused"


async def test_a_no_while_it_is_under_way_ends_a_yes_that_is_given_back(
    approvals: Approvals,
) -> None:
    waits = await ask(approvals)
    await yes(approvals, waits)
    assert await use(approvals) == waits.id
    assert await approvals.answer(waits.id, yes=False, grade=2, way="terminal") is None
    await approvals.give_back(waits.id)
    assert await use(approvals) == ""


async def test_what_is_given_back_may_be_used_still(approvals: Approvals) -> None:
    await yes(approvals, await ask(approvals))
    name = await use(approvals)
    await approvals.give_back(name)
    assert await use(approvals) == name


@pytest.mark.parametrize("seconds", [0.0, 10.0, -10.0])
async def test_what_is_given_back_after_the_brake_is_over(
    approvals: Approvals, clock: Clock, seconds: float
) -> None:
    """It was on its way when the brake was pulled, was refused by it, and nothing was done."""
    one = await ask(approvals)
    clock.pass_by(60)
    await yes(approvals, one)
    assert await use(approvals) == one.id
    await approvals.cancel_all("the brake")
    clock.pass_by(seconds)
    await approvals.give_back(one.id)
    assert await use(approvals) == ""
    found = await approvals.find(one.id)
    assert found is not None
    assert found.standing == "expired"


@pytest.mark.parametrize("seconds", [LASTING, LASTING + 1, -1.0])
async def test_nothing_lasts_longer_nor_comes_from_the_future(
    approvals: Approvals, clock: Clock, seconds: float
) -> None:
    waits, granted = await ask(approvals, "waits"), await ask(approvals, "granted")
    await yes(approvals, granted)
    clock.pass_by(seconds)
    assert await yes(approvals, waits) is None
    assert await use(approvals, "granted") == ""
    assert await approvals.waiting() == []
    found = await approvals.find(granted.id)
    assert found is not None
    assert found.standing == "expired"


async def test_what_is_over_does_not_become_something_else_with_time(
    approvals: Approvals, clock: Clock
) -> None:
    used, refused = await ask(approvals, "used"), await ask(approvals, "refused")
    await yes(approvals, used)
    assert await use(approvals, "used") == used.id
    await approvals.answer(refused.id, yes=False, grade=1, way="tests")
    clock.pass_by(LASTING + 1)
    found = [await approvals.find(one.id) for one in (used, refused)]
    assert [one and one.standing for one in found] == ["used", "refused"]


async def test_it_outlives_the_process_that_asked(home: Path, clock: Clock) -> None:
    first = Safety.of(home, clock=clock.handed())
    one = await ask(first.approvals)
    first.close()
    second = Safety.of(home, clock=clock.handed())
    await yes(second.approvals, one)
    second.close()
    third = Safety.of(home, clock=clock.handed())
    assert await use(third.approvals) == one.id
    third.close()


async def test_the_brake_calls_off_all_that_waits_and_all_that_was_granted(
    approvals: Approvals,
) -> None:
    waits, granted = await ask(approvals, "waits"), await ask(approvals, "granted")
    await yes(approvals, granted)
    assert await approvals.cancel_all("the brake") == 2
    assert await use(approvals, "granted") == ""
    assert await yes(approvals, waits) is None


async def test_a_flood_of_questions_pushes_out_the_oldest_of_its_own_principal(
    approvals: Approvals, clock: Clock
) -> None:
    theirs = await ask(approvals, "theirs", principal="bert")
    first = await ask(approvals, "first")
    for number in range(MOST_WAITING):
        clock.pass_by(0.001)
        await ask(approvals, f"{number}")
    waiting = {one.id for one in await approvals.waiting()}
    assert len(waiting) == MOST_WAITING + 1
    assert theirs.id in waiting
    assert first.id not in waiting


async def test_of_many_at_once_one_gets_the_yes(home: Path, clock: Clock) -> None:
    """Over four openings of one home, as four processes have them."""
    four = [Safety.of(home, clock=clock.handed()) for _ in range(4)]
    granted = 20
    for number in range(granted):
        await yes(four[0].approvals, await ask(four[0].approvals, f"{number}"))
    got: list[str] = []

    async def grab(safety: Safety) -> None:
        got.extend([await use(safety.approvals, f"{number}") for number in range(granted)])

    async with anyio.create_task_group() as tasks:
        for safety in four:
            tasks.start_soon(grab, safety)
            tasks.start_soon(grab, safety)
    assert len(got) == 8 * granted
    assert len([name for name in got if name]) == granted
    for safety in four:
        safety.close()


async def test_a_no_that_nobody_heard_is_told_to_the_same_call_for_a_minute(
    approvals: Approvals, clock: Clock
) -> None:
    one = await ask(approvals)
    assert (await approvals.answer(one.id, yes=False, grade=2, way="page")) is not None
    assert (await ask(approvals, "b")).standing == "waiting"
    assert (await ask(approvals, principal="ann")).standing == "waiting"
    told = await ask(approvals, grade=2)
    assert (told.id, told.standing) == (one.id, "refused")
    clock.pass_by(HEARD - 1)
    assert (await ask(approvals)).id == one.id
    clock.pass_by(1)
    again = await ask(approvals)
    assert (again.id != one.id, again.standing) == (True, "waiting")
    heard = await approvals.answer(again.id, yes=False, grade=1, way="form", heard=0)
    assert heard is not None
    assert heard.standing == "refused"
    third = await ask(approvals)
    assert third.standing == "waiting"
    await approvals.answer(third.id, yes=False, grade=2, way="page")
    assert await approvals.answer(third.id, yes=False, grade=1, way="form", heard=0) is None
    fourth = await ask(approvals)
    assert (fourth.id != third.id, fourth.standing) == (True, "waiting")
    await approvals.answer(fourth.id, yes=False, grade=2, way="page")
    clock.pass_by(LASTING)
    assert (await ask(approvals)).standing == "waiting"  # long ago, and worth another question
