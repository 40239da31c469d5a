"""What a graph is resumed with counts for the call that asked, however often its task runs anew."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp import Toolkit

pytestmark = pytest.mark.anyio

Json = dict[str, Any]

NAME = "aircall_send_message"
YES, NO = (
    {"number_id": 88014, "to": "+14155550143", "body": body} for body in ("At nine.", "At ten.")
)


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
@pytest.mark.parametrize("by", ["page", "policy"])
async def test_a_graphs_answer_is_heard_after_a_yes_elsewhere(
    by: str, yes: bool, tmp_path: Path
) -> None:
    """Somebody says yes on the page or to all such calls, and then no where they were asked."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command

    home = {"AIRCALL_MCP_HOME": str(tmp_path)}
    async with Toolkit.sandbox(ask=True, environment=home) as aircall:
        agent, thread = _graph(aircall.only(names=["send_message"])), _thread()
        result = await agent.ainvoke(_turn(YES), thread)
        approval = result["__interrupt__"][0].value["approval"]
        if by == "policy":
            (tmp_path / "policy.toml").write_text('[effects]\nreach = "allow"\n')
        else:
            assert await aircall._desk.answer(approval, yes=True, grade=2, way="page")
        result = await agent.ainvoke(Command(resume=yes), thread)
        told = json.loads(result["messages"][-1].content)
        assert ("data" in told) is yes
        stood = (await aircall.execute("approval_status", {"id": approval}))["data"]["standing"]
        assert stood == ({"page": "used", "policy": "waiting"}[by] if yes else "refused")


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


@pytest.mark.parametrize("surface", ["full", "search"])
async def test_what_may_be_done_again_is_in_a_task_as_elsewhere(surface: Any) -> None:
    """What reads, what only tries, and what sets a state: each is performed anew with its task, and
    again within it."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command, interrupt

    async with Toolkit.sandbox(surface=surface) as aircall:
        tools = {one.name: one for one in aircall.langchain()}
        user = str((await aircall.execute("team_status"))["data"]["users"][0]["id"])
        calls: list[tuple[str, str, Json]] = [
            ("read", "list_calls", {}),
            ("reach", NAME.removeprefix("aircall_"), {**YES, "dry_run": True}),
            *(
                ("write", "update_user_v2", {"id": user, "availability_status": status})
                for status in ("available", "unavailable", "available")
            ),
        ]
        told: list[Json] = []

        async def perform(_: Json) -> Json:
            for effect, name, args in calls:
                if surface == "search":
                    name, args = effect, {"operation": name, "arguments": args}
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
        # Asked, and asked again when it is answered.
        slow, told = _Slow(view, through=2 if ask else 0), list[Json]()
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
    """A toolkit whose calls are sent and come to no end, after the first that go `through`."""

    approves = False

    def __init__(self, view: Toolkit, *, through: int) -> None:
        self.tools, self.asked, self.load, self.asks = view.tools, view.asked, view.load, view.asks
        self.sent = asyncio.Event()
        self._view, self._through = view, through

    async def outcome(self, *given: Any, **options: Any) -> Any:
        self._through -= 1
        if self._through >= 0:
            return await self._view.outcome(*given, **options)
        self.sent.set()
        return await asyncio.Event().wait()


@pytest.mark.parametrize("yes", [False, True])
async def test_an_answer_of_a_task_is_left_to_no_question_after_it(yes: bool) -> None:
    """Neither to the program's own nor to another call's, which finds the one that names it."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command, interrupt

    async with Toolkit.sandbox(ask=True) as aircall:
        send, told = aircall.only(names=["send_message"]).langchain()[0], list[Any]()

        async def perform(_: Json) -> Json:
            told[:] = [await send.ainvoke(YES), interrupt("Which?"), await send.ainvoke(NO)]
            return {}

        agent = _of_one_node(perform)
        await agent.ainvoke({"messages": []}, _thread())
        for said in (True, "The first."):
            result = await agent.ainvoke(Command(resume=said), _thread())
        answer = {"approval": result["__interrupt__"][0].value["approval"], "approved": yes}
        await agent.ainvoke(Command(resume=answer), _thread())
    assert told[1] == "The first."
    assert ('"data"' if yes else "said no") in told[2]


