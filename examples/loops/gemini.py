"""A loop with `google-genai`, streaming."""

import asyncio

from google import genai

from aircall_mcp import Toolkit


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    async with Toolkit.sandbox() as aircall, genai.Client().aio as client:
        said = results = [{"role": "user", "parts": [{"text": task}]}]
        view = aircall.only(toolsets={"workflows", "calls", "messages", "search"})
        config = {"tools": view.gemini(), "automatic_function_calling": {"disable": True}}
        ask = {"model": "gemini-3-flash", "contents": said, "config": config}
        while results:
            turn = {"role": "model", "parts": []}
            async for chunk in await client.models.generate_content_stream(**ask):
                print(*(part.text or "" for part in chunk.parts or ()), sep="", end="", flush=True)
                turn["parts"] += chunk.parts or ()
            results = await view.handle(turn)
            said += [turn, {"role": "user", "parts": results}]


asyncio.run(main())
