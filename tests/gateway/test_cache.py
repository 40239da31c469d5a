from __future__ import annotations

import asyncio

import pytest

from aircall_mcp.gateway.cache import Cache
from aircall_mcp.ground.caller import Whose

from ..harness import Clock

pytestmark = pytest.mark.anyio


class Source:
    """Answers with how often it was asked, when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def ask(self) -> int:
        self.asked += 1
        mine = self.asked
        await self.gate.wait()
        return mine


A, B, X = Whose("a"), Whose("b"), Whose("x")


async def test_an_answer_is_kept_for_its_time_and_says_its_age() -> None:
    clock, source = Clock(), Source()
    cache = Cache[int](clock=clock.handed())
    assert await cache.get(A, "tags", source.ask, keep=30) == (1, 0)
    clock.pass_by(29)
    assert await cache.get(A, "tags", source.ask, keep=30) == (1, 29)
    clock.pass_by(1)
    assert await cache.get(A, "tags", source.ask, keep=30) == (2, 0)
    assert await cache.get(A, "tags", source.ask, keep=30, fresh=True) == (3, 0)
    assert await cache.get(A, "tags", source.ask, keep=30) == (3, 0)
    assert await cache.get(B, "tags", source.ask, keep=30) == (4, 0)
    assert await cache.get(A, "calls", source.ask) == (5, 0)
    assert await cache.get(A, "calls", source.ask) == (6, 0)


async def test_what_we_write_forgets_what_was_and_what_is_being_read() -> None:
    source = Source()
    cache = Cache[int]()
    await cache.get(A, "tags", source.ask, keep=30)
    await cache.get(B, "tags", source.ask, keep=30)
    source.gate.clear()
    reading = asyncio.ensure_future(cache.get(A, "teams", source.ask, keep=30))
    await asyncio.sleep(0)
    cache.forget("a")
    source.gate.set()
    assert await cache.get(A, "teams", source.ask, keep=30) == (4, 0)
    assert await reading == (3, 0)
    assert (await cache.get(A, "teams", source.ask, keep=30))[0] == 4
    assert (await cache.get(A, "tags", source.ask, keep=30))[0] == 5
    assert (await cache.get(B, "tags", source.ask, keep=30))[0] == 2


async def test_the_same_read_in_flight_is_sent_once() -> None:
    source = Source()
    source.gate.clear()
    cache = Cache[int]()
    reads = [asyncio.ensure_future(cache.get(A, "calls", source.ask)) for _ in range(50)]
    other = asyncio.ensure_future(cache.get(B, "calls", source.ask))
    await asyncio.sleep(0)
    source.gate.set()
    assert {answer for answer, _ in await asyncio.gather(*reads)} == {1}
    assert (await other)[0] == 2


async def test_an_error_is_everybodys_and_is_not_kept() -> None:
    cache = Cache[int]()

    async def fail() -> int:
        await asyncio.sleep(0)
        raise ValueError

    both = await asyncio.gather(
        *(cache.get(A, "x", fail, keep=30) for _ in range(2)), return_exceptions=True
    )
    assert [type(one) for one in both] == [ValueError, ValueError]
    assert await cache.get(A, "x", Source().ask, keep=30) == (1, 0)


async def test_who_is_cancelled_does_not_take_the_others_along() -> None:
    source = Source()
    source.gate.clear()
    cache = Cache[int]()
    reads = [asyncio.ensure_future(cache.get(A, "calls", source.ask)) for _ in range(5)]
    await asyncio.sleep(0)
    reads[0].cancel()
    reads[3].cancel()
    await asyncio.wait({reads[0], reads[3]})
    source.gate.set()
    assert [(await reads[n])[0] for n in (1, 2, 4)] == [2, 2, 2]


async def test_it_keeps_so_many_and_no_more() -> None:
    cache, source = Cache[int](most=3), Source()
    for key in "abcd":
        await cache.get(X, key, source.ask, keep=30)
    assert (await cache.get(X, "d", source.ask, keep=30))[0] == 4
    assert (await cache.get(X, "a", source.ask, keep=30))[0] == 5
