"""Pydantic AI. What needs a person's yes ends the run; the next one has the answer."""

import asyncio

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults

from aircall_mcp import Toolkit


def said_yes(question: str) -> bool:
    """However your program asks its user."""
    return input(f"{question} [yes/no] ") == "yes"


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    async with Toolkit.sandbox(ask=True) as aircall:
        tools = aircall.only(toolsets={"workflows", "calls", "messages", "search"}).pydantic_ai()
        agent = Agent("openai-chat:gpt-5.4", tools=tools, output_type=[str, DeferredToolRequests])
        result = await agent.run(task)
        while isinstance(result.output, DeferredToolRequests):
            answers = DeferredToolResults()
            for one in result.output.approvals:
                preview = result.output.metadata[one.tool_call_id]["preview"]
                answers.approvals[one.tool_call_id] = said_yes(preview)
            history = result.all_messages()
            result = await agent.run(message_history=history, deferred_tool_results=answers)
        print(result.output)


asyncio.run(main())
