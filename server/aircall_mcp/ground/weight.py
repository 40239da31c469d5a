"""How much work a piece of JSON makes, and a thread for work that would block the event loop.

The loop answers everybody, so nobody's answer may hold it. A thread alone does not help: `json`
keeps the interpreter to itself until it is done, 0.7 s for 5 MB of empty lists. So the number of
values is bounded before anything is parsed, which leaves it some 20 ms; and what comes after, in
small steps of Python, may take its time on the thread. A process instead would have to be started,
and what it parsed would have to be read once more from a pipe, at the same price.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar, cast

T = TypeVar("T")

MOST_VALUES = 50_000
"""Values of one JSON text that is parsed at all. A page of 50 phone calls has 5,000."""

MOST_ASKED = 20_000
"""Values of one request of a client, which the SDK parses on the loop, and more than once; and of
what a stranger says is an event of Aircall's, which has 300."""

LIGHT = 256 * 1024
"""Weight in bytes up to which work is done where it comes up: some 30 ms of it at most."""

_A_VALUE = 32
"""Bytes that a value weighs at least: it takes as long to look at as so many letters."""


_OTHERS = bytes(byte for byte in range(256) if byte not in b",[{")


def values_in(text: bytes | str) -> int:
    """At most so many values are in `text` (JSON). What commas and brackets its strings have is
    counted, too: to tell them apart would be to parse it."""
    if isinstance(text, str):
        return text.count(",") + text.count("[") + text.count("{") + 1
    return len(text.translate(None, _OTHERS)) + 1


def weight_of(size: int, values: int) -> int:
    """The bytes of a JSON text, or what its values weigh if that is more."""
    return max(size, _A_VALUE * values)


def weight_in(value: Any) -> int:
    """The weight of what stands in `value`, which is JSON that is not written yet."""
    weight, parts = 0, [value]
    while parts:
        part = parts.pop()
        weight += _A_VALUE
        if isinstance(part, str):
            weight += len(part)
        elif isinstance(part, Mapping):
            fields = cast("Mapping[str, Any]", part)
            weight += sum(map(len, fields))
            parts += fields.values()
        elif isinstance(part, list | tuple):
            parts += cast("Sequence[Any]", part)
    return weight


def deeper_than(levels: int, value: Any) -> bool:
    """Whether JSON is nested in more than so many objects and arrays."""
    level: list[Any] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(levels):
        level = [
            part
            for holder in level
            for part in (holder.values() if isinstance(holder, dict) else holder)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            if isinstance(part, (dict, list))
        ]
        if not level:
            return False
    return any(level)


def give_way() -> None:
    """Let another thread have its turn at once: asked for in steps of Python, it waits for 5 ms."""
    time.sleep(0)


class Aside:
    """Heavy work, one piece after the other on a thread beside the loop; light work at once.

    One after the other, since two threads in Python are not faster than one, and keep the loop
    waiting twice as long. Close it with `close`.
    """

    def __init__(self, executor: Executor | None = None) -> None:
        self._executor = executor
        self.done = 0
        """Pieces that were done aside."""

    async def __call__(self, work: Callable[[], T], *, weight: int) -> T:
        if weight <= LIGHT:
            return work()
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self.done += 1
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def close(self) -> None:
        """What has not begun by now will not."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
