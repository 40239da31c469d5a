"""The OpenAI Agents SDK without MCP. What needs a person's yes stops the run until it is there."""

import asyncio

from agents import Agent, Runner, set_tracing_disabled

from aircall_mcp import Toolkit


def said_yes(question: str) -> bool:
    """However your program asks its user."""
    return input(f"{question} [yes/no] ") == "yes"


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    set_tracing_disabled(True)
    async with Toolkit.sandbox(ask=True) as aircall:
        tools = aircall.only(toolsets={"workflows", "calls", "messages", "search"}).agents_sdk()
        agent = Agent(name="Aircall", instructions="You look after missed calls.", tools=tools)
        result = await Runner.run(agent, task)
        while result.interruptions:
            state = result.to_state()
            for waiting in result.interruptions:
                yes = said_yes(f"{waiting.name} {waiting.arguments}")
                (state.approve if yes else state.reject)(waiting)
            result = await Runner.run(agent, state)
        print(result.final_output)


asyncio.run(main())
