"""A loop with `openai`, over the Responses API, streaming."""

import asyncio

from openai import AsyncOpenAI

from aircall_mcp import Toolkit


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    async with Toolkit.sandbox() as aircall, AsyncOpenAI() as openai:
        said = results = [{"role": "user", "content": task}]
        tools = aircall.only(toolsets={"calls", "messages", "search"}).openai()
        while results:
            async with openai.responses.stream(model="gpt-5.4", input=said, tools=tools) as stream:
                async for event in stream:
                    if event.type == "response.output_text.delta":
                        print(event.delta, end="", flush=True)
                response = await stream.get_final_response()
            results = await aircall.handle(response)
            said += [*response.to_dict()["output"], *results]


asyncio.run(main())
