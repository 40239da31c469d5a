"""The OpenAI Agents SDK over MCP: the server in a process of its own."""

import asyncio
import os

from agents import Agent, Runner, set_tracing_disabled
from agents.mcp import MCPServerStdio


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    set_tracing_disabled(True)
    command = ["serve", "--sandbox", "--toolsets", "workflows,calls,messages"]
    server = {"command": "aircall-mcp", "args": command, "env": dict(os.environ)}
    async with MCPServerStdio(server, client_session_timeout_seconds=60) as aircall:
        agent = Agent(
            name="Aircall", instructions="You look after missed calls.", mcp_servers=[aircall]
        )
        result = Runner.run_streamed(agent, task)
        async for event in result.stream_events():
            if event.type == "raw_response_event" and hasattr(event.data, "delta"):
                print(event.data.delta, end="", flush=True)


asyncio.run(main())
