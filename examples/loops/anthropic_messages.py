"""A loop with `anthropic`, streaming."""

import asyncio

from anthropic import AsyncAnthropic

from aircall_mcp import Toolkit


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    async with Toolkit.sandbox() as aircall, AsyncAnthropic() as anthropic:
        said = [{"role": "user", "content": task}]
        tools = aircall.only(toolsets={"calls", "messages", "search"}).anthropic()
        while True:
            async with anthropic.messages.stream(
                model="claude-sonnet-5", max_tokens=4_000, messages=said, tools=tools
            ) as stream:
                async for text in stream.text_stream:
                    print(text, end="", flush=True)
                response = await stream.get_final_message()
            results = await aircall.handle(response)
            if not results:
                return
            content = [block.model_dump(exclude_none=True) for block in response.content]
            said += [
                {"role": "assistant", "content": content},
                {"role": "user", "content": results},
            ]


asyncio.run(main())
