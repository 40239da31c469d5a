"""Last week's missed calls, read page by page through an MCP client.

`python examples/list_missed_calls.py` asks the sandbox; with `--real` it asks the Aircall company
whose AIRCALL_API_ID and AIRCALL_API_TOKEN are in the environment. It only reads.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from mcp import Client, StdioServerParameters


async def main() -> int:
    where = [] if "--real" in sys.argv else ["--sandbox"]
    # A client hands on little of its environment by itself, and the keys are in there.
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "aircall_mcp", "serve", "--read-only", *where],
        env=dict(os.environ),
    )
    reasons: Counter[str] = Counter()
    week_ago = (datetime.now(UTC) - timedelta(days=7)).isoformat(timespec="seconds")
    arguments: dict[str, Any] | None = {"from": week_ago}
    async with Client(server) as client:
        while arguments is not None:
            result = await client.call_tool("aircall_list_calls", arguments)
            answer: dict[str, Any] = result.structured_content or {}
            if result.is_error:
                print(answer["error"]["message"], answer["error"].get("hint", ""), file=sys.stderr)
                return 1
            for call in answer["data"].get("calls", ()):
                if reason := call.get("missed_call_reason"):
                    reasons[reason] += 1
                    print(call["started_at"], call["number"]["name"], call["raw_digits"], reason)
            arguments = answer["page"].get("next")  # what the call for the next page takes
    print(f"\n{reasons.total()} missed:", ", ".join(f"{n} {r}" for r, n in reasons.most_common()))
    return 0


sys.exit(asyncio.run(main()))
