"""An agent loop over the small tool surface, without a language model or a key.

The loop is what you would write for any model: give it an answer, take its next tool call, run it.
The model here is a script, so that you can watch what a real one does with six tools: search for
an operation, describe it, read what it needs, and reach a person. In the sandbox no phone rings.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Generator
from typing import Any

from mcp import Client, StdioServerParameters

Json = dict[str, Any]
ToolCall = tuple[str, Json]


def scripted_model(task: str) -> Generator[ToolCall, Json, str]:
    """Yields tool calls, is sent their answers, and returns what it has to say in the end."""
    found = yield "aircall_search", {"query": task}
    # The first that is one request to Aircall; a tool for the whole task would leave less to see.
    best = next(match for match in found["matches"] if match["operation"])
    about = yield "aircall_describe", {"operation": best["tool"]}
    (lookup,) = about["needs_first"]
    lines = yield "aircall_read", {"operation": lookup, "arguments": {"max_items": 10}}
    line = next(n for n in lines["data"]["numbers"] if n["country"] == "US")
    message = {"number_id": line["id"], "to": "+12125550123", "body": "Your order is on its way."}
    sent = yield best["call"], {"operation": best["tool"], "arguments": message}
    return f"Sent from {line['name']}: {sent['data']['status']}."


async def main() -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "aircall_mcp", "serve", "--surface", "search", "--sandbox"],
        env=dict(os.environ),
    )
    model = scripted_model("send a text message to a customer")
    async with Client(server) as client:
        tool, arguments = next(model)
        while True:
            print(f"{tool} {json.dumps(arguments)}")
            result = await client.call_tool(tool, arguments)
            answer: Json = result.structured_content or {}
            print(f"  {json.dumps(answer, ensure_ascii=False)[:160]}")
            try:
                tool, arguments = model.send(answer)
            except StopIteration as done:
                print(f"\n{done.value}")
                return


asyncio.run(main())
