"""The floor: the least that serves these tools over stdio and reaches the same upstream.

A bare low-level server: the tools are read from a file, arguments go unchecked into the path and
the query, and the upstream's text is passed through. It opens its one client at the first call,
as the product does, so that neither start waits for certificates.

    python floor.py PLAN.json

where the plan is `{"base_url", "api_id", "api_token", "tools": [...]}` and, from a tool to its
method and path, `"routes"`.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types as types
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server

PLAN: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text("utf-8"))
LISTED = types.ListToolsResult(tools=[types.Tool.model_validate(tool) for tool in PLAN["tools"]])

Context = ServerRequestContext[Any, Any]


@cache
def upstream() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=PLAN["base_url"], auth=(PLAN["api_id"], PLAN["api_token"]), trust_env=False
    )


async def list_tools(
    _ctx: Context, _params: types.PaginatedRequestParams | None
) -> types.ListToolsResult:
    return LISTED


async def call_tool(_ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    given = dict(params.arguments or {})
    method, path = PLAN["routes"][params.name]
    for name in list(given):
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", str(given.pop(name)))
    sent: dict[str, Any] = {"json": given} if method == "POST" else {"params": given}
    response = await upstream().request(method, path, **sent)
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=response.text)],
        is_error=response.is_error,
    )


async def main() -> None:
    server = Server[Any]("floor", version="1", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main)
