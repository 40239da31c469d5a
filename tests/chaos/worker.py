"""A process that calls: one line of stdin is a round of eight calls at once, answered by a line."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import httpx2

from tests.chaos.town import SharedClock, resident

TASKS = 8


async def work(home: Path, clock: SharedClock, url: str) -> None:
    auth, vault = resident(home, clock)
    loop = asyncio.get_running_loop()
    async with httpx2.AsyncClient(trust_env=False) as client:

        async def call() -> int:
            signature = await auth.sign("paris", f"{url}/v1/ping")
            return (await client.get(f"{url}/v1/ping", headers=dict(signature.headers))).status_code

        while await loop.run_in_executor(None, sys.stdin.readline):
            statuses = await asyncio.gather(*(call() for _ in range(TASKS)))
            print(json.dumps(statuses), flush=True)
    await auth.aclose()
    vault.close()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), SharedClock(Path(sys.argv[2])), sys.argv[3]))
