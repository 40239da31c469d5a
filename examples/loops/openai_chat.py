"""A loop with `openai`, over Chat Completions: what Groq, Ollama and many others speak, too."""

import asyncio

from openai import AsyncOpenAI

from aircall_mcp import Toolkit


async def main(task: str = "Who called and was missed? Text the last one back.") -> None:
    async with Toolkit.sandbox() as aircall, AsyncOpenAI() as openai:
        chat, said = openai.chat.completions, [{"role": "user", "content": task}]
        tools = aircall.only(toolsets={"calls", "messages", "search"}).openai("chat")
        while True:
            response = await chat.create(model="gpt-5.4", messages=said, tools=tools)
            said.append(response.choices[0].message.to_dict())
            if not (results := await aircall.handle(response)):
                return print(said[-1]["content"])
            said += results


asyncio.run(main())
