"""The same call of a plan that has begun: it goes on where it is, or hears what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import time

import pytest

from aircall_mcp.desk import Question
from aircall_mcp.offer import Registry
from aircall_mcp.safety.policy import Cap, Line, Policy, Quiet

from .planning import OWNER, FakeAircall, asked, numbers, text, three, told, yes

pytestmark = pytest.mark.anyio

THREE_AN_HOUR = Policy(caps={"texts": Cap(hour=3)}, written=True)
FIRST, SECOND, THIRD = numbers(1, 2, 3)


@pytest.fixture
async def fake(registry: Registry) -> AsyncIterator[FakeAircall]:
    made = FakeAircall(registry)
    yield made
    for desk in made.desks:
        await desk.aclose()


async def test_under_a_cap_of_its_size_it_goes_on_and_tells_what_came_of_it(
    fake: FakeAircall,
) -> None:
    desk = fake.desk(THREE_AN_HOUR)
    assert await yes(desk, await asked(desk, three()))
    fake.statuses[SECOND] = 429
    assert (await told(desk, three()))["outcomes"] == ["done", "waiting", "waiting"]
    fake.statuses.clear()
    for _ in range(2):
        assert (await told(desk, three()))["standing"] == "finished"
    assert fake.sent == [FIRST, SECOND, SECOND, THIRD]


async def test_who_wants_no_more_after_a_step_stops_none_of_the_others(fake: FakeAircall) -> None:
    desk = fake.desk()
    assert await yes(desk, await asked(desk, three()))
    fake.statuses[SECOND] = 429
    await told(desk, three())
    fake.statuses.clear()
    await desk.safety.usage.suppress(FIRST, "asked for it by text")
    assert (await told(desk, three()))["standing"] == "finished"
    await desk.safety.usage.suppress(THIRD, "asked for it by text")
    refused = await desk.call("aircall_plan", {"steps": [text(3, "And?")]}, OWNER)
    assert refused.payload["error"]["kind"] == "not_allowed"


async def test_nobody_goes_on_with_it_after_a_day(fake: FakeAircall) -> None:
    desk = fake.desk()
    assert await yes(desk, await asked(desk, three()))
    fake.statuses[numbers(2)[0]] = 429
    answer = await told(desk, three())
    assert answer["standing"] == "waits"
    fake.clock.pass_by(86_401)
    assert (await told(desk, three()))["standing"] == "expired"


@pytest.mark.parametrize(("seconds", "anew"), [(119.0, False), (120.0, True), (-1.0, True)])
async def test_the_same_call_a_moment_later_is_told_of_and_after_that_is_another_wish(
    fake: FakeAircall, seconds: float, anew: bool
) -> None:
    desk = fake.desk()
    assert await yes(desk, await asked(desk, three()))
    assert (await told(desk, three()))["standing"] == "finished"
    fake.clock.pass_by(seconds)
    again = await desk.call("aircall_plan", three(), OWNER)
    assert isinstance(again, Question) is anew
    assert fake.sent == numbers(1, 2, 3)


@pytest.mark.parametrize("begun", [False, True])
async def test_one_that_was_stopped_is_asked_about_anew_where_nothing_was_done(
    fake: FakeAircall, begun: bool
) -> None:
    desk = fake.desk()
    fake.statuses[numbers(2 if begun else 1)[0]] = 429
    assert await yes(desk, await asked(desk, three()))
    await told(desk, three())
    assert await desk.safety.call_off("the emergency brake") == 1
    assert (await told(desk, three()))["standing"] == "stopped"
    fake.clock.pass_by(121)
    outcome = await desk.call("aircall_plan", three(), OWNER)
    assert isinstance(outcome, Question) is not begun
    fake.clock.pass_by(7 * 86_400)
    await asked(desk, three())


@pytest.mark.parametrize("plan", [False, True])
async def test_no_lease_is_a_yes_to_quiet_hours(fake: FakeAircall, plan: bool) -> None:
    policy = Policy(
        effects={"reach": Line("ask", 2)},
        quiet=Quiet(time(21), time(8), Line("ask", 2)),
        written=True,
    )
    desk = fake.desk(policy)
    await desk.safety.leases.give(
        "texts", 9, 86_400, principal="owner", account="tests", recipients=["+3318488*"]
    )
    if plan:
        fake.statuses[SECOND] = 429
        assert (await told(desk, three()))["done"] == 1
        fake.statuses.clear()
        fake.clock.pass_by(12 * 3600)  # 23:00 in Paris
        question = await asked(desk, three())
        assert await yes(desk, question)
        assert (await told(desk, three()))["standing"] == "finished"
        return
    step = text(1)
    assert not (await desk.call("aircall_send_message", step["arguments"], OWNER)).is_error
    fake.clock.pass_by(12 * 3600)
    outcome = await desk.call("aircall_send_message", text(2)["arguments"], OWNER)
    assert isinstance(outcome, Question)
    assert fake.sent == [FIRST]
