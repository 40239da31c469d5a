"""Tools of LangChain and LangGraph. A question interrupts the graph; what it is resumed with is the
answer, where that names the approval.

LangGraph gives answers by the place where a task asks, to its calls in the order in which they run,
and may give one again to whoever asks next: nothing but a name says to which question it is. And a
graph that is resumed performs the task anew, the calls in it that were done or answered already,
too. So a call that was answered in its task takes its answer again and is not done again, nor is
one that would be done twice, however late that is; what reads, tries or sets a state is.
"""

from __future__ import annotations

import json
import logging
from asyncio import AbstractEventLoop, Lock, get_running_loop
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakValueDictionary

from langchain_core.tools import StructuredTool

from ...desk import Failure, Outcome, Question
from ...errors import ArgumentError, Declined, Duplicate, NeedsConfirmation, ToolError
from ...offer.tools import error_of
from ...safety.approvals import standing_of
from ..asked import may_be_done
from ..schemas import loose
from ..tool import Performs, Tool

if TYPE_CHECKING:
    from ..asked import Asked

log = logging.getLogger(__name__)

CLIENT, WAY = "langchain", "langgraph"
ANSWERED: Final[dict[str, ToolError]] = {
    "used": Duplicate("This was done, or may have been, before its task began anew."),
    "refused": Declined("A person said no to it, in this task."),
}
"""What a call comes to whose question stands so when it comes again."""
UNCLEAR = (
    "The graph was resumed with what names no approval, which is no answer to this one. Whoever"
    " resumes it takes the answer from the interrupt: `Command(resume={interrupt.id:"
    ' interrupt.value["yes"]})`, or `["no"]`.'
)
AGAIN: Final = 3
"""Times that a person is asked again in a task after such an answer."""
NOBODY: Final = object()
"""Said nothing so far."""
_turns = WeakValueDictionary[tuple[AbstractEventLoop, str], Lock]()
"""The calls of one task come one after the other: each finds what is to another there, and none is
under way when the next one interrupts. A lock is of one loop, and a program may have several."""


class _Tool(StructuredTool):
    async def _arun(self, /, **arguments: Any) -> Any:
        """Whatever a model calls an argument: none is the framework's own."""
        perform: Any = self.coroutine
        return await perform(**arguments)


def form(toolkit: Performs) -> list[Any]:
    """See `Toolkit.langchain`."""
    return [_tool(toolkit, tool) for tool in toolkit.tools]


def _tool(toolkit: Performs, tool: Tool) -> StructuredTool:
    beside = tool.reads and not tool.stakes  # nearly always asked of nobody

    async def perform(**arguments: Any) -> str:
        task = _task()
        if task is None or beside:
            outcome = await toolkit.outcome(tool.name, arguments, client=CLIENT)
            if task is None or not isinstance(outcome, Question):
                return _text(outcome)
        async with _turns.setdefault((get_running_loop(), repr(task)), Lock()):
            try:
                return _text(await _within(toolkit, tool, arguments, [CLIENT, *task]))
            except ToolError as error:
                return _text(Failure(error_of(error)))

    return _Tool(
        name=tool.name,
        description=tool.description,
        args_schema=loose(tool.schema),
        coroutine=perform,
        metadata={"effect": tool.effect, "parallel_safe": tool.parallel_safe},
    )


