"""The words come as they are said, and the calls between them are answered: the same loops, where
the program on the page waits for each turn as a whole."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp import Toolkit

from .seen import seen
from .vendors import playing

pytestmark = pytest.mark.anyio

LOOK = ("aircall_list_calls", {"max_items": 1})
SCRIPT: list[Any] = [[LOOK, ("aircall_list_tags", {"max_items": 1})], "One was missed."]
TASK = "Who called?"


async def chat(view: Toolkit, openai: Any) -> AsyncIterator[str]:
    said: list[Any] = [{"role": "user", "content": TASK}]
    results: list[Any] = said
    tools: Any = view.openai("chat")
    while results:
        asked = openai.chat.completions.stream(model="gpt-5.4", messages=said, tools=tools)
        async with asked as stream:
            async for event in stream:
                if event.type == "content.delta":
                    yield event.delta
            response = await stream.get_final_completion()
        results = await view.handle(response)
        said += [response.choices[0].message.to_dict(), *results]


async def agents_sdk(view: Toolkit, openai: Any) -> AsyncIterator[str]:
    from agents import Agent, OpenAIResponsesModel, Runner, set_tracing_disabled

    set_tracing_disabled(True)
    model = OpenAIResponsesModel("gpt-5.4", openai)
    agent: Any = Agent(name="Aircall", model=model, tools=view.agents_sdk())
    async for event in Runner.run_streamed(agent, TASK).stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            yield event.data.delta


async def pydantic_ai(view: Toolkit, openai: Any) -> AsyncIterator[str]:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("gpt-5.4", provider=OpenAIProvider(openai_client=openai))
    async with Agent(model, tools=view.pydantic_ai()).run_stream(TASK) as result:
        async for text in result.stream_text(delta=True, debounce_by=None):
            yield text


async def langgraph(view: Toolkit, openai: Any) -> AsyncIterator[str]:
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI

    key, base = openai.api_key, str(openai.base_url)
    http = openai._client
    model = ChatOpenAI(model="gpt-5.4", base_url=base, api_key=key, http_async_client=http)
    agent: Any = create_agent(model, view.langchain())
    asked = {"messages": [("user", TASK)]}
    async for chunk, told in agent.astream(asked, stream_mode="messages"):
        if told["langgraph_node"] == "model" and chunk.text:
            yield chunk.text


Run = Callable[[Toolkit, Any], AsyncIterator[str]]
LOOPS: dict[str, tuple[str, Run]] = {
    "langgraph_interrupt": ("langgraph", langgraph),
    "openai_agents": ("agents", agents_sdk),
    "openai_chat": ("openai", chat),
    "pydantic_agent": ("pydantic_ai", pydantic_ai),
}


@pytest.mark.parametrize("name", LOOPS)
async def test_a_loop_streams(name: str, tmp_path: Path) -> None:
    package, loop = LOOPS[name]
    pytest.importorskip(package)
    vendor = pytest.importorskip("openai")
    with playing(SCRIPT) as model:
        base, home = f"{model.url}/v1", {"AIRCALL_MCP_HOME": str(tmp_path)}
        async with (
            Toolkit.sandbox(environment=home) as aircall,
            vendor.DefaultAsyncHttpxClient() as http,
        ):
            openai = vendor.AsyncOpenAI(base_url=base, api_key="scripted", http_client=http)
            view = aircall.only(names=[named for named, _ in SCRIPT[0]])
            texts = [text async for text in loop(view, openai)]
    assert model.refused == []
    assert "".join(texts) == SCRIPT[-1]
    assert len(texts) > 1
    assert [asked.get("stream") for asked in model.asked] == [True, True]
    told = json.dumps(model.asked[-1])
    assert "started_at" in told
    assert "tags" in told
    seen(name, streaming=True)
