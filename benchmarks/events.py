"""How fast events come in, reach a model, are found again, and how they are kept in bounds.

    python benchmarks/events.py [--quick]

Real processes on loopback: the receiver, the sandbox that posts, and a server over stdio. The
queries and the retention are measured in this process, over a file like any other.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from mcp import Client  # noqa: E402 - the tests' own tools measure here
from tests.chaos.burst import burst  # noqa: E402
from tests.harness import Clock  # noqa: E402
from tests.journeys.test_webhook_to_model import end_to_end, hang_up_latency  # noqa: E402
from tests.mail import WEBHOOK, log_in  # noqa: E402

from aircall_mcp.events.event import Arrival  # noqa: E402
from aircall_mcp.events.log import EventLog  # noqa: E402
from aircall_mcp.events.query import Query  # noqa: E402
from aircall_mcp.events.retention import Retention  # noqa: E402

KINDS = ("call.created", "call.answered", "call.hungup", "call.ended", "call.tagged",
         "contact.updated", "user.opened", "message.received")  # fmt: skip
LINES = 1000
CAP = 16 * 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    part = 10 if parser.parse_args().quick else 1
    print(f"{'what':44}{'figure':>16}{'aim':>14}")
    for name, figure, aim in [*_burst(20_000 // part), *_end_to_end(200 // part),
                              *_queries(300_000 // part), *_retention(60_000 // part)]:  # fmt: skip
        print(f"{name:44}{figure:>16}{aim:>14}", flush=True)


def _home() -> Path:
    return Path(tempfile.mkdtemp(prefix="aircall-mcp-bench-")) / "home"


def _burst(events: int) -> Iterator[tuple[str, str, str]]:
    outcome = asyncio.run(burst(_home(), events, kills=0))
    assert len(outcome.stored) == len(outcome.acknowledged) == events
    yield "requests taken in a second", f"{outcome.rate:,.0f}", ">= 1,000"
    yield "acknowledgement p50", f"{1000 * outcome.wait(50):.0f} ms", ""
    yield "acknowledgement p99", f"{1000 * outcome.wait(99):.0f} ms", "< 200 ms"


def _end_to_end(times: int) -> Iterator[tuple[str, str, str]]:
    async def measure() -> list[float]:
        async with end_to_end(_home()) as whole, Client(whole.server()) as client:
            found: list[float] = []
            for _ in range(times):
                call = (await whole.act("calls"))["id"]
                found.append(await hang_up_latency(whole, client, call))
            return sorted(found)

    found = asyncio.run(measure())
    p99 = found[max(0, int(len(found) * 0.99) - 1)]
    yield "hang-up to the answer of the tool, p50", f"{1000 * statistics.median(found):.0f} ms", ""
    yield "hang-up to the answer of the tool, p99", f"{1000 * p99:.0f} ms", "<= 150 ms"


def _event(number: int, now: float) -> Arrival:
    kind = KINDS[number % len(KINDS)]
    return Arrival(
        WEBHOOK, kind, kind.partition(".")[0], now,
        {"id": number // len(KINDS) + 1, "raw_digits": f"+331990{number % 5000:05d}",
         "user": {"id": number % 50 + 1}, "number": {"id": number % 4 + 1},
         "contact": {"id": number % 3000 + 1}, "comments": [{"content": "x" * 1000}]},
    )  # fmt: skip


def _filled(count: int) -> EventLog:
    now = time.time()
    clock = Clock(now)
    log = log_in(_home(), clock)
    for first in range(0, count, LINES):
        clock.now = now - count + first
        log.append([_event(number, clock.now) for number in range(first, first + LINES)])
    clock.now = now
    return log


def _queries(count: int) -> Iterator[tuple[str, str, str]]:
    log, now = _filled(count), time.time()
    started = time.perf_counter()
    log.enter_numbers()
    rate = count / (time.perf_counter() - started)
    yield "numbers entered, events a second", f"{rate:,.0f}", ""
    for name, query in {
        "newest": Query(),
        "one kind": Query(kinds=["call.ended"]),
        "a family of kinds": Query(kinds=["call.*"]),
        "one call": Query(call_id=count // 16),
        "one user, one kind": Query(user_id=7, kinds=["call.tagged"]),
        "one contact": Query(contact_id=77),
        "one phone number": Query(number="+33199000077"),
        "behind a cursor": Query(after=count // 2),
        "a window of time": Query(since=now - count / 2, until=now - count / 2 + 3600),
        "messages": Query(messages=True),
    }.items():
        times: list[float] = []
        for _ in range(51):
            began = time.perf_counter()
            log.read(query)
            times.append(time.perf_counter() - began)
        p50 = 1000 * statistics.median(times)
        yield f"query over {count:,}: {name}, p50", f"{p50:.2f} ms", "<= 10 ms"
    log.close()


def _retention(count: int) -> Iterator[tuple[str, str, str]]:
    clock = Clock(time.time())
    log = log_in(_home(), clock)
    largest, kept = 0, Retention(largest=CAP)
    for first in range(0, count, 25):
        clock.now = time.time()
        log.append([_event(number, time.time()) for number in range(first, first + 25)])
        while log.prune(kept):
            pass
        largest = max(largest, log.used())
    log.close()
    yield f"largest size with a cap of {CAP >> 20} MiB", f"{100 * largest / CAP:.1f} %", "<= 105 %"


if __name__ == "__main__":
    main()
