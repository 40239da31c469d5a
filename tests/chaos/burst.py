"""A burst of events at a real receiver, which may be killed at any time."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..harness import Clock
from ..mail import PATH, TOKEN, log_in
from ..processes import free_port
from ..waiting import reachable, until

HOST = "127.0.0.1"


class ReceiverProcess:
    """`aircall-mcp webhooks serve` as a process of its own, over the log of `home`."""

    def __init__(self, home: Path, port: int, environment: Mapping[str, str] | None = None) -> None:
        self.home, self.port = home, port
        self._environment = environment or {}
        self.up = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        environment = {
            **os.environ, **self._environment, "AIRCALL_MCP_HOME": str(self.home)
        }  # fmt: skip
        with (self.home.parent / "complaints.txt").open("ab") as complaints:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "aircall_mcp", "webhooks", "serve", "--port", str(self.port),
                env=environment, stderr=complaints,
            )  # fmt: skip
        await until(lambda: reachable(self.port))
        self.up.set()

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        return await self._end(signal.SIGTERM)

    async def _end(self, number: int) -> int:
        self.up.clear()
        if self._process is None or self._process.returncode is not None:
            return 0
        self._process.send_signal(number)
        return await asyncio.wait_for(self._process.wait(), 15)


@dataclass
class Outcome:
    """What became of a burst. Times are in seconds."""

    acknowledged: set[int] = field(default_factory=set[int])
    refused: int = 0
    kills: int = 0
    lasted: float = 0.0
    serving: float = 0.0
    waits: list[float] = field(default_factory=list[float])
    stored: list[int] = field(default_factory=list[int])
    requests: int = 0

    @property
    def rate(self) -> float:
        """Requests answered a second, while there was somebody to answer."""
        return self.requests / self.serving

    def wait(self, percent: int) -> float:
        return statistics.quantiles(self.waits, n=100)[percent - 1]


def requests_of(count: int, *, duplicates: float, bad: float, seed: int) -> list[tuple[int, bytes]]:
    """`count` events, and of them so many again; and so many with a token that is none (id < 0)."""
    chance = random.Random(seed)
    now = int(time.time())
    made = [(n, _request(n, TOKEN, now)) for n in range(1, count + 1)]
    made += chance.sample(made, round(count * duplicates))
    made += [
        (-n, _request(10**9 + n, "not-the-token", now)) for n in range(1, round(count * bad) + 1)
    ]
    chance.shuffle(made)
    return made


def _request(number: int, token: str, now: int) -> bytes:
    data: dict[str, Any] = {
        "id": number,
        "direction": "inbound",
        "status": "done",
        "raw_digits": f"+331990{number % 100_000:05d}",
        "number": {"id": 3, "name": "Paris Sales", "digits": "+33 1 99 00 10 01"},
        "user": {"id": number % 50 + 1, "name": "Ana Duarte", "email": "ana.duarte@example.com"},
        "comments": [{"content": "x" * 700}],
    }
    told = {
        "resource": "call",
        "event": "call.ended",
        "timestamp": now,
        "token": token,
        "data": data,
    }
    body = json.dumps(told).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: events\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def burst(
    home: Path, count: int, *, kills: int, senders: int = 48, duplicates: float = 0.1,
    bad: float = 0.05, seed: int = 1,
) -> Outcome:  # fmt: skip
    """Send it all until all is answered, as Aircall does; what was stored stands in the outcome."""
    log_in(home, Clock(time.time())).close()
    receiver = ReceiverProcess(home, free_port())
    outcome = Outcome()
    waiting = asyncio.Queue[tuple[int, bytes]]()
    for one in requests_of(count, duplicates=duplicates, bad=bad, seed=seed):
        waiting.put_nowait(one)
    await receiver.start()
    started = up_since = time.perf_counter()
    sending = [asyncio.create_task(_send(receiver, waiting, outcome)) for _ in range(senders)]
    everything = waiting.qsize()
    try:
        for number in range(1, kills + 1):
            enough = everything * number // (kills + 1)
            await until(lambda enough=enough: outcome.requests >= enough, 600)
            outcome.serving += time.perf_counter() - up_since
            await receiver.kill()
            outcome.kills += 1
            await receiver.start()
            up_since = time.perf_counter()
        await asyncio.gather(*sending)
    finally:
        for task in sending:
            task.cancel()
        outcome.serving += time.perf_counter() - up_since
        outcome.lasted = time.perf_counter() - started
        await receiver.stop()
    with sqlite3.connect(home / "events.db") as database:
        outcome.stored = [row[0] for row in database.execute("SELECT call_id FROM event")]
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    return outcome


async def _send(
    receiver: ReceiverProcess, waiting: asyncio.Queue[tuple[int, bytes]], outcome: Outcome
) -> None:
    """Send what is waiting, as Aircall does: what was not answered goes out again."""
    connection = _Connection(receiver)
    while not waiting.empty():
        number, request = waiting.get_nowait()
        await until(lambda request=request: connection.heard(request), 600)
        outcome.requests += 1
        if connection.status == 200:
            outcome.acknowledged.add(number)
            outcome.waits.append(time.perf_counter() - connection.began)
        else:
            assert connection.status == 401
            outcome.refused += 1
    connection.close()


class _Connection:
    """One of Aircall's at a time; `status` is that of the last answer, `began` when it was asked
    for."""

    def __init__(self, receiver: ReceiverProcess) -> None:
        self._receiver = receiver
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.status = 0
        self.began = 0.0

    async def heard(self, request: bytes) -> bool:
        """Whether it was answered for good: not by one who dies meanwhile, or puts us off."""
        await self._receiver.up.wait()
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(HOST, self._receiver.port)
            reader, writer = self._streams
            self.began = time.perf_counter()
            writer.write(request)
            self.status = await _answer(reader)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return False
        return self.status != 503

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status, length = int(head[9:12]), 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line[15:])
    await reader.readexactly(length)
    return status
