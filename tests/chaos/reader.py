"""A process that reads as fast as the budget lets it: `python -m tests.chaos.reader '{...}'`."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from contextlib import suppress
from pathlib import Path

from aircall_mcp.errors import Refused
from aircall_mcp.gateway import ledger as budgets
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock
from aircall_mcp.storage.state import boot, until_reboot
from tests.upstream import bound, gateway


async def read(
    base_url: str,
    home: str,
    number: int,
    calls: int,
    limit: int,
    window: float,
    jumps: bool,
) -> None:
    """`calls` different reads, twenty at a time; with `jumps` the wall clock leaps an hour."""

    async def company(_account: str | None) -> tuple[str, int]:
        return "company", limit

    def leaping() -> float:
        return time.time() + random.choice((-3600.0, 0.0, 3600.0))

    shared = Budget(
        lambda: until_reboot(Path(home), "state", budgets.MIGRATIONS, boot()),
        window=window,
        longest_wait=1e6,
        clock=Clock(wall=leaping) if jumps else Clock(),
    )
    ours = gateway(base_url, budget=shared, company=company)
    turns = asyncio.Semaphore(20)

    async def one(index: int) -> None:
        async with turns:
            with suppress(Refused):  # there is no such call; the request counts all the same
                await ours.send(bound("get_call", call_id=1 + number * 10_000 + index), Caller())

    await asyncio.gather(*(one(index) for index in range(calls)))
    await ours.aclose()


if __name__ == "__main__":
    asyncio.run(read(**json.loads(sys.argv[1])))
