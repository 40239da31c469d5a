"""The example of every tool is ready to use: in a fresh sandbox all of them succeed, in order."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from aircall_mcp import spec
from aircall_mcp.ground.operation import WORKFLOWS
from aircall_mcp.offer import Offer, Registry, Selection

pytestmark = pytest.mark.anyio

EXAMPLES = {operation.tool: dict(operation.example) for operation in spec.load().operations}
TASKS = {one.tool for one in spec.load().operations if one.toolset == WORKFLOWS}


@pytest.mark.parametrize("surface", ["full", "tasks", "search"])
async def test_the_examples_of_all_tools_succeed_in_the_order_of_the_list(
    surface: str, home: Path
) -> None:
    """Who waits for an event waits beside the others: the call that is placed is what comes. The
    tools for whole tasks are called where they belong, for all examples together are more
    requests than a company has in a minute."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "aircall_mcp", "serve", "--sandbox", "--surface", surface],
        env={**os.environ, "AIRCALL_MCP_HOME": str(home)},
    )
    answers: dict[str, Any] = {}

    async with Client(server) as client, asyncio.TaskGroup() as beside:
        names = [tool.name for tool in (await client.list_tools()).tools]

        async def call(name: str) -> None:
            answers[name] = await client.call_tool(name, EXAMPLES[name])

        for name in names:
            if (name in TASKS) != (surface == "tasks"):
                continue
            if name == "aircall_wait_for_event":
                beside.create_task(call(name))
            else:
                await call(name)
    assert answers.keys() == {one for one in names if (one in TASKS) == (surface == "tasks")}
    assert list(dict.fromkeys(names)) == names
    listed = Offer(Registry.of(spec.load()), Selection(surface=surface))
    assert names == [tool["name"] for tool in listed.tools]
    failed = {name: one.structured_content for name, one in answers.items() if one.is_error}
    assert failed == {}
    assert all(one.structured_content for one in answers.values())
    if surface == "full":
        event = answers["aircall_wait_for_event"].structured_content["data"]["event"]
        answered = event["data"]
        assert (event["event"], answered["raw_digits"]) == ("call.answered", "+1 415-555-0143")
