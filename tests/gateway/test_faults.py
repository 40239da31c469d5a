"""What networks do, against what may be repeated: how often a request arrives, and what is told."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from aircall_mcp.errors import OutcomeUnknown, Refused, ToolError, TooMuch, Unreachable
from aircall_mcp.gateway.breaker import Breaker, Breakers
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Bound
from aircall_mcp.ground.reply import Reply

from ..proxy import Fault
from ..upstream import Upstream, bound, gateway, upstream

pytestmark = pytest.mark.anyio

NEVER = "send_message"


def classes(there: Upstream) -> dict[str, Bound]:
    """One operation of each repeatability; none can be settled by a read, so that only attempts
    are counted here."""
    world = there.sandbox.world
    call = world.calls[0].id
    line = next(n for n in world.numbers.values() if n.country == "GB")
    return {
        "safe": bound("get_company"),
        "idempotent": bound("archive_call", call_id=call),
        "never": bound(
            NEVER, number_id=line.id, to="+447700900123", body=f"Hello {time.monotonic()}"
        ),
    }


async def outcome(there: Upstream, one: Bound, base_url: str = "", **caller: Any) -> Any:
    """What came of one request through a gateway of its own: a Reply or the error."""
    with_us = gateway(base_url or there.proxy.base_url)
    try:
        return await with_us.send(one, Caller(**caller))
    except ToolError as error:
        return error
    finally:
        await with_us.aclose()


# kind of fault: (attempts that leave us, by class), (the error, by class)
LOST = ((3, 2, 1), (Unreachable, OutcomeUnknown, OutcomeUnknown))
ONCE = ((1, 1, 1), (Unreachable, OutcomeUnknown, OutcomeUnknown))
HEAVY = ((1, 1, 1), (TooMuch, OutcomeUnknown, OutcomeUnknown))
FAULTS: dict[str, tuple[Fault, tuple[int, int, int], tuple[Any, Any, Any]]] = {
    "hang up before the request is read": (Fault("hang up"), *LOST),
    "reset after it": (Fault("reset"), *LOST),
    "half-close after it": (Fault("half-close"), *LOST),
    "silence": (Fault("silence"), *ONCE),
    "cut in the status line": (Fault("cut", 9), *LOST),
    "cut in the headers": (Fault("cut", 40), *LOST),
    "no HTTP": (Fault("garbage"), *LOST),
    "a page of HTML": (Fault("html"), *LOST),
    "10 MB of headers": (Fault("huge headers"), *ONCE),
    "a body of 1 GB": (Fault("huge body"), *HEAVY),
    "a gzip bomb": (Fault("bomb"), *HEAVY),
    "one byte a second": (Fault("drip"), *ONCE),
    "500": (Fault("answer", 500), (1, 1, 1), (Refused, Refused, OutcomeUnknown)),
    "502": (Fault("answer", 502), (3, 2, 1), (Refused, OutcomeUnknown, OutcomeUnknown)),
    "503": (Fault("answer", 503), (3, 2, 1), (Refused, OutcomeUnknown, OutcomeUnknown)),
    "504": (Fault("answer", 504), (3, 2, 1), (Refused, OutcomeUnknown, OutcomeUnknown)),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_attempts_by_fault_and_by_what_may_be_repeated(name: str) -> None:
    fault, attempts, errors = FAULTS[name]
    # Only what is waited for until the end needs it near; all attempts must fit before it.
    deadline = 1.0 if fault.kind in ("silence", "drip") else 10.0
    async with upstream() as there:
        there.proxy.plan = lambda: fault
        for one, expected, kind in zip(classes(there).values(), attempts, errors, strict=True):
            before = there.arrivals(), there.proxy.connections
            began = time.monotonic()
            error = await outcome(there, one, deadline=deadline)
            assert type(error) is kind, (one.operation.id, error)
            assert time.monotonic() - began < 3
            left = there.proxy.connections - before[1]
            arrived = there.arrivals() - before[0]
            assert (left, arrived) == (expected, 0 if fault.kind == "hang up" else expected)


async def test_a_fault_that_passes_is_not_noticed_where_repeating_does_no_harm() -> None:
    for kind in ("reset", "half-close", "garbage", "html", "cut"):
        async with upstream() as there:
            for repeatable in ("safe", "idempotent"):
                there.proxy.once(Fault(kind, 60))
                reply = await outcome(there, classes(there)[repeatable])
                assert isinstance(reply, Reply), (kind, repeatable, reply)


async def test_nothing_arrives_where_no_byte_was_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with upstream() as there:
            secure = there.proxy.base_url.replace("http:", "https:")
            there.proxy.plan = lambda: Fault("hang up")  # in the middle of a TLS handshake
            for base_url in (closed, "https://aircall.invalid", secure):
                for one in classes(there).values():
                    error = await outcome(there, one, base_url, deadline=10)
                    assert type(error) is Unreachable, (base_url, error)
                    assert "Nothing was changed" in error.hint
            assert there.arrivals() == 0


async def test_a_429_is_waited_for_and_tried_again_by_all_of_them(home: Path) -> None:
    async with upstream() as there:
        throttled = Fault("answer", 429, after=False, head=b"Retry-After: 1\r\n")
        for repeatable, one in classes(there).items():
            there.proxy.once(throttled)
            with_us = gateway(there.proxy.base_url, home)
            began = time.monotonic()
            reply = await with_us.send(one, Caller())
            await with_us.aclose()
            assert reply.status < 300
            assert 1 <= time.monotonic() - began < 3, repeatable
        assert there.arrivals() == 3
        assert there.proxy.requests == 6


@pytest.mark.parametrize("kind", ["huge body", "bomb", "huge headers", "drip"])
async def test_much_of_anything_takes_little_memory_and_no_connection(kind: Any) -> None:
    async with upstream() as there:
        with_us = gateway(there.proxy.base_url, breakers=Breakers(lambda: Breaker(failures=99)))
        await with_us.send(bound("ping"), Caller())
        there.proxy.plan = lambda: Fault(kind)
        with pytest.raises(Unreachable):  # once unweighed: the proxy makes its bomb only once
            await with_us.send(bound("get_company"), Caller(deadline=1.5))
        weigh = psutil.Process().memory_info
        before = weigh().rss
        asking = asyncio.ensure_future(with_us.send(bound("get_company"), Caller(deadline=1.5)))
        most = before
        while not asking.done():
            await asyncio.wait({asking}, timeout=0.002)
            most = max(most, weigh().rss)
        with pytest.raises(Unreachable):
            await asking
        there.proxy.plan = lambda: None
        assert most - before < 32 * 2**20
        for _ in range(20):
            await with_us.send(bound("ping"), Caller())
        await with_us.aclose()


@pytest.mark.timeout(900)
async def test_a_storm_of_cancellations_leaves_everything_fit(home: Path, full: bool) -> None:
    async def company(_account: str | None) -> tuple[str, int]:
        return "company", 100_000

    async with upstream(latency=0.01) as there:
        with_us = gateway(there.proxy.base_url, home, company=company)
        for step in range(1_000 if full else 40):
            calls = [
                asyncio.ensure_future(with_us.send(bound("get_call", call_id=n + 1), Caller()))
                for n in range(10)
            ]
            for _ in range(25 * (step % 40)):  # turns of the loop, over which a call takes its way
                await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
        for _ in range(20):
            assert (await with_us.send(bound("ping"), Caller())).status == 200
        await with_us.aclose()
