"""A framework's answer counts for what the person was shown, and for nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aircall_mcp import Toolkit
from aircall_mcp.ground.clock import Clock
from aircall_mcp.safety.safety import Safety

from .seen import seen
from .vendors import playing

pytestmark = pytest.mark.anyio

Json = dict[str, Any]

NAME = "aircall_send_message"
YES, NO = (
    {"number_id": 88014, "to": "+14155550143", "body": body} for body in ("At nine.", "At ten.")
)
"""Two texts of one turn: a person says yes to the first and no to the second."""
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
    answers = {one.id: one.value["arguments"] == YES for one in reversed(waiting)}
    assert sorted(answers.values()) == [False, True]
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


@pytest.mark.parametrize("turn", [(YES, NO), (NO, YES)], ids=["yes and no", "no and yes"])
@pytest.mark.parametrize("named", [False, True], ids=["by its place alone", "by its approval"])
async def test_a_graph_gives_no_calls_answer_to_another_of_the_same_task(
    named: bool, turn: tuple[Json, Json]
) -> None:
    """Where a node performs both calls in one task: by the time of the second answer the first
    call is done, asks no more, and leaves its place and the yes in it to the other one."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command

    async with Toolkit.sandbox(ask=True) as aircall:
        agent, thread = _graph(aircall.only(names=["send_message"])), _thread()
        result = await agent.ainvoke(_turn(*turn), thread)
        shown: list[Json] = []
        while waiting := result.get("__interrupt__"):
            shown.append(waiting[0].value)
            yes = shown[-1]["arguments"] == YES
            answer = {"approved": yes, "approval": shown[-1]["approval"]} if named else yes
            result = await agent.ainvoke(Command(resume=answer), thread)
        assert [one["arguments"] for one in shown] == [*turn]
        status = {
            one["arguments"]["body"]: (
                await aircall.execute("approval_status", {"id": one["approval"]})
            )["data"]["standing"]
            for one in shown
        }
        told = [str(one.content) for one in result["messages"][1:]]
        # Not by when it was done: somebody may take hours to answer the second.
        assert ("began anew" in told[0] or "in this task" in told[0]) is named
        # An answer that does not say to which is one to neither.
        stood = ("used", "refused") if named else ("waiting", "waiting")
        assert (status[YES["body"]], status[NO["body"]]) == stood


@pytest.mark.parametrize("yes", [False, True])
async def test_a_graphs_answer_is_heard_after_a_yes_elsewhere(yes: bool) -> None:
    """Somebody says yes on the page, and then no where they were asked first."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command

    async with Toolkit.sandbox(ask=True) as aircall:
        agent, thread = _graph(aircall.only(names=["send_message"])), _thread()
        result = await agent.ainvoke(_turn(YES), thread)
        approval = result["__interrupt__"][0].value["approval"]
        assert await aircall._desk.answer(approval, yes=True, grade=2, way="page")
        result = await agent.ainvoke(Command(resume=yes), thread)
        told = json.loads(result["messages"][-1].content)
        assert ("data" in told) is yes
        stood = await aircall.execute("approval_status", {"id": approval})
        assert stood["data"]["standing"] == ("used" if yes else "refused")


async def test_a_graph_does_nothing_twice_because_another_call_of_its_task_asks() -> None:
    """What is done with nobody's yes is performed anew with the task as well."""
    pytest.importorskip("langgraph")
    from langchain_core.messages import AIMessage
    from langchain_core.tools import tool
    from langgraph.types import Command, interrupt

    @tool
    async def ask_user() -> str:
        """Ask."""
        return str(interrupt("Which one?"))

    async with Toolkit.sandbox() as aircall:
        agent = _graph(aircall.only(names=["send_message"]), ask_user)
        asks = {"name": "ask_user", "args": {}, "id": "asks"}
        calls = [{"name": NAME, "args": YES, "id": "sends"}, asks]
        result = await agent.ainvoke({"messages": [AIMessage("", tool_calls=calls)]}, _thread())
        assert "__interrupt__" in result
        result = await agent.ainvoke(Command(resume="The first."), _thread())
    sent, answered = [one.content for one in result["messages"][1:]]
    # Not by when it was done: somebody may take hours to answer.
    assert "began anew" in sent
    assert answered == "The first."


