"""Who is let in, who makes room, and who has had his time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aircall_mcp.ground import asgi
from aircall_mcp.ground.admission import Admission, Bounds, Visit, Waits

from ..harness import Clock
from ..waiting import until

SMALL = Bounds(connections=8, from_one=3, unfinished=1000)


class AdmissionHarness:
    """Everybody who comes, by a number, and who was ended with what."""

    def __init__(self, bounds: Bounds = SMALL) -> None:
        self.clock = Clock()
        self.admission = Admission(bounds, self.clock.handed())
        self.ended: list[tuple[int, int]] = []
        self.there: list[Visit] = []

    def come(self, address: str = "127.0.0.1") -> Visit:
        number = len(self.there)
        visit = Visit(lambda status: self.ended.append((number, status)))
        self.there.append(visit)
        self.admission.enter(visit, address)
        return visit


def test_the_oldest_that_keeps_us_waiting_makes_room() -> None:
    harness = AdmissionHarness()
    for _ in range(8):
        harness.come()
    harness.admission.waits(harness.there[0], None, stage=1)  # is being answered
    harness.admission.waits(harness.there[1], "body", stage=1, held=10)  # its head came just now
    for _ in range(3):
        harness.come()
    assert harness.ended == [(2, 0), (3, 0), (4, 0)]
    assert harness.admission.connected == 8


def test_where_all_are_being_answered_whoever_comes_is_sent_away() -> None:
    harness = AdmissionHarness()
    for _ in range(8):
        harness.admission.waits(harness.come(), None, stage=1)
    harness.come()
    assert harness.ended == [(8, 0)]
    harness.admission.leave(harness.there[3])
    harness.come()
    assert len(harness.ended) == 1


def test_bytes_of_unfinished_requests_are_bounded_in_all() -> None:
    harness = AdmissionHarness()
    harness.come()
    for number in range(4):
        harness.admission.waits(harness.come(), "body", stage=1, held=240 + number)
    assert (harness.ended, harness.admission.held) == ([], 966)
    harness.admission.waits(harness.there[4], "body", stage=1, held=280)
    assert (harness.ended, harness.admission.held) == ([(1, 503)], 763)
    harness.admission.waits(harness.there[4], "body", stage=1, held=2000)
    assert harness.ended == [(1, 503), (2, 503), (3, 503), (4, 503)]
    assert harness.admission.held == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.7", "172.17.0.1", "fd00::1", ""])
def test_the_address_of_a_proxy_is_nobodys(address: str) -> None:
    harness = AdmissionHarness()
    for _ in range(8):
        harness.come(address)
    assert harness.ended == []


def test_one_address_of_the_internet_has_its_part_alone() -> None:
    harness = AdmissionHarness()
    for _ in range(4):
        harness.come("192.0.66.7")
        harness.come("192.0.66.8")
    assert harness.ended == [(0, 0), (1, 0)]
    harness.admission.waits(harness.there[2], None, stage=1)
    harness.come("192.0.66.7")
    assert harness.ended[2:] == [(4, 0)]
    harness.come("198.35.26.96")
    assert len(harness.ended) == 3


def test_each_has_so_long_and_a_byte_now_and_then_does_not_help() -> None:
    harness = AdmissionHarness()
    silent, slow, body, busy, deaf = (harness.come() for _ in range(5))
    harness.admission.waits(body, "body", stage=1, held=1)
    harness.admission.waits(busy, None, stage=1)
    harness.admission.waits(deaf, "reader", stage=1)
    for second in range(1, 60):
        harness.clock.now += 1
        harness.admission.waits(slow, "head", stage=0 if second < 1 else None, held=second)
        harness.admission.waits(body, "body", stage=1, held=second)
        harness.admission.sweep()
        assert (silent in harness.admission._visits) == (second < 10)  # pyright: ignore[reportPrivateUsage]
        assert ((1, 408) in harness.ended) == (second >= 10)
        assert ((2, 408) in harness.ended) == (second >= 15)
        assert ((4, 0) in harness.ended) == (second >= 15)
    assert [number for number, _ in harness.ended] == [0, 1, 2, 4]


STEPS = ("come", "head", "body", "busy", "leave", "late")
WAITS: dict[str, Waits | None] = {"head": "head", "body": "body", "busy": None}


@given(
    some.lists(
        some.tuples(some.sampled_from(STEPS), some.integers(0, 30), some.integers(0, 400)),
        max_size=120,
    )
)
def test_the_bounds_hold_whatever_comes_in_whatever_order(
    steps: list[tuple[str, int, int]],
) -> None:
    harness = AdmissionHarness()
    for what, which, much in steps:
        if what == "come":
            harness.come(("127.0.0.1", "192.0.66.7", "8.8.8.8")[which % 3])
        elif what == "late":
            harness.clock.now += which
            harness.admission.sweep()
        elif harness.there:
            visit = harness.there[which % len(harness.there)]
            if what == "leave":
                harness.admission.leave(visit)
            else:
                waits = WAITS[what]
                harness.admission.waits(visit, waits, stage=much % 3, held=much if waits else 0)
        held = sum(visit.held for visit in harness.there)
        assert held == harness.admission.held <= SMALL.unfinished
        assert harness.admission.connected <= SMALL.connections
    for visit in harness.there:
        harness.admission.leave(visit)
    assert (harness.admission.connected, harness.admission.held) == (0, 0)
    assert len({number for number, _ in harness.ended}) == len(harness.ended)  # nobody twice


# Over real sockets.


async def app(_scope: Any, receive: Any, send: Any) -> None:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message["more_body"]
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def served(bounds: Bounds) -> AsyncGenerator[tuple[int, Admission, Clock]]:
    clock = Clock()

    async def never(_seconds: float) -> None:
        await asyncio.Event().wait()

    admission = Admission(bounds, clock.handed(never))
    listening = asgi.listen("127.0.0.1", 0)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # so that it is soon full
    port = listening.getsockname()[1]
    serving = asyncio.create_task(asgi.serve(app, listening, lifespan="off", admission=admission))
    try:
        yield port, admission, clock
    finally:
        serving.cancel()
        await asyncio.wait({serving})


POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("began", "seconds", "told"),
    [(b"", 10, b""), (b"POST /", 10, b"HTTP/1.1 408"), (POST[:-2], 10, b"HTTP/1.1 408"),
     (POST, 15, b"HTTP/1.1 408"), (POST + b"12345678", 15, b"HTTP/1.1 408")],
)  # fmt: skip
async def test_a_request_has_so_long_to_arrive(began: bytes, seconds: int, told: bytes) -> None:
    async with served(Bounds()) as (port, admission, clock):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(began)
        await until(lambda: admission.connected == 1 and admission.held >= len(began[:1]))
        await asyncio.sleep(0)
        clock.now += seconds - 0.1
        admission.sweep()
        assert admission.connected == 1
        clock.now += 0.2
        admission.sweep()
        assert admission.connected == 0
        assert (await reader.read()).startswith(told)
        writer.close()


@pytest.mark.anyio
async def test_the_next_request_of_a_connection_has_its_own_time() -> None:
    async with served(Bounds()) as (port, admission, clock):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(5):
            writer.write(GET[:9])
            await until(lambda: admission.held == 9)
            clock.now += 6
            admission.sweep()
            writer.write(GET[9:])
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            clock.now += 6
            admission.sweep()
        writer.close()
        await until(lambda: admission.connected == 0)


@pytest.mark.anyio
async def test_half_full_nobody_stays_for_another_request() -> None:
    async with served(Bounds(connections=4)) as (port, admission, _clock):
        others = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        await until(lambda: admission.connected == 3)
        reader, writer = others[1]
        writer.write(GET)
        told = await reader.read()  # to its end: it is closed
        assert b"\r\nconnection: close\r\n" in told
        assert told.endswith(b"ok")
        for _, one in others:
            one.close()


@pytest.mark.anyio
@pytest.mark.slow
async def test_who_asks_and_does_not_read_is_let_go() -> None:
    async with served(Bounds()) as (port, admission, clock):
        asking = socket.socket()
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asking.connect(("127.0.0.1", port))
        _, writer = await asyncio.open_connection(sock=asking, limit=64)
        cast("asyncio.ReadTransport", writer.transport).pause_reading()
        visits = admission._visits  # pyright: ignore[reportPrivateUsage]
        for _ in range(10_000):
            if any(visit.waits == "reader" for visit in visits):
                break
            writer.write(GET * 1_000)
            await asyncio.sleep(0)
        await until(lambda: any(visit.waits == "reader" for visit in visits))
        clock.now += 16
        admission.sweep()
        assert admission.connected == 0
        writer.transport.abort()
