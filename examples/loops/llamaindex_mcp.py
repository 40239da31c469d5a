"""LlamaIndex: an agent with the tools over MCP, from the server in a process of its own."""

import asyncio
import os

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai import OpenAI
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    command = ["serve", "--sandbox", "--toolsets", "workflows,calls,messages"]
    aircall = BasicMCPClient("aircall-mcp", args=command, env=dict(os.environ), timeout=60)
    tools = await McpToolSpec(aircall).to_tool_list_async()
    agent = FunctionAgent(tools=tools, llm=OpenAI(model="gpt-5.4"))
    print(await agent.run(task))


asyncio.run(main())
