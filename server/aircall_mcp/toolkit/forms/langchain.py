"""Tools of LangChain and LangGraph. A question interrupts the graph; what it is resumed with is the
answer.

A graph that is resumed performs the task anew, the calls in it that were done or answered already,
too, and gives answers back by their places alone, of which those take none any more. So a call that
was answered in its task is not again there, nor one that was done and would be done twice, however
late that is; what reads, tries or sets a state is. And where several calls ask in one task, as in a
`ToolNode` of one's own, an answer counts for the approval that it names, and one that names none
for nothing.
"""

from __future__ import annotations

import json
import logging
from asyncio import Lock
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakValueDictionary

from langchain_core.tools import StructuredTool

from ...desk import Failure, Outcome, Question
from ...errors import Duplicate, NeedsConfirmation, OutcomeUnknown, ToolError
from ...offer.tools import error_of
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
MAY_BE_DONE: Final = (Duplicate.kind, OutcomeUnknown.kind)
_turns = WeakValueDictionary[str, Lock]()
"""The calls of one task take answers one after the other: each finds what is to another there."""


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
            return _text(await _within(toolkit, tool, arguments, [CLIENT, *task]))

    return StructuredTool(
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
    last = await asked.last(asking)
    standing = "" if last is None else last.standing
    if last is not None and standing == "approved" and await _denied(asked, last):
        await asked.refuse(asking, way=WAY)
        standing = "refused"
    if tool.once and standing not in ANSWERED and not await asked.begin(asking):
        standing = "used"
    if standing in ANSWERED:
        return Failure(error_of(ANSWERED[standing]))
    outcome = await toolkit.outcome(tool.name, arguments, client=CLIENT)
    if isinstance(outcome, Question) and outcome.grade == 1 and not toolkit.approves:
        outcome = await _answered(toolkit, tool, outcome, asking, task)
    if tool.once and not _may_be_done(outcome):
        await asked.undone(asking)
    return outcome


async def _answered(
    toolkit: Performs, tool: Tool, question: Question, asking: list[Any], task: list[Any]
) -> Outcome:
    """What a call comes to that a person is asked about."""
    asked, shown = toolkit.asked, question.approval
    # Noted before the graph is interrupted, which ends this run of the tool.
    before = await asked.shown(question, asking, task)
    told = await _told(
        asked,
        shown,
        {
            "preview": question.preview,
            "effect": question.effect,
            "tool": question.operation.tool,
            "arguments": dict(question.arguments),
            "approval": shown,
        },
    )
    if not (before or _named(told)):
        # What was answered is what the same call came to before, or another call of this task.
        log.warning("%s: an answer that may be to another question is none", tool.name)
        return question
    said = _yes(told)
    if tool.once:
        await asked.begin(asking)  # whatever it is done on by now
    return await toolkit.outcome(
        tool.name,
        asking[-1],
        client=CLIENT,
        approve=lambda question: said and question.approval == shown,
        way=WAY,
    )


def _may_be_done(outcome: Outcome) -> bool:
    if outcome.is_error:
        return outcome.payload["error"]["kind"] in MAY_BE_DONE
    return outcome.payload["data"].get("dry_run") is not True


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


async def _denied(asked: Asked, said_yes: Approval) -> bool:
    """Whether the graph is resumed with a no to what somebody said yes to elsewhere: that was
    before."""
    from langgraph.errors import GraphInterrupt

    try:
        return not _yes(await _told(asked, said_yes.id, {"preview": said_yes.preview}))
    except GraphInterrupt:
        return False  # nobody answered it here, and nobody need


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
