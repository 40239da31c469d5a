"""Tools of LangChain and LangGraph. A question interrupts the graph; what it is resumed with is the
answer.

A graph that is resumed performs the task anew, the calls in it that were done or answered already,
too, and gives answers back by their places alone. So a call that was answered in its task takes its
answer again and is not done again, nor is one that would be done twice, however late that is; what
reads, tries or sets a state is. And where several calls ask in one task, as in a `ToolNode` of
one's own, an answer counts for the approval that it names, and one that names none for nothing.
An answer by its place is given again to whoever asks next in that step, where the graph is gone on
with and not resumed: so what asked after one must be answered by that name or by the interrupt's
id, as must all in a graph within a graph; and by that name where several asked in one task with all
the graphs in it, of which LangGraph may have shown one alone.
"""

from __future__ import annotations

import json
import logging
from asyncio import Lock
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakValueDictionary

from langchain_core.tools import StructuredTool

from ...desk import Failure, Outcome, Question
from ...errors import ArgumentError, Duplicate, NeedsConfirmation, ToolError
from ...offer.tools import error_of
from ...safety.approvals import standing_of
from ..asked import may_be_done
from ..schemas import loose
from ..tool import Performs, Tool

if TYPE_CHECKING:
    from ...safety.approvals import Approval
    from ..asked import Asked

log = logging.getLogger(__name__)

CLIENT, WAY = "langchain", "langgraph"
YES = (True, "yes", "approve")
"""What a graph is resumed with for a yes; an object says it as its `approved` or `type`, and to
what as its `approval`."""
ANSWERED: Final[dict[str, ToolError]] = {
    "used": Duplicate("This was done, or may have been, before its task began anew."),
    "refused": NeedsConfirmation("A person said no to it, in this task."),
}
"""What a call comes to whose question stands so when it comes again."""
UNCLEAR = (
    "An answer was there, which may be to another call of this turn: it is one to neither. Whoever"
    " resumes the graph names the approval in it, or the interrupt."
)
AGAIN: Final = "an answer of its step may be given again"
"""Beside a call that asked when there was one by its place alone in its step."""
NOBODY: Final = object()
"""Said nothing so far."""
_turns = WeakValueDictionary[str, Lock]()
"""The calls of one task take answers one after the other: each finds what is to another there."""


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
        async with _turns.setdefault(repr(task), Lock()):
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
    asked, asking = toolkit.asked, [*task, tool.name, arguments]
    once = _once(toolkit, tool, arguments)
    last = await asked.last(asking)
    standing = "" if last is None else last.standing
    # Whatever became of it: an answer that it leaves there is one to whoever asks next.
    there = _answers()
    told = NOBODY if last is None else await _told_before(asked, last)
    if last is not None and told is not NOBODY and standing not in ANSWERED:
        by_id = 0 < there == _answers()  # it was there before we asked for one
        again = await asked.last([*asking, AGAIN])
        fresh = by_id or ("|" not in task[-1] and (again is None or again.id != last.id))
        alone = _answers() < 2 and fresh and await asked.alone(asking)
        if not (_named(told) or standing == "approved" or alone):
            log.warning("%s: an answer that may be to another question is none", tool.name)
            await asked.forget(asking)  # else it would be by its id in the next run
            return Failure(error_of(NeedsConfirmation(UNCLEAR, hint=standing_of(last)["next"])))
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
        if told is NOBODY:
            await _interrupt(asked, outcome, asking, task)
        elif last is not None and outcome.approval == last.id:
            await asked.answer(last.id, yes=True, way=WAY)
            outcome = await toolkit.outcome(tool.name, arguments, client=CLIENT)
    if once and not may_be_done(outcome):
        await asked.undone(asking)
    return outcome


async def _interrupt(asked: Asked, question: Question, asking: list[Any], task: list[Any]) -> None:
    """Raises `GraphInterrupt`, unless an answer is there of before anybody was shown `question`:
    it is to something else."""
    from langgraph.errors import GraphInterrupt

    shown = {
        "preview": question.preview,
        "effect": question.effect,
        "tool": question.operation.tool,
        "arguments": dict(question.arguments),
        "approval": question.approval,
    }
    try:
        await _told(asked, "", shown)
    except GraphInterrupt:
        if _unnamed() is not None:
            await asked.shown(question, [*asking, AGAIN])
        *graph, within = task
        await asked.shown(question, asking, [*graph, within.split("|", 1)[0]])
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


async def _told(asked: Asked, approval: str, question: dict[str, Any]) -> Any:
    """What the graph was resumed with for `approval`, or for none by its name. What names another
    is kept for that one."""
    from langgraph.types import interrupt

    told = interrupt(question)
    while (named := _named(told)) is not None and named != approval:
        await asked.answer(named, yes=_yes(told), way=WAY)
        told = interrupt(question)
    return told


async def _told_before(asked: Asked, last: Approval) -> Any:
    """What the graph is resumed with for what a person was shown before; `NOBODY` where that is
    nothing."""
    from langgraph.errors import GraphInterrupt

    try:
        return await _told(asked, last.id, {"preview": last.preview})
    except GraphInterrupt:
        return NOBODY


def _answers() -> int:
    """How many this task has taken so far, with those that were given by an interrupt's id."""
    return len(getattr(_scratchpad(), "resume", ()))


def _unnamed() -> Any:
    """What the graph was resumed with, in this step of it, by its place alone; None for nothing.
    Whoever took it, it is there still."""
    return getattr(_scratchpad(), "get_null_resume", lambda _consume: UNCLEAR)(False)


def _scratchpad() -> Any:
    """What LangGraph knows of this task. Another release may call it something else: then an answer
    must name its approval, since nobody could tell whether it was one before."""
    from langchain_core.runnables.config import var_child_runnable_config

    there = (var_child_runnable_config.get() or {}).get("configurable", {})
    return there.get("__pregel_scratchpad")


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


def _yes(said: Any) -> bool:
    if isinstance(said, dict):
        told = cast("dict[str, Any]", said)
        return told.get("approved") is True or told.get("type") == "approve"
    return any(said is one or (isinstance(one, str) and said == one) for one in YES)
