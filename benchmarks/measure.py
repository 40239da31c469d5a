"""Start a process as a client would, talk raw JSON-RPC to it, and weigh it."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO, Any

import psutil

Json = dict[str, Any]

PATIENCE = 15.0
"""Seconds that a process gets to end by itself."""


class Wire:
    """A server process on stdio. Any error it answers raises, so that none is ever measured. What
    it says besides goes to `said`, by default to where ours goes."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        said: int | IO[bytes] | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        self._weighed = psutil.Process(self._process.pid)
        self._last_id = 0

    def ask(self, method: str, params: Json) -> Json:
        """The result of one request. Raises `RuntimeError` for an error of either kind."""
        wanted = self._send(method, params)
        while True:
            answered, result = self._receive()
            if answered == wanted:
                return result

    def ask_all(self, method: str, every: Sequence[Json], *, in_flight: int) -> float:
        """Seconds for `every` request, of which `in_flight` are always on the way."""
        waiting = iter(every)
        started = time.perf_counter()
        for params in islice(waiting, in_flight):
            self._send(method, params)
        for _ in every:
            self._receive()
            for params in islice(waiting, 1):
                self._send(method, params)
        return time.perf_counter() - started

    def initialize(self) -> None:
        client = {"name": "benchmark", "version": "1"}
        self.ask(
            "initialize",
            {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client},
        )
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def memory(self) -> float:
        """Resident megabytes."""
        return self._weighed.memory_info().rss / 2**20

    def cpu(self) -> float:
        """Seconds of processor time so far, of all threads."""
        spent = self._weighed.cpu_times()
        return spent.user + spent.system

    def close(self) -> None:
        """End it as a client does, by closing its stdin."""
        assert self._process.stdin
        self._process.stdin.close()
        ended(self._process)

    def _send(self, method: str, params: Json) -> int:
        self._last_id += 1
        self._write({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        return self._last_id

    def _write(self, message: Json) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _receive(self) -> tuple[int, Json]:
        """The next answer's id and result; notifications are passed over."""
        assert self._process.stdout
        while line := self._process.stdout.readline():
            message: Json = json.loads(line)
            if "id" not in message:
                continue
            if "error" in message or message["result"].get("isError"):
                raise RuntimeError(f"not a figure but an error: {line[:400]!r}")
            return message["id"], message["result"]
        raise RuntimeError("the server ended")


@contextmanager
def sandbox(command: Sequence[str], environment: Mapping[str, str]) -> Generator[Json]:
    """The small Aircall in a process of its own: what its first line says of it."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        ended(process)


def ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of `process`, and bring it about if it does not come."""
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def timed(action: Callable[[], object]) -> float:
    """Seconds that `action` takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def paired(product: Sequence[float], floor: Sequence[float]) -> float:
    """How many times the floor: the median over rounds, since what slows a round slows both."""
    return statistics.median(ours / bare for ours, bare in zip(product, floor, strict=True))


def machine() -> str:
    """The class of this machine and how busy it is, in one line."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB,"
        f" {platform.system()}, Python {platform.python_version()},"
        f" load of the last minutes {psutil.getloadavg()[1]:.1f}"
    )