async def test_what_may_be_done_again_is_in_a_task_as_elsewhere() -> None:
    """What reads, what only tries, and what sets a state: each is performed anew with its task, and
    again within it."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command, interrupt

    async with Toolkit.sandbox() as aircall:
        tools = {one.name: one for one in aircall.langchain()}
        user = str((await aircall.execute("team_status"))["data"]["users"][0]["id"])
        calls: list[tuple[str, Json]] = [
            ("list_calls", {}),
            (NAME.removeprefix("aircall_"), {**YES, "dry_run": True}),
            *(
                ("update_user_v2", {"id": user, "availability_status": status})
                for status in ("available", "unavailable", "available")
            ),
        ]
        told: list[Json] = []

        async def perform(_: Json) -> Json:
            for name, args in calls:
                told.append(json.loads(await tools[f"aircall_{name}"].ainvoke(args)))
            interrupt("Go on?")
            return {}

        agent = _of_one_node(perform)
        await agent.ainvoke({"messages": []}, _thread())
        await agent.ainvoke(Command(resume="Yes."), _thread())
    assert [one for one in told if "data" not in one] == []
    assert len(told) == 2 * len(calls)


async def test_a_call_with_other_fixed_arguments_is_another_of_its_task() -> None:
    """The same text to two people, each by a view that is bound to one."""
    pytest.importorskip("langgraph")

    async with Toolkit.sandbox() as aircall:
        view, text = aircall.only(names=["send_message"]), {**YES}
        people = [text.pop("to"), "+14155550144"]
        told: list[Json] = []

        async def perform(_: Json) -> Json:
            for to in [*people, people[0]]:
                send = view.bind(to=to).langchain()[0]
                told.append(json.loads(await send.ainvoke(text)))
            return {}

        await _of_one_node(perform).ainvoke({"messages": []}, _thread())
    assert ["data" in one for one in told] == [True, True, False]


@pytest.mark.parametrize("ask", [False, True], ids=["asking nobody", "after a yes"])
async def test_what_was_under_way_when_a_graph_broke_off_is_not_done_again(ask: bool) -> None:
    """As where another call asks and the program ends, before it is known what came of this one:
    whatever it was done on."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command

    from aircall_mcp.toolkit.forms import langchain

    async with Toolkit.sandbox(ask=ask) as aircall:
        view = aircall.only(names=["send_message"])
        slow, told = _Slow(view, answered=ask), list[Json]()
        tools = [*langchain.form(slow), *view.langchain()]

        async def perform(_: Json) -> Json:
            told.append(json.loads(await tools[len(told)].ainvoke(YES)))
            return {}

        agent = _of_one_node(perform)
        if ask:
            assert "__interrupt__" in await agent.ainvoke({"messages": []}, _thread())
        again = Command(resume=True) if ask else {"messages": []}
        run = asyncio.create_task(agent.ainvoke(again, _thread()))
        await slow.sent.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        tools.pop(0)
        await agent.ainvoke(None, _thread())
    assert "may have been" in told[0]["error"]["message"]


class _Slow:
    """A toolkit whose calls, or those that are `answered`, are sent and come to no end."""

    approves = False

    def __init__(self, view: Toolkit, *, answered: bool) -> None:
        self.tools, self.asked, self.load, self.asks = view.tools, view.asked, view.load, view.asks
        self.sent = asyncio.Event()
        self._view, self._answered = view, answered

    async def outcome(self, *given: Any, **options: Any) -> Any:
        if self._answered and "approve" not in options:
            return await self._view.outcome(*given, **options)
        self.sent.set()
        return await asyncio.Event().wait()


async def test_a_chain_is_no_task_that_is_resumed() -> None:
    """What it calls again it calls anew, with whatever yes there is by then."""
    pytest.importorskip("langgraph")
    from langchain_core.runnables import RunnableLambda

    async with Toolkit.sandbox(ask=True) as aircall:
        tool = aircall.only(names=["send_message"]).langchain()[0]

        async def send(given: Json) -> Json:
            return json.loads(await tool.ainvoke(given))

        chain = RunnableLambda(send)
        asked = await chain.ainvoke(YES)
        approval = asked["error"]["approval"]["id"]
        assert await aircall._desk.answer(approval, yes=True, grade=2, way="page")
        assert "data" in await chain.ainvoke(YES)
        again = await chain.ainvoke(YES)
        assert "exactly these arguments" in again["error"]["message"]


def _graph(view: Toolkit, *more: Any) -> Any:
    """One node, which performs all calls of a turn in one task."""
    from langgraph.prebuilt import ToolNode

    return _of_one_node(ToolNode([*view.langchain(), *more]))


def _of_one_node(node: Any) -> Any:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import START, MessagesState, StateGraph

    graph: Any = StateGraph(MessagesState)
    graph.add_node("tools", node)
    graph.add_edge(START, "tools")
    return graph.compile(checkpointer=InMemorySaver())


def _thread() -> Json:
    return {"configurable": {"thread_id": "1"}}


def _turn(*turn: Json) -> Json:
    from langchain_core.messages import AIMessage

    calls = [{"name": NAME, "args": args, "id": args["body"]} for args in turn]
    return {"messages": [AIMessage("", tool_calls=calls)]}


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


async def test_a_run_of_the_agents_sdk_that_is_resumed_twice_does_nothing_twice() -> None:
    """Its state is a text that anybody may keep, with the approval in it."""
    pytest.importorskip("agents")
    run: Any = SimpleNamespace(
        tool_name=NAME, tool_call_id="call-1", is_tool_approved=lambda *_: True
    )
    async with Toolkit.sandbox(ask=True) as aircall:
        view = aircall.only(names=["send_message"])
        send = view.agents_sdk()[0].on_invoke_tool
        first, again, another = [
            json.loads(await send(run, json.dumps(given))) for given in (YES, YES, NO)
        ]
    assert first["data"]["body"] == YES["body"]
    assert "resumed before" in again["error"]["message"]
    assert another["data"]["body"] == NO["body"]


async def _contact(aircall: Toolkit) -> str:
    contacts = (await aircall.execute("list_contacts", {"detail": "full"}))["data"]["contacts"]
    found = (one["value"] for row in contacts for one in row["phone_numbers"])
    return next("".join(value.split()) for value in found if value.startswith("+33"))
