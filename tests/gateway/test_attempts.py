"""The link that tries again, alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aircall_mcp.errors import Unreachable
from aircall_mcp.gateway.attempts import Attempts
from aircall_mcp.gateway.breaker import FAILURES, Breaker, Breakers
from aircall_mcp.gateway.request import Answered, Attempt, Request
from aircall_mcp.gateway.retries import Retries

from ..harness import Clock
from .links import Tries, answered, lost, not_sent, request

pytestmark = pytest.mark.anyio

READ, EFFECT = request("ping"), request("create_tag", name="a", color="#123456")


def attempts(
    then: Tries, *, paced: bool = True, first: float = 0.0
) -> tuple[Attempts, list[float]]:
    clock, slept = Clock(0.0), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.pass_by(seconds)

    handed = clock.handed(sleep)
    breakers = Breakers(lambda: Breaker(clock=handed))
    retries = Retries(first=first, random=lambda: 1.0)
    return Attempts(then, retries, breakers, paced=paced, clock=handed), slept


@pytest.mark.parametrize(
    ("asking", "ends", "sent"),
    [
        (READ, [lost(), not_sent(), answered()], 3),
        (READ, [answered(503), answered(502), answered(504)], 3),
        (READ, [answered(500)], 1),
        (READ, [lost(passing=False)], 1),
        (EFFECT, [lost()], 1),
        (EFFECT, [answered(503)], 1),
        (EFFECT, [not_sent(), not_sent(), not_sent()], 3),
        (EFFECT, [answered(429), answered(201)], 2),
    ],
)
async def test_it_is_tried_again_where_that_does_no_harm(
    asking: Request, ends: list[Attempt], sent: int
) -> None:
    then = Tries(*ends)
    link, _ = attempts(then)
    assert await link.send(asking) == ends[-1]
    assert len(then.came) == sent


async def test_where_nobody_counts_a_429_is_an_answer() -> None:
    turned_away = answered(429)
    then = Tries(turned_away)
    link, _ = attempts(then, paced=False)
    assert await link.send(READ) is turned_away
    assert len(then.came) == 1


async def test_the_time_of_the_first_attempt_is_that_of_all() -> None:
    then = Tries(lost(until=1.5), lost(until=1.5))
    link, slept = attempts(then, first=0.5)
    last = await link.send(READ)
    assert last == lost(until=1.5)
    assert [one.until for one in then.came] == [None, 1.5]
    assert slept == [1.0]  # the next pause would end after it


async def test_a_look_neither_asks_nor_moves_the_breaker() -> None:
    then = Tries(*[lost(passing=True)] * 3 * FAILURES, answered(), answered(), answered())
    link, _ = attempts(then)
    looking = replace(READ, look=True)
    for _ in range(FAILURES):
        await link.send(looking)
    assert isinstance(await link.send(READ), Answered)


async def test_the_breaker_hears_of_each_attempt_and_a_refusal_is_health() -> None:
    then = Tries(*[lost()] * (FAILURES - 1), answered(404), *[answered(500)] * FAILURES)
    link, _ = attempts(then)
    await link.send(READ)
    await link.send(READ)
    for _ in range(FAILURES):
        await link.send(READ)
    with pytest.raises(Unreachable):
        await link.send(READ)
    assert len(then.came) == 2 * FAILURES