async def test_the_answer_to_the_programs_question_is_none_to_ours_where_it_comes_again() -> None:
    """As LangGraph gives it again to a graph that is gone on with."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command, interrupt

    async with Toolkit.sandbox(ask=True) as aircall:
        send, told = aircall.only(names=["send_message"]).langchain()[0], list[Any]()

        async def perform(_: Json) -> Json:
            told[:] = [interrupt("Proceed?"), await send.ainvoke(YES)]
            return {}

        agent = _of_one_node(perform)
        await agent.ainvoke({"messages": []}, _thread())
        result = await agent.ainvoke(Command(resume=True), _thread())
        assert "approval" in result["__interrupt__"][0].value
        await agent.ainvoke(None, _thread())
    assert "may be to another" in told[1]


@pytest.mark.parametrize("ours", [False, True], ids=["the program's", "ours"])
@pytest.mark.parametrize("by", ["nothing", "the interrupt", "the approval"])
async def test_an_answer_crosses_no_tasks_of_a_graph_within_a_graph(by: str, ours: bool) -> None:
    """LangGraph gives what names nothing again to the next of them, where the graph is gone on
    with: nobody was asked there."""
    pytest.importorskip("langgraph")
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.types import Command, interrupt

    async with Toolkit.sandbox(ask=True) as aircall:
        send, told = aircall.only(names=["send_message"]).langchain()[0], list[Any]()

        async def first(_: Json) -> Json:
            told.append(await send.ainvoke(NO) if ours else str(interrupt("Proceed?")))
            return {}

        async def second(_: Json) -> Json:
            told.append(await send.ainvoke(YES))
            return {}

        inner: Any = StateGraph(MessagesState)
        inner.add_node("first", first)
        inner.add_node("second", second)
        inner.add_edge(START, "first")
        inner.add_edge("first", "second")
        agent = _of_one_node(inner.compile())
        result = await agent.ainvoke({"messages": []}, _thread())
        asked = result["__interrupt__"][0]
        answers: Json = {"nothing": True, "the interrupt": {asked.id: True}}
        name = {"approved": True, "approval": asked.value["approval"] if ours else "none"}
        result = await agent.ainvoke(Command(resume=answers.get(by, name)), _thread())
        done = [told[-1] if told else ""]
        for _ in range(2):
            await agent.ainvoke(None, _thread())
    assert not any(YES["body"] in one and '"data"' in one for one in told)
    if ours:
        assert ('"data"' in done[0]) is (by != "nothing")


@pytest.mark.parametrize("shape", ["beside it", "in a graph it calls", "in a task it calls"])
async def test_an_answer_in_a_step_is_given_again_to_no_call_that_asked_after_it(
    shape: str,
) -> None:
    """Of another node that was slower, or of the very node, to a question of what it called."""
    pytest.importorskip("langgraph")
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.func import entrypoint, task
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.types import Command, interrupt

    async with Toolkit.sandbox(ask=True) as aircall:
        send, told, runs = aircall.only(names=["send_message"]).langchain()[0], list[Any](), [0]

        async def owns(_: Json) -> Json:
            interrupt("Proceed?")
            return {}

        async def calls(_: Json) -> Json:
            runs[0] += 1
            if shape == "beside it" and runs[0] == 1:
                return {}["gone"]
            if shape == "in a graph it calls":
                await within.ainvoke({"messages": []})
            elif shape == "in a task it calls":
                await task(owns)({})
            told.append(await send.ainvoke(YES))
            return {}

        within = StateGraph(MessagesState).add_node("owns", owns).add_edge(START, "owns").compile()
        graph: Any = StateGraph(MessagesState).add_node("calls", calls).add_edge(START, "calls")
        if shape == "beside it":
            graph.add_node("owns", owns).add_edge(START, "owns")
        agent = graph.compile(checkpointer=InMemorySaver())
        if shape == "in a task it calls":
            agent = entrypoint(checkpointer=InMemorySaver())(calls)
        if shape == "beside it":
            with pytest.raises(KeyError):
                await agent.ainvoke({"messages": []}, _thread())
        else:
            await agent.ainvoke({"messages": []}, _thread())
        result = await agent.ainvoke(Command(resume=True), _thread())
        asked = result["__interrupt__"][0]
        assert asked.value["arguments"] == YES
        result = await agent.ainvoke(None, _thread())
        assert '"data"' not in "".join(told)


async def test_a_callback_that_interrupts_takes_nobodys_answer() -> None:
    pytest.importorskip("langgraph")
    from langgraph.types import interrupt

    def approve(question: Any) -> bool:
        return interrupt(question.preview) == "yes"

    async with Toolkit.sandbox(approve=approve) as aircall:
        agent = _graph(aircall.only(names=["send_message"]))
        with pytest.raises(RuntimeError, match="leave it out"):
            await agent.ainvoke(_turn(YES), _thread())


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


async def test_of_two_graphs_in_one_task_the_one_that_nobody_was_shown_is_not_answered() -> None:
    """Both ask at once, and LangGraph shows the first alone."""
    pytest.importorskip("langgraph")
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.types import Command

    async with Toolkit.sandbox(ask=True) as aircall:
        send, told = aircall.only(names=["send_message"]).langchain()[0], list[Any]()

        def graph_of(text: Json) -> Any:
            async def node(_: Json) -> Json:
                told.append(await send.ainvoke(text))
                return {}

            inner: Any = StateGraph(MessagesState)
            inner.add_node("node", node)
            inner.add_edge(START, "node")
            return inner.compile()

        graphs = [graph_of(YES), graph_of(NO)]

        async def both(_: Json) -> Json:
            await asyncio.gather(*(one.ainvoke({"messages": []}) for one in graphs))
            return {}

        agent = _of_one_node(both)
        result = await agent.ainvoke({"messages": []}, _thread())
        assert len(result["__interrupt__"]) == 1
        for said in (Command(resume=True), None, None):
            await agent.ainvoke(said, _thread())
    assert not any('"data"' in one for one in told)
