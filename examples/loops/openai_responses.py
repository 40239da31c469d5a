"""A loop with `openai`, over the Responses API, streaming."""

import asyncio

from openai import AsyncOpenAI

from aircall_mcp import Toolkit


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    async with Toolkit.sandbox() as aircall, AsyncOpenAI() as openai:
        said = results = [{"role": "user", "content": task}]
        view = aircall.only(toolsets={"workflows", "calls", "messages", "search"})
        tools = view.openai()
        while results:
            async with openai.responses.stream(model="gpt-5.4", input=said, tools=tools) as stream:
                async for event in stream:
                    if event.type == "response.output_text.delta":
                        print(event.delta, end="", flush=True)
                response = await stream.get_final_response()
            results = await view.handle(response)
            said += [*response.to_dict()["output"], *results]


asyncio.run(main())
