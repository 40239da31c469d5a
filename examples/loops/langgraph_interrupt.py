"""LangChain and LangGraph. What needs a person's yes interrupts the graph until it is there."""

import asyncio

from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from aircall_mcp import Toolkit


def answer(question: dict) -> dict:
    """However your program asks its user."""
    yes = input(f"{question['preview']} [yes/no] ") == "yes"
    return question["yes" if yes else "no"]


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    async with Toolkit.sandbox(ask=True) as aircall:
        view = aircall.only(toolsets={"workflows", "calls", "messages", "search"})
        tools = view.langchain()
        agent = create_agent("openai:gpt-5.4", tools, checkpointer=InMemorySaver())
        thread = {"configurable": {"thread_id": "1"}}
        result = await agent.ainvoke({"messages": [("user", task)]}, thread)
        while waiting := result.get("__interrupt__"):
            answers = {one.id: answer(one.value) for one in waiting}
            result = await agent.ainvoke(Command(resume=answers), thread)
        print(result["messages"][-1].content)


asyncio.run(main())
