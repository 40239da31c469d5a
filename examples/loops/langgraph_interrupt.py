"""LangChain and LangGraph. What needs a person's yes interrupts the graph until it is there."""

import asyncio

from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from aircall_mcp import Toolkit


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    async with Toolkit.sandbox(ask=True) as aircall:
        tools = aircall.only(toolsets={"calls", "messages", "search"}).langchain()
        agent = create_agent("openai:gpt-5.4", tools, checkpointer=InMemorySaver())
        thread = {"configurable": {"thread_id": "1"}}
        result = await agent.ainvoke({"messages": [("user", task)]}, thread)
        while "__interrupt__" in result:
            for waiting in result["__interrupt__"]:
                print("Approved:", waiting.value["tool"])  # ask your user here
            result = await agent.ainvoke(Command(resume=True), thread)
        print(result["messages"][-1].content)


asyncio.run(main())
