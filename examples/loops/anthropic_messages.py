"""A loop with `anthropic`, streaming."""

import asyncio

from anthropic import AsyncAnthropic

from aircall_mcp import Toolkit


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    async with Toolkit.sandbox() as aircall, AsyncAnthropic() as anthropic:
        said = results = [{"role": "user", "content": task}]
        view = aircall.only(toolsets={"workflows", "calls", "messages", "search"})
        ask = {"model": "claude-sonnet-5", "max_tokens": 4_000, "tools": view.anthropic()}
        while results:
            async with anthropic.messages.stream(messages=said, **ask) as stream:
                async for text in stream.text_stream:
                    print(text, end="", flush=True)
                response = await stream.get_final_message()
            results = await view.handle(response)
            turn = [block.model_dump(exclude_none=True) for block in response.content]
            said += [{"role": "assistant", "content": turn}, {"role": "user", "content": results}]


asyncio.run(main())
