"""The link that joins and keeps reads, alone: below it is what a test says."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from aircall_mcp.errors import Unreachable
from aircall_mcp.gateway.cache import Cache, Cached
from aircall_mcp.gateway.ledger import Share
from aircall_mcp.gateway.request import Request
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.reply import Reply

from ..harness import Clock
from .links import Replies, request

pytestmark = pytest.mark.anyio

TAGS = replace(request("list_tags"), share=Share("paris", 60))
"""A read that its operation lets be kept for a while."""
CALLS = replace(request("list_calls"), share=Share("paris", 60))
"""One that it does not."""


class Chain:
    """The link over a next one that answers with how often it was asked."""

    def __init__(self) -> None:
        self.key = ""
        """Under which the answer stands, else where the operation says."""
        self.clock = Clock()
        self.cache = Cache[Reply](clock=self.clock.handed())
        self.then = Replies(self._answer)
        self.let = asyncio.Event()
        self.let.set()
        self.cached = Cached(self.then, self.cache)

    async def _answer(self, request: Request) -> Reply:
        number = len(self.then.came)
        await self.let.wait()
        return Reply(200, {self.key or request.operation.answer.key: number})

    async def ask(self, request: Request) -> tuple[int, float]:
        reply = await self.cached.send(request)
        return next(iter(reply.body.values())), reply.age


async def test_a_read_is_kept_for_as_long_as_its_operation_says_and_bears_its_age() -> None:
    chain, keeps = Chain(), TAGS.operation.keeps
    assert keeps > 1
    assert await chain.ask(TAGS) == (1, 0)
    chain.clock.pass_by(keeps - 1)
    assert await chain.ask(TAGS) == (1, keeps - 1)
    chain.clock.pass_by(1)
    assert await chain.ask(TAGS) == (2, 0)
    assert CALLS.operation.keeps == 0
    assert [await chain.ask(CALLS) for _ in range(2)] == [(3, 0), (4, 0)]


async def test_what_is_no_answer_to_it_is_not_kept() -> None:
    chain = Chain()
    chain.key = "status"
    assert await chain.ask(TAGS) == (1, 0)
    chain.key = ""
    assert [await chain.ask(TAGS) for _ in range(2)] == [(2, 0), (2, 0)]


async def test_an_effect_passes_each_time() -> None:
    chain = Chain()
    for name in ("create_tag", "start_outbound_call"):
        given = {"name": "VIP", "color": "#00B388"} if name == "create_tag" else {
            "user_id": 1, "number_id": 2, "to": "+33199001234"
        }  # fmt: skip
        effect = replace(request(name, **given), share=Share("paris", 60))
        before = len(chain.then.came)
        await asyncio.gather(chain.ask(effect), chain.ask(effect))
        assert len(chain.then.came) == before + 2


@pytest.mark.parametrize(
    "other",
    [
        replace(TAGS, share=Share("rome", 60)),
        replace(TAGS, account="a second key of the company"),
        replace(TAGS, url="https://a.test/list_tags?page=2"),
        replace(TAGS, share=Share("paris", 60, "bulk")),
        replace(TAGS, bound=replace(TAGS.bound, fresh=True)),
    ],
    ids=["company", "account", "url", "lane", "fresh"],
)
async def test_what_was_read_is_given_to_nobody_who_asks_otherwise(other: Request) -> None:
    chain = Chain()
    assert await chain.ask(TAGS) == (1, 0)
    assert await chain.ask(other) == (2, 0)
    assert len(chain.then.came) == 2


async def test_equal_reads_in_flight_are_one_and_each_has_its_own_reply() -> None:
    chain = Chain()
    chain.let.clear()
    asked = [asyncio.ensure_future(chain.ask(CALLS)) for _ in range(20)]
    bulk = replace(CALLS, share=Share("paris", 60, "bulk"), caller=Caller(lane="bulk"))
    patient = asyncio.ensure_future(chain.ask(bulk))
    await asyncio.sleep(0)
    chain.let.set()
    assert set(await asyncio.gather(*asked)) == {(1, 0)}
    assert await patient == (2, 0)
    assert len(chain.then.came) == 2


async def test_what_is_forgotten_is_read_anew_even_while_it_is_being_read() -> None:
    chain = Chain()
    chain.let.clear()
    early = asyncio.ensure_future(chain.ask(TAGS))
    await asyncio.sleep(0)
    chain.cache.forget("paris")
    chain.let.set()
    assert await chain.ask(TAGS) == (2, 0)
    assert await early == (1, 0)
    assert await chain.ask(TAGS) == (2, 0)
    chain.cache.forget("rome")
    assert await chain.ask(TAGS) == (2, 0)


async def test_an_error_reaches_all_who_wait_and_is_not_kept() -> None:
    chain = Chain()

    async def broken(_: Request) -> Reply:
        await asyncio.sleep(0)
        raise Unreachable("It broke.")

    failing = Replies(broken)
    cached = Cached(failing, chain.cache)
    both = await asyncio.gather(*(cached.send(TAGS) for _ in range(2)), return_exceptions=True)
    assert [type(one) for one in both] == [Unreachable, Unreachable]
    assert len(failing.came) == 1
    assert await chain.ask(TAGS) == (1, 0)
