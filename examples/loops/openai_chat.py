"""A loop with `openai`, over Chat Completions: what Groq, Ollama and many others speak, too."""

import asyncio

from openai import AsyncOpenAI

from aircall_mcp import Toolkit


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    async with Toolkit.sandbox() as aircall, AsyncOpenAI() as openai:
        chat, said = openai.chat.completions, [{"role": "user", "content": task}]
        view = aircall.only(toolsets={"workflows", "calls", "messages", "search"})
        while True:
            response = await chat.create(model="gpt-5.4", messages=said, tools=view.openai("chat"))
            said.append(response.choices[0].message.to_dict())
            if not (results := await view.handle(response)):
                return print(said[-1]["content"])
            said += results


asyncio.run(main())