async def _within(
    toolkit: Performs, tool: Tool, arguments: dict[str, Any], task: list[Any]
) -> Outcome:
    """What a call comes to in a task of a graph, which can be interrupted and begins anew then."""
    from langgraph.errors import GraphInterrupt

    asked, asking = toolkit.asked, [*task, tool.name, arguments]
    once = _once(toolkit, tool, arguments)
    told, standing = NOBODY, ""
    if (last := await asked.last(asking)) is not None:
        standing = last.standing
        # Whatever became of it: an answer that it leaves there is one to whoever asks next.
        with suppress(GraphInterrupt):
            told = await _told(asked, last.id)
        for _ in range(AGAIN):
            if told is NOBODY or _named(told) is not None or standing != "waiting":
                break
            shown = {"preview": last.preview, "effect": tool.effect, "tool": tool.name}
            more = {"arguments": arguments, **_answers(last.id), "problem": UNCLEAR}
            try:
                told = await _told(asked, last.id, shown | more)
            except GraphInterrupt:
                log.warning("%s: %s", tool.name, UNCLEAR)
                raise
        if told is not NOBODY and standing not in ANSWERED:
            if _named(told) is None:
                hint = standing_of(last)["next"]
                return Failure(error_of(NeedsConfirmation(UNCLEAR, hint=hint)))
            if not _yes(told):  # even where nobody need be asked by now
                standing = "refused"
    if standing == "refused":  # here or elsewhere: it is heard by that
        await asked.refuse(asking, way=WAY)
    if once and standing not in ANSWERED and not await asked.begin(asking):
        standing = "used"
    if standing in ANSWERED:
        return Failure(error_of(ANSWERED[standing]))
    outcome = await toolkit.outcome(tool.name, arguments, client=CLIENT)
    if isinstance(outcome, Question) and outcome.grade == 1 and not toolkit.approves:
        if outcome.approval == _named(told):
            await asked.answer(outcome.approval, yes=True, way=WAY)
            outcome = await toolkit.outcome(tool.name, arguments, client=CLIENT)
        else:  # also where the answer came too late, or was to what it has become no more
            await _interrupt(asked, outcome, asking)
    if once and not may_be_done(outcome):
        await asked.undone(asking)
    return outcome


async def _interrupt(asked: Asked, question: Question, asking: list[Any]) -> None:
    """Raises `GraphInterrupt`, unless an answer is there that names nothing: nobody was shown
    `question` when it was given."""
    from langgraph.errors import GraphInterrupt

    shown = {
        "preview": question.preview,
        "effect": question.effect,
        "tool": question.operation.tool,
        "arguments": dict(question.arguments),
        **_answers(question.approval),
    }
    try:
        await _told(asked, "", shown)
    except GraphInterrupt:
        await asked.shown(question, asking)
        raise


def _once(toolkit: Performs, tool: Tool, arguments: dict[str, Any]) -> bool:
    """Whether it does another one where it is called the same again: what it performs, if that is
    another operation."""
    named = arguments.get("operation")
    try:
        return tool.once and not (isinstance(named, str) and not toolkit.load(named).once)
    except ArgumentError:
        return tool.once


def _text(outcome: Outcome) -> str:
    return json.dumps(outcome.payload, ensure_ascii=False)


async def _told(asked: Asked, approval: str, question: Any = None) -> Any:
    """What the graph was resumed with for `approval`, or for none by its name. What names another
    is kept for that one. Raises `GraphInterrupt`, which asks `question`, where that is nothing."""
    from langgraph.types import interrupt

    told = interrupt(question)
    while (named := _named(told)) is not None and named != approval:
        await asked.answer(named, yes=_yes(told), way=WAY)
        told = interrupt(question)
    return told


def _answers(approval: str) -> dict[str, Any]:
    answer = {"approval": approval}
    return {**answer, "yes": {**answer, "approved": True}, "no": {**answer, "approved": False}}


def _task() -> list[Any] | None:
    """What names the task of a graph that runs, the same once it is resumed and no other's; None
    outside of a graph, where nobody can be asked."""
    from langchain_core.runnables.config import var_child_runnable_config

    there = (var_child_runnable_config.get() or {}).get("configurable", {})
    task = there.get("checkpoint_ns")
    return [there.get("thread_id"), task] if task else None


def _named(said: Any) -> str | None:
    """The approval that an answer is to; None where it does not say."""
    named = cast("dict[str, Any]", said).get("approval") if isinstance(said, dict) else None
    return named if isinstance(named, str) else None


def _yes(said: dict[str, Any]) -> bool:
    return said.get("approved") is True or said.get("type") == "approve"
