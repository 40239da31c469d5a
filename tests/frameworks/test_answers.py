"""A framework's answer counts for what the person was shown, and for nothing else."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aircall_mcp import Toolkit
from aircall_mcp.ground.clock import Clock
from aircall_mcp.safety.safety import Safety

from .graphs import NAME, NO, YES
from .seen import seen
from .vendors import playing

pytestmark = pytest.mark.anyio

# A person says yes to the first and no to the second.
SCRIPT: list[Any] = [[(NAME, YES), (NAME, NO)], "One is out."]


async def langgraph(view: Toolkit, openai: Any) -> str:
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.types import Command

    chat, http = {"base_url": str(openai.base_url), "api_key": openai.api_key}, openai._client
    model = ChatOpenAI(model="gpt-5.4", http_async_client=http, **chat)
    agent: Any = create_agent(model, view.langchain(), checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    result = await agent.ainvoke({"messages": [("user", "Text them.")]}, thread)
    waiting = result["__interrupt__"]
    assert len({one.id for one in waiting}) == 2
    # In the other order: each answer is that of the interrupt it names.
    answers = {
        one.id: one.value["yes" if one.value["arguments"] == YES else "no"]
        for one in reversed(waiting)
    }
    result = await agent.ainvoke(Command(resume=answers), thread)
    assert "__interrupt__" not in result
    return result["messages"][-1].content


async def pydantic_ai(view: Toolkit, openai: Any) -> str:
    from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, ToolDenied
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("gpt-5.4", provider=OpenAIProvider(openai_client=openai))
    first, later = (
        Agent(model, tools=view.pydantic_ai(), output_type=[str, DeferredToolRequests])
        for _ in range(2)  # as in another process: nothing but the messages goes from one to two
    )
    result = await first.run("Text them.")
    assert isinstance(result.output, DeferredToolRequests)
    answers = DeferredToolResults()
    for one in result.output.approvals:
        yes = one.args_as_dict()["body"] == YES["body"]
        answers.approvals[one.tool_call_id] = yes or ToolDenied("Not that one.")
    history = result.all_messages()
    ended = await later.run(message_history=history, deferred_tool_results=answers)
    assert isinstance(ended.output, str)
    return ended.output


async def agents_sdk(view: Toolkit, openai: Any) -> str:
    from agents import Agent, OpenAIResponsesModel, Runner, set_tracing_disabled

    set_tracing_disabled(True)
    model = OpenAIResponsesModel("gpt-5.4", openai)
    agent: Any = Agent(name="Aircall", model=model, tools=view.agents_sdk())
    result = await Runner.run(agent, "Text them.")
    state = result.to_state()
    assert len(result.interruptions) == 2
    for waiting in result.interruptions:
        yes = json.loads(waiting.arguments or "")["body"] == YES["body"]
        (state.approve if yes else state.reject)(waiting)
    return (await Runner.run(agent, state)).final_output


Run = Callable[[Toolkit, Any], Awaitable[str]]
FRAMEWORKS: dict[str, tuple[str, Run, str, list[str]]] = {
    "langgraph_interrupt": ("langgraph", langgraph, "langgraph", ["refused", "used"]),
    "openai_agents": (
        "agents",
        agents_sdk,
        "agents_sdk",
        ["used"],
    ),  # it asks before there is a question
    "pydantic_agent": ("pydantic_ai", pydantic_ai, "pydantic_ai", ["refused", "used"]),
}


@pytest.mark.parametrize("name", FRAMEWORKS)
async def test_each_of_two_answers_goes_to_its_own_call(name: str, tmp_path: Path) -> None:
    package, run, way, standings = FRAMEWORKS[name]
    pytest.importorskip(package)
    home = {"AIRCALL_MCP_HOME": str(tmp_path)}
    vendor = pytest.importorskip("openai")
    with playing(SCRIPT) as model:
        base, key = f"{model.url}/v1", "scripted"
        async with (
            Toolkit.sandbox(ask=True, environment=home) as aircall,
            vendor.DefaultAsyncHttpxClient() as http,
        ):
            openai = vendor.AsyncOpenAI(base_url=base, api_key=key, http_client=http)
            assert await run(aircall.only(names=["send_message"]), openai) == SCRIPT[-1]
        assert model.refused == []
    told = json.dumps(model.asked[-1])
    assert (told.count('\\"sandbox\\": true') + told.count('\\"sandbox\\":true')) == 1
    safety = Safety.of(tmp_path, clock=Clock(), fleeting=False)
    try:
        asked = await safety.state.write(
            lambda tx: tx.all("SELECT standing, way, preview FROM approval")
        )
    finally:
        safety.close()
    assert sorted(standing for standing, _, _ in asked) == standings
    assert {said for _, said, _ in asked} == {way}
    for standing, _, preview in asked:
        assert (YES if standing == "used" else NO)["body"] in preview
    seen(name, denial="heard")


async def test_pydantic_ai_asks_again_where_nobody_was_shown_it() -> None:
    pydantic_ai = pytest.importorskip("pydantic_ai")
    approved: Any = SimpleNamespace(tool_call_approved=True, tool_call_id="call-1")
    async with Toolkit.sandbox(ask=True) as aircall:
        numbers = (await aircall.execute("list_numbers"))["data"]["numbers"]
        tools = {
            tool.name: tool
            for tool in aircall.only(names=["send_message_in_conversation"]).pydantic_ai()
        }
        perform = tools["aircall_send_message_in_conversation"].function
        given = {"number_id": numbers[0]["id"], "to": await _contact(aircall), "body": "At nine."}
        with pytest.raises(pydantic_ai.ApprovalRequired):
            await perform(approved, **given)
        assert "data" in await perform(approved, **given)
        with pytest.raises(pydantic_ai.ApprovalRequired):
            await perform(approved, **{**given, "body": "At ten."})


async def test_pydantic_ai_takes_a_yes_for_what_this_very_call_was_shown_for() -> None:
    """A person says no to one and yes to the other: by the time of the answer the name that they
    were shown means the first."""
    pydantic_ai = pytest.importorskip("pydantic_ai")
    refused: Any = SimpleNamespace(tool_call_approved=False, tool_call_id="call-1")
    approved: Any = SimpleNamespace(tool_call_approved=True, tool_call_id="call-2")
    async with Toolkit.sandbox(ask=True) as aircall:
        tools = {tool.name: tool for tool in aircall.only(names=["place_call"]).pydantic_ai()}
        perform, to = tools["aircall_place_call"].function, await _contact(aircall)
        users = (await aircall.execute("team_status"))["data"]["users"]
        maya = next(user for user in users if user["name"] == "Maya Brooks")
        with pytest.raises(pydantic_ai.ApprovalRequired):
            await perform(refused, to=to, user="Maya Brooks")
        with pytest.raises(pydantic_ai.ApprovalRequired):
            await perform(approved, to=to, user=str(maya["id"]))


async def test_the_agents_sdk_refuses_for_nobody_what_nobody_was_asked() -> None:
    pytest.importorskip("agents")
    run: Any = SimpleNamespace(
        tool_name="aircall_plan", tool_call_id="call-1", is_tool_approved=lambda *_: None
    )
    async with Toolkit.sandbox(ask=True) as aircall:
        numbers = (await aircall.execute("list_numbers"))["data"]["numbers"]
        text = {"number_id": numbers[0]["id"], "to": await _contact(aircall), "body": "At nine."}
        steps = [{"operation": "send_message_in_conversation", "arguments": text}]
        plan = next(tool for tool in aircall.agents_sdk() if tool.name == "aircall_plan")
        told = json.loads(await plan.on_invoke_tool(run, json.dumps({"steps": steps})))
        assert told["error"]["approval"]["grade"] == 1
        standing = await aircall.execute("approval_status", {"id": told["error"]["approval"]["id"]})
        assert standing["data"]["standing"] == "waiting"


@pytest.mark.parametrize("by", ["approval", "policy"])
async def test_a_run_of_the_agents_sdk_that_is_resumed_twice_does_nothing_twice(
    by: str, tmp_path: Path
) -> None:
    """Its state is a text that anybody may keep, with the approval in it: also of what nobody need
    be asked about by then."""
    pytest.importorskip("agents")
    run: Any = SimpleNamespace(
        tool_name=NAME, tool_call_id="call-1", is_tool_approved=lambda *_: True
    )
    home = {"AIRCALL_MCP_HOME": str(tmp_path)}
    if by == "policy":
        (tmp_path / "policy.toml").write_text('[effects]\nreach = "allow"\n')
    async with Toolkit.sandbox(ask=True, environment=home) as aircall:
        view = aircall.only(names=["send_message"])
        send = view.agents_sdk()[0].on_invoke_tool
        first, again, another = [
            json.loads(await send(run, json.dumps(given))) for given in (YES, YES, NO)
        ]
    assert first["data"]["body"] == YES["body"]
    assert "resumed before" in again["error"]["message"]
    assert another["data"]["body"] == NO["body"]


async def test_frameworks_are_told_of_arguments_that_nobody_knows() -> None:
    """Whatever a model calls them, and however deep it goes."""
    pydantic_ai, agents = (pytest.importorskip(one) for one in ("pydantic_ai", "agents"))
    langchain = pytest.importorskip("langchain_core.tools")
    run: Any = SimpleNamespace(
        tool_name=NAME, tool_call_id="call-1", is_tool_approved=lambda *_: True
    )
    async with Toolkit.sandbox(ask=True) as aircall:
        view = aircall.only(names=["send_message"])
        chained, called, deep = view.langchain()[0], view.pydantic_ai()[0], view.agents_sdk()[0]
        assert isinstance(chained, langchain.BaseTool)
        assert isinstance(called, pydantic_ai.Tool)
        assert isinstance(deep, agents.FunctionTool)
        for name in ("self", "config", "run"):
            given = {**YES, name: "x"}
            told = [json.loads(await chained.ainvoke(given)), await called.function(run, **given)]
            assert [f"unknown `{name}`" in one["error"]["message"] for one in told] == [True] * 2
        told = json.loads(await deep.on_invoke_tool(run, "[" * 100_000))
        assert told["error"]["kind"] == "argument"


async def test_frameworks_are_told_of_a_home_that_cannot_be_read(tmp_path: Path) -> None:
    pytest.importorskip("agents")
    runnable = pytest.importorskip("langchain_core.runnables")
    run: Any = SimpleNamespace(
        tool_name=NAME, tool_call_id="call-1", is_tool_approved=lambda *_: True
    )
    (tmp_path / "usage.db").mkdir()
    home = {"AIRCALL_MCP_HOME": str(tmp_path)}
    async with Toolkit.sandbox(ask=True, environment=home) as aircall:
        view = aircall.only(names=["send_message"])
        task = runnable.RunnableConfig(configurable={"thread_id": "1", "checkpoint_ns": "a:1"})
        for told in (
            await view.langchain()[0].ainvoke(YES, task),
            await view.agents_sdk()[0].on_invoke_tool(run, json.dumps(YES)),
        ):
            assert json.loads(told)["error"]["kind"] == "storage"


async def test_a_call_for_another_account_is_another(tmp_path: Path) -> None:
    """Where two toolkits of one home are in one task."""
    home = {"AIRCALL_MCP_HOME": str(tmp_path)}
    async with (
        Toolkit.sandbox(ask=True, environment=home) as one,
        Toolkit.sandbox(ask=True, environment=home, account="sandbox") as other,
    ):
        begun = [await toolkit.asked.begin(["call-1"]) for toolkit in (one, other, one, other)]
    assert begun == [True, True, False, False]


async def _contact(aircall: Toolkit) -> str:
    contacts = (await aircall.execute("list_contacts", {"detail": "full"}))["data"]["contacts"]
    found = (one["value"] for row in contacts for one in row["phone_numbers"])
    return next("".join(value.split()) for value in found if value.startswith("+33"))
