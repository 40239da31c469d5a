"""Waiting for what another task, thread or process does and nothing announces: by a condition."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from contextlib import suppress

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
