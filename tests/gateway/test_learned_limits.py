from __future__ import annotations

from email.utils import formatdate

import pytest

from aircall_mcp.errors import BudgetExhausted
from aircall_mcp.gateway.budget import LONGEST_PAUSE, pause_of
from aircall_mcp.gateway.ledger import RECOVERY, Share

from .budgets import THREE, WALL, Budgets, spend

pytestmark = pytest.mark.anyio


async def test_a_429_pauses_every_process(budgets: Budgets) -> None:
    one, two = budgets.another(), budgets.another()
    await spend(one, THREE)
    error = await one.learn(THREE, 429, {"retry-after": "12"})
    assert error is not None
    assert error.retry_after == 12
    with pytest.raises(BudgetExhausted) as refused:
        await two.slot(THREE, hold=25, patience=10)
    assert refused.value.retry_after == pytest.approx(12)
    await two.slot(THREE, hold=25, patience=13, progress=budgets.tell)
    assert budgets.clock() == pytest.approx(1_012)
    assert budgets.told[0][2] == "Waiting: Aircall asked us to pause"


async def test_throttled_below_the_limit_it_goes_slower_and_recovers(budgets: Budgets) -> None:
    budget, share = budgets.another(), Share("company", 20)
    await spend(budget, share, 5)
    await budget.learn(share, 429, {"retry-after": "1"})
    await budget.learn(share, 429, {"retry-after": "1"})  # of the same burst: counts once
    budgets.clock.pass_by(62)
    await spend(budget, share, 18)
    with pytest.raises(BudgetExhausted):
        await budget.slot(share, hold=25)
    budgets.clock.pass_by(RECOVERY)
    await spend(budget, share, 20)


async def test_headers_only_lower_the_limit(budgets: Budgets) -> None:
    budget = budgets.another()
    for said in ("1000", "0", "-3", "many", "nan", "1e400", ""):
        await budget.learn(THREE, 200, {"x-aircallapi-limit": said})
    await spend(budget, THREE, 3)
    share = Share("another", 30)
    await budget.learn(share, 200, {"x-aircallapi-limit": "2"})
    await spend(budget, share, 2)
    with pytest.raises(BudgetExhausted):
        await budget.slot(share, hold=25)


async def test_what_others_spend_takes_slots_here(budgets: Budgets) -> None:
    budget, share = budgets.another(), Share("company", 10)
    await spend(budget, share, 2)
    headers = {"x-aircallapi-remaining": "3", "x-aircallapi-reset": str(WALL + 20)}
    await budget.learn(share, 200, headers)
    await budget.learn(share, 200, headers)  # said twice, true once
    await spend(budget, share, 3)
    with pytest.raises(BudgetExhausted) as refused:
        await budget.slot(share, hold=25, patience=19)
    assert refused.value.retry_after == pytest.approx(20)


async def test_what_remains_is_of_the_limit_that_was_said_with_it(budgets: Budgets) -> None:
    budget, share = budgets.another(), Share("company", 60)
    headers = {"x-aircallapi-limit": "30", "x-aircallapi-remaining": "10"}
    await budget.learn(share, 200, headers)
    await spend(budget, share, 10)
    with pytest.raises(BudgetExhausted):
        await budget.slot(share, hold=25, patience=0)


DATE = formatdate(WALL, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "7.5"}, 7.5),
        ({"retry-after": "-5"}, 1),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "1e12"}, 120),
        ({"retry-after": "9" * 400}, 60),
        ({"retry-after": "soon"}, 60),
        ({"retry-after": "nan"}, 60),
        ({"retry-after": "inf"}, 60),
        ({"retry-after": formatdate(WALL + 33, usegmt=True)}, 33),
        ({"retry-after": formatdate(WALL - 3_600, usegmt=True)}, 1),
        ({"retry-after": "Thu, 99 Nov 2026 10:00:00 GMT", "x-aircallapi-reset": "25"}, 25),
        ({"retry-after": "soon", "x-aircallapi-reset": str(int(WALL) + 40)}, 40),
        ({"x-aircallapi-reset": str(int(WALL) + 40)}, 40),
        ({"x-aircallapi-reset": str((int(WALL) + 40) * 1_000)}, 40),
        ({"x-aircallapi-reset": "-4"}, 1),
        ({"x-aircallapi-reset": "-1e12"}, 1),
        ({"x-aircallapi-reset": "1e12"}, 1),
        ({"x-aircallapi-reset": "1e300"}, 120),
        ({"x-aircallapi-reset": "never"}, 60),
        ({"x-aircallapi-reset": ""}, 60),
        ({"x-aircallapi-reset": "30"}, 30),
    ],
)
@pytest.mark.parametrize("jump", [0.0, 3_600.0, -3_600.0])
def test_every_form_of_header(headers: dict[str, str], seconds: float, jump: float) -> None:
    assert pause_of({**headers, "date": DATE}, WALL + jump) == pytest.approx(seconds)
    assert 1 <= pause_of(headers, WALL + jump) <= LONGEST_PAUSE


async def test_the_wall_clock_may_jump(budgets: Budgets) -> None:
    jumps = iter(WALL + 3_600 * (-1) ** n for n in range(1_000))
    budget = budgets.another(wall=lambda: next(jumps))
    share = Share("company", 3)
    for _ in range(4):
        await spend(budget, share, 3)
        error = await budget.learn(share, 429, {"x-aircallapi-reset": str(WALL + 9), "date": DATE})
        assert error is not None
        assert error.retry_after == 9
        budgets.clock.pass_by(700)
