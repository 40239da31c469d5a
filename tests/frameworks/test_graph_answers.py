"""What a graph is resumed with counts for the approval that it names, and for nothing else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp import Toolkit

from .graphs import NO, THREAD, YES, Json, graph, of_one_node, turn_of

pytestmark = pytest.mark.anyio


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
        agent = graph(aircall.only(names=["send_message"]))
        result = await agent.ainvoke(turn_of(*turn), THREAD)
        shown: list[Json] = []
        while waiting := result.get("__interrupt__"):
            shown.append(waiting[0].value)
            yes = shown[-1]["arguments"] == YES
            answer = shown[-1]["yes" if yes else "no"] if named else yes
            result = await agent.ainvoke(Command(resume=answer), THREAD)
        # What is no answer has it shown again, three times.
        assert [one["arguments"] for one in shown] == [
            args for args in turn for _ in range(1 if named else 4)
        ]
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


@pytest.mark.parametrize(
    "answer",
    [True, "yes", "approve", {"approved": True}, {"type": "approve"}, False, [], {"approval": 1}],
    ids=str,
)
@pytest.mark.parametrize("by_id", [False, True])
async def test_what_names_no_approval_has_it_asked_again(answer: Any, by_id: bool) -> None:
    """With what would be an answer."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command

    async with Toolkit.sandbox(ask=True) as aircall:
        agent = graph(aircall.only(names=["send_message"]))
        [first] = (await agent.ainvoke(turn_of(YES), THREAD))["__interrupt__"]
        said = {first.id: answer} if by_id else answer
        [again] = (await agent.ainvoke(Command(resume=said), THREAD))["__interrupt__"]
        assert first.value.items() <= again.value.items()
        assert 'interrupt.value["yes"]' in again.value["problem"]
        result = await agent.ainvoke(Command(resume=again.value["yes"]), THREAD)
        assert "data" in json.loads(result["messages"][-1].content)


async def test_what_names_no_approval_ends_a_call_after_a_while() -> None:
    """A program that says nothing else would go round for ever."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command

    async with Toolkit.sandbox(ask=True) as aircall:
        agent, times = graph(aircall.only(names=["send_message"])), 0
        result = await agent.ainvoke(turn_of(YES), THREAD)
        while waiting := result.get("__interrupt__"):
            times += 1
            result = await agent.ainvoke(Command(resume=True), THREAD)
            approval = waiting[0].value["approval"]
        told = json.loads(result["messages"][-1].content)
        assert 'interrupt.value["yes"]' in told["error"]["message"]
        status = await aircall.execute("approval_status", {"id": approval})
        assert (times, status["data"]["standing"]) == (4, "waiting")


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
        agent = graph(aircall.only(names=["send_message"]))
        result = await agent.ainvoke(turn_of(YES), THREAD)
        shown = result["__interrupt__"][0].value
        approval = shown["approval"]
        if by == "policy":
            (tmp_path / "policy.toml").write_text('[effects]\nreach = "allow"\n')
        else:
            assert await aircall._desk.answer(approval, yes=True, grade=2, way="page")
        result = await agent.ainvoke(Command(resume=shown["yes" if yes else "no"]), THREAD)
        told = json.loads(result["messages"][-1].content)
        assert ("data" in told) is yes
        stood = (await aircall.execute("approval_status", {"id": approval}))["data"]["standing"]
        assert stood == ({"page": "used", "policy": "waiting"}[by] if yes else "refused")


async def test_a_no_elsewhere_is_one_however_often_the_task_begins_anew() -> None:
    pytest.importorskip("langgraph")
    from langgraph.types import Command

    async with Toolkit.sandbox(ask=True) as aircall:
        agent = graph(aircall.only(names=["send_message"]))
        result = await agent.ainvoke(turn_of(NO, YES), THREAD)
        approval = result["__interrupt__"][0].value["approval"]
        assert await aircall._desk.answer(approval, yes=False, grade=2, way="page")
        result = await agent.ainvoke(None, THREAD)
        [one] = result["__interrupt__"]
        assert one.value["arguments"] == YES
        result = await agent.ainvoke(Command(resume=one.value["yes"]), THREAD)
        refused, sent = [json.loads(one.content) for one in result["messages"][1:]]
    assert "said no" in refused["error"]["message"]
    assert sent["data"]["body"] == YES["body"]


async def test_a_read_that_the_policy_asks_about_interrupts_as_well(tmp_path: Path) -> None:
    pytest.importorskip("langgraph")
    from langgraph.types import Command

    (tmp_path / "policy.toml").write_text('[operations]\nlist_numbers = "ask"\n')
    home = {"AIRCALL_MCP_HOME": str(tmp_path)}
    async with Toolkit.sandbox(ask=True, environment=home) as aircall:
        reads, told = aircall.only(names=["list_numbers"]).langchain()[0], list[str]()

        async def perform(_: Json) -> Json:
            told.append(await reads.ainvoke({}))
            return {}

        agent = of_one_node(perform)
        result = await agent.ainvoke({"messages": []}, THREAD)
        yes = result["__interrupt__"][0].value["yes"]
        await agent.ainvoke(Command(resume=yes), THREAD)
    assert ["data" in json.loads(one) for one in told] == [True]


async def test_a_yes_that_comes_too_late_has_the_person_asked_anew() -> None:
    """An approval lasts for minutes, and somebody may take hours to answer."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command

    async with Toolkit.sandbox(ask=True) as aircall:
        agent = graph(aircall.only(names=["send_message"]))
        result = await agent.ainvoke(turn_of(YES), THREAD)
        sql = "UPDATE approval SET expires = asked"
        await aircall._app.safety.state.write(lambda tx: tx.run(sql))
        late, standing = result["__interrupt__"][0].value, list[str]()
        for _ in range(2):
            shown = result["__interrupt__"][0].value
            result = await agent.ainvoke(Command(resume=shown["yes"]), THREAD)
        for one in (late, shown):
            told = await aircall.execute("approval_status", {"id": one["approval"]})
            standing.append(told["data"]["standing"])
    assert standing == ["expired", "used"]
    assert '"data"' in result["messages"][-1].content


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

        agent = of_one_node(perform)
        result = await agent.ainvoke({"messages": []}, THREAD)
        for said in (result["__interrupt__"][0].value["yes"], "The first."):
            result = await agent.ainvoke(Command(resume=said), THREAD)
        answer = result["__interrupt__"][0].value["yes" if yes else "no"]
        await agent.ainvoke(Command(resume=answer), THREAD)
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

        agent = of_one_node(perform)
        await agent.ainvoke({"messages": []}, THREAD)
        result = await agent.ainvoke(Command(resume=True), THREAD)
        assert "approval" in result["__interrupt__"][0].value
        result = await agent.ainvoke(None, THREAD)
        assert "names no approval" in result["__interrupt__"][0].value["problem"]
    assert told == []


