"""The time, as an argument: so that no test waits for it, and all parts use the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Three ways to time, all in seconds.

    `monotonic` never goes back, and begins anew with each boot: for waiting and for limits. `wall`
    is UNIX time, which people and other machines share, and which is set forward and back: for what
    is stored or said. `sleep` lets others work for a while.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
