"""A loop with `google-genai`."""

import asyncio

from google import genai

from aircall_mcp import Toolkit


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    async with Toolkit.sandbox() as aircall:
        client = genai.Client().aio
        said = [{"role": "user", "parts": [{"text": task}]}]
        view = aircall.only(toolsets={"workflows", "calls", "messages", "search"})
        config = {"tools": view.gemini(), "automatic_function_calling": {"disable": True}}
        while True:
            response = await client.models.generate_content(
                model="gemini-3-flash", contents=said, config=config
            )
            if not (results := await view.handle(response)):
                return print(response.text)
            said += [response.candidates[0].content, {"role": "user", "parts": results}]


asyncio.run(main())
