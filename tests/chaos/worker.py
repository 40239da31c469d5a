"""A process whose tools are called: one line of stdin is a round of eight calls at once, answered
by a line with the status of each: 200, Aircall's where a tool failed for that, or 0.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from aircall_mcp import spec
from aircall_mcp.desk import Desk
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry
from tests.chaos.running import SharedClock, auth_in

TASKS = 8


async def work(home: Path, clock: SharedClock, url: str) -> None:
    auth, vault = auth_in(home, clock)
    gateway = Gateway(base_url=url, auth=auth, company=auth.company)
    desk = Desk(Offers(Registry.of(spec.load())), gateway, scrubber=auth.scrubber)
    loop = asyncio.get_running_loop()

    async def call(number: int) -> int:
        # Each asks something else: equal reads at one moment would share one request.
        arguments = {"per_page": number + 1}
        result = await desk.call("aircall_list_calls", arguments, Caller(account="paris"))
        return result.payload["error"].get("status", 0) if result.is_error else 200

    while await loop.run_in_executor(None, sys.stdin.readline):
        statuses = await asyncio.gather(*map(call, range(TASKS)))
        print(json.dumps(statuses), flush=True)
    await gateway.aclose()
    await auth.aclose()
    vault.close()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), SharedClock(Path(sys.argv[2])), sys.argv[3]))
