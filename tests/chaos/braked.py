"""A process that has many effects under way at once: `python -m tests.chaos.braked '{...}'`.

It says "ready" once it could begin, begins at a line of stdin, and says of each what became of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from aircall_mcp.errors import ToolError
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway import ledger as budgets
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.safety import Brake
from aircall_mcp.storage.state import boot, durable, until_reboot
from tests.upstream import bound, gateway


async def work(
    base_url: str, home: str, number: int, effects: int, limit: int, window: float
) -> None:
    async def company(_account: str | None) -> tuple[str, int]:
        return "company", limit

    at = Path(home)
    budget = Budget(
        lambda: until_reboot(at, "state", budgets.MIGRATIONS, boot()),
        window=window,
        longest_wait=1e6,
    )
    journal = Journal(lambda: durable(at / "journal.db", journals.MIGRATIONS), boot=boot)
    ours = gateway(
        base_url, budget=budget, journal=journal, company=company, brake=Brake(at)
    )  # fmt: skip
    await ours.send(bound("ping"), Caller())
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

    async def one(index: int) -> str:
        tag = bound("create_tag", name=f"{number}-{index}", color="#FF5733")
        try:
            await ours.send(tag, Caller(interface="mcp", client=f"chaos {number}"))
        except ToolError as error:
            return error.kind
        return "done"

    print(json.dumps(await asyncio.gather(*map(one, range(effects)))), flush=True)
    await ours.aclose()


if __name__ == "__main__":
    asyncio.run(work(**json.loads(sys.argv[1])))
