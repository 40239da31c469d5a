"""Google's Agent Development Kit: an agent with the tools over MCP, from the server in a process of
its own."""

import asyncio
import os

from google.adk.agents import LlmAgent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.runners import InMemoryRunner
from google.adk.tools.mcp_tool import McpToolset, StdioConnectionParams
from mcp import StdioServerParameters


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    command = ["serve", "--sandbox", "--toolsets", "workflows,calls,messages"]
    server = StdioServerParameters(command="aircall-mcp", args=command, env=dict(os.environ))
    aircall = McpToolset(connection_params=StdioConnectionParams(server_params=server, timeout=60))
    agent = LlmAgent(name="Aircall", model="gemini-3-flash", tools=[aircall])
    async with InMemoryRunner(agent=agent) as runner:
        await runner.run_debug(task, run_config=RunConfig(streaming_mode=StreamingMode.SSE))


asyncio.run(main())
