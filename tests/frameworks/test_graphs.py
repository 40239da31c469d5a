"""What a task of a graph has done is not done again, however often it runs anew."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp import Toolkit

from .graphs import NAME, NO, THREAD, YES, Json, graph, of_one_node, turn_of

pytestmark = pytest.mark.anyio


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
        agent = graph(aircall.only(names=["send_message"]), ask_user)
        asks = {"name": "ask_user", "args": {}, "id": "asks"}
        calls = [{"name": NAME, "args": YES, "id": "sends"}, asks]
        result = await agent.ainvoke({"messages": [AIMessage("", tool_calls=calls)]}, THREAD)
        assert "__interrupt__" in result
        result = await agent.ainvoke(Command(resume="The first."), THREAD)
    sent, answered = [one.content for one in result["messages"][1:]]
    # Not by when it was done: somebody may take hours to answer.
    assert "began anew" in sent
    assert answered == "The first."


@pytest.mark.parametrize("policy", ["allow", "ask"])
async def test_a_graph_that_goes_on_weeks_later_does_nothing_twice(
    policy: str, tmp_path: Path
) -> None:
    """Nor is an answer to one of its calls left to the program's own question."""
    pytest.importorskip("langgraph")
    from langgraph.types import Command, interrupt

    home, weeks = {"AIRCALL_MCP_HOME": str(tmp_path)}, 28 * 86_400
    (tmp_path / "policy.toml").write_text(f'[effects]\nreach = "{policy}"\n')
    async with Toolkit.sandbox(ask=True, environment=home) as aircall:
        send, told = aircall.only(names=["send_message"]).langchain()[0], list[Any]()

        async def perform(_: Json) -> Json:
            told[:] = [await send.ainvoke(YES), interrupt("Which one?")]
            return {}

        agent = of_one_node(perform)
        result = await agent.ainvoke({"messages": []}, THREAD)
        if policy == "ask":
            yes = result["__interrupt__"][0].value["yes"]
            await agent.ainvoke(Command(resume=yes), THREAD)

        def pass_by(tx: Any) -> None:
            tx.run("UPDATE asking SET wall = wall - :weeks", weeks=weeks)
            tx.run("UPDATE approval SET asked = asked - :weeks", weeks=weeks)

        await aircall._app.safety.state.write(pass_by)
        await graph(aircall.only(names=["send_message"])).ainvoke(turn_of(NO), THREAD)
        await agent.ainvoke(Command(resume="The first."), THREAD)
    assert "began anew" in told[0]
    assert told[1] == "The first."


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

        agent = of_one_node(perform)
        await agent.ainvoke({"messages": []}, THREAD)
        await agent.ainvoke(Command(resume="Yes."), THREAD)
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

        await of_one_node(perform).ainvoke({"messages": []}, THREAD)
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

        agent = of_one_node(perform)
        given: Any = {"messages": []}
        if ask:
            result = await agent.ainvoke(given, THREAD)
            given = Command(resume=result["__interrupt__"][0].value["yes"])
        run = asyncio.create_task(agent.ainvoke(given, THREAD))
        await slow.sent.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        tools.pop(0)
        await agent.ainvoke(None, THREAD)
    assert "may have been" in told[0]["error"]["message"]


async def test_a_task_that_runs_in_two_loops_at_once_waits_in_neither(tmp_path: Path) -> None:
    """As in two threads of a program whose user said yes twice."""
    pytest.importorskip("langgraph")

    from aircall_mcp.toolkit.forms import langchain

    home = {"AIRCALL_MCP_HOME": str(tmp_path)}
    (tmp_path / "policy.toml").write_text('[effects]\nreach = "allow"\n')
    async with Toolkit.sandbox(ask=True, environment=home) as aircall:
        slow = _Slow(aircall.only(names=["send_message"]), through=0)
        tools, told = langchain.form(slow), list[str]()

        async def perform(_: Json) -> Json:
            told.append(await tools.pop().ainvoke(YES))
            return {}

        async def again() -> None:
            async with Toolkit.sandbox(ask=True, environment=home) as other:
                tools.extend(other.only(names=["send_message"]).langchain())
                await asyncio.wait_for(agent.ainvoke(None, THREAD), 10)

        agent = of_one_node(perform)
        run = asyncio.create_task(agent.ainvoke({"messages": []}, THREAD, durability="sync"))
        await slow.sent.wait()
        await asyncio.to_thread(asyncio.run, again())
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert "may have been" in told[0]


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
