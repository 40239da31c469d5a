"""One wish of a model, spelled until it goes out twice: by several servers at once, with two keys
of one company and two names of the host. What rang and what was written is counted on arrival."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import pytest

from ..foreign import ForeignServer, foreign_server
from ..gateway.wishes import LINE, Meaning, another, plain, spellings
from ..processes import Spoken, spoken

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(1800)]

KEYS = ("a-key-of-ours", "another-key-of-ours")
TEXTS = (
    "We're late - 5 min",
    "Your table is ready",
    "Grüße aus Köln, fine?",
    "Confirm: 12 Nov 9:30",
)


def aircall(method: str, path: str) -> Any:
    """What it shows to every key, and what it says to whatever is done."""
    if method == "GET" and path == "/v1/numbers":
        lines = [{"id": LINE + at, "digits": f"+3319900{at:04}"} for at in range(3)]
        return {"numbers": lines, "meta": {"total": 3, "next_page_link": None}}
    return {"calls": [], "meta": {"total": 0}} if method == "GET" else {"id": "m-1"}


@pytest.fixture
def there() -> Iterator[ForeignServer]:
    with foreign_server(aircall) as stands:
        yield stands


@pytest.fixture
async def servers(there: ForeignServer, full: bool) -> AsyncIterator[list[Spoken]]:
    """Each a process of its own, over one home; each has read the numbers of its company."""
    local = there.url.replace("127.0.0.1", "localhost")
    ways = [(there.url, KEYS[0]), (local, KEYS[1]), (local, KEYS[0]), (there.url, KEYS[1])]
    async with AsyncExitStack() as opened:
        started: list[Spoken] = []
        for url, key in ways if full else ways[:2]:
            environment = {
                "AIRCALL_MCP_BASE_URL": url, "AIRCALL_API_ID": key, "AIRCALL_API_TOKEN": "token",
                "AIRCALL_MCP_REQUESTS_PER_MINUTE": "100000",
            }  # fmt: skip
            server = await opened.enter_async_context(spoken("--allow", "reach", **environment))
            shown = await server.call("aircall_list_numbers")
            assert len(shown["data"]["numbers"]) == 3
            started.append(server)
        yield started


async def said(server: Spoken, asked: tuple[str, dict[str, Any]]) -> str:
    """What came of it, in a word."""
    answer = await server.call(f"aircall_{asked[0]}", **asked[1])
    return answer["error"]["kind"] if "error" in answer else "done"


async def one_after_another(server: Spoken, asked: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [await said(server, one) for one in asked]


def meanings(random: Random, count: int) -> Iterator[Meaning]:
    """Every second one is a call; no person is in two of them."""
    mobiles = iter(random.sample(range(620_000_000, 700_000_000), 4 * count))
    for at in range(count):
        people = tuple(f"+33{next(mobiles)}" for _ in range(random.choice((1, 1, 3))))
        yield Meaning(people, random.choice(TEXTS)) if at % 2 else Meaning(people[:1])


async def test_one_wish_is_one_request_and_another_is_another(
    there: ForeignServer, servers: list[Spoken], full: bool
) -> None:
    await names_the_way(servers[0], servers[1])
    random, heard = Random(14), Counter[str]()
    wishes, each = (100, 50) if full else (4, 8)
    posts = arrived(there)
    assert posts == 1
    for meaning in meanings(random, wishes):
        asked = [plain(meaning), *(spellings(meaning, random) for _ in range(each - 1))]
        random.shuffle(asked)
        shares = [asked[at :: len(servers)] for at in range(len(servers))]
        came = await asyncio.gather(*map(one_after_another, servers, shares))
        outcomes = Counter(word for share in came for word in share)
        posts += 1
        assert (outcomes["done"], arrived(there)) == (1, posts), (meaning, asked, outcomes)
        heard += outcomes
        assert await said(random.choice(servers), plain(another(meaning, random))) == "done"
        posts += 1
        assert arrived(there) == posts
    assert set(heard) <= {"done", "duplicate", "argument"}
    assert heard["duplicate"] > 2 * heard["argument"]  # most of them were well-formed
    print(f"same wish: {wishes} wishes in {heard.total()} spellings: {dict(heard)}")


def arrived(there: ForeignServer) -> int:
    return sum(one.startswith("POST ") for one in there.arrivals)


async def names_the_way(one: Spoken, other: Spoken) -> None:
    """The refusal says how a person who means it twice gets it."""
    meaning = Meaning(("+33612345678",), TEXTS[0])
    assert await said(one, plain(meaning)) == "done"
    told = {"number_id": LINE, "to": "+33 6 12 34 56 78", "body": f"{TEXTS[0].upper()} "}
    error = (await other.call("aircall_send_message_in_conversation", **told))["error"]
    assert error["kind"] == "duplicate"
    assert "aircall_send_message)" in error["message"]
    assert "A person who means it twice asks again in" in error["hint"]
    assert "idempotency_key makes it no other" in error["hint"]
