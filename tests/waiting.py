"""Waiting for what another task, thread or process does and nothing announces: by a condition."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import to_thread

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 60.0
"""Seconds to wait for something that must come."""


async def until(true: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait until `true()`, or what it awaits, is so; raises `TimeoutError` after `patience`
    seconds."""
    async with asyncio.timeout(patience):
        while True:
            answer = true()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.01)


async def aside(does: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What `does` gives, in a thread, while this loop goes on. `does` may run a loop of its own:
    unlike `asyncio.to_thread` nothing tells it there that one runs already."""
    return await to_thread.run_sync(partial(does, *arguments, **named))


def blocked_until(true: Callable[[], object], patience: float = PATIENCE) -> None:
    """The same for a test without an event loop; looks every millisecond."""
    end = time.monotonic() + patience
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.001)


async def reachable(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False