@pytest.mark.parametrize("program_first", [False, True])
async def test_the_programs_question_beside_ours_leaves_it_no_answer(program_first: bool) -> None:
    """At the same time in one task, where LangGraph shows one of both."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command, interrupt

    async with Toolkit.sandbox(ask=True) as aircall:
        send, told = aircall.only(names=["send_message"]).langchain()[0], list[Any]()

        async def ours() -> None:
            told.append(await send.ainvoke(YES))

        async def programs() -> None:
            for _ in range(0 if program_first else 50):
                await asyncio.sleep(0)
            told.append(str(interrupt("Proceed?")))

        async def both(_: Json) -> Json:
            await asyncio.gather(ours(), programs())
            return {}

        agent = of_one_node(both)
        result = await agent.ainvoke({"messages": []}, THREAD)
        for _ in range(6):
            one = result["__interrupt__"][0] if "__interrupt__" in result else None
            said = True if one is None else {one.id: True}
            result = await agent.ainvoke(Command(resume=said), THREAD)
            await agent.ainvoke(None, THREAD)
    assert told
    assert not any('"data"' in one for one in told)


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
        agent = of_one_node(inner.compile())
        result = await agent.ainvoke({"messages": []}, THREAD)
        asked = result["__interrupt__"][0]
        answers: Json = {"nothing": True, "the interrupt": {asked.id: True}}
        name = asked.value["yes"] if ours else {"approved": True, "approval": "none"}
        result = await agent.ainvoke(Command(resume=answers.get(by, name)), THREAD)
        done = [told[-1] if told else ""]
        for _ in range(2):
            await agent.ainvoke(None, THREAD)
    assert not any(YES["body"] in one and '"data"' in one for one in told)
    if ours:
        assert ('"data"' in done[0]) is (by == "the approval")


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
                await agent.ainvoke({"messages": []}, THREAD)
        else:
            await agent.ainvoke({"messages": []}, THREAD)
        result = await agent.ainvoke(Command(resume=True), THREAD)
        asked = result["__interrupt__"][0]
        assert asked.value["arguments"] == YES
        result = await agent.ainvoke(None, THREAD)
        assert '"data"' not in "".join(told)


async def test_a_callback_that_interrupts_takes_nobodys_answer() -> None:
    pytest.importorskip("langgraph")
    from langgraph.types import interrupt

    def approve(question: Any) -> bool:
        return interrupt(question.preview) == "yes"

    async with Toolkit.sandbox(approve=approve) as aircall:
        agent = graph(aircall.only(names=["send_message"]))
        with pytest.raises(RuntimeError, match="leave it out"):
            await agent.ainvoke(turn_of(YES), THREAD)


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
            runs = (one.ainvoke({"messages": []}) for one in graphs)
            for came in await asyncio.gather(*runs, return_exceptions=True):
                if isinstance(came, BaseException):
                    raise came
            return {}

        agent = of_one_node(both)
        result = await agent.ainvoke({"messages": []}, THREAD)
        assert len(result["__interrupt__"]) == 1
        for said in (Command(resume=True), None, None):
            await agent.ainvoke(said, THREAD)
    assert not any('"data"' in one for one in told)
