"""Tools of LangChain and LangGraph. A question interrupts the graph; what it is resumed with is the
answer.

A graph gives answers back by their places alone, and a call that was done takes its place no more.
So where several calls ask in one task, as in a `ToolNode` of one's own, an answer counts for the
approval that it names, and one that names none for nothing.
"""

from __future__ import annotations

import json
import logging
from typing import Any, cast

from langchain_core.tools import StructuredTool

from ...desk import Question
from ..schemas import loose
from ..tool import Performs, Tool

log = logging.getLogger(__name__)

CLIENT = "langchain"
YES = (True, "yes", "approve")
"""What a graph is resumed with for a yes; an object says it as its `approved` or `type`, and to
what as its `approval`."""


def form(toolkit: Performs) -> list[Any]:
    """See `Toolkit.langchain`."""
    return [_tool(toolkit, tool) for tool in toolkit.tools]


def _tool(toolkit: Performs, tool: Tool) -> StructuredTool:
    async def perform(**arguments: Any) -> str:
        outcome = await toolkit.outcome(tool.name, arguments, client=CLIENT)
        if isinstance(outcome, Question) and outcome.grade == 1 and not toolkit.approves:
            # Noted before the graph is interrupted, which ends this run of the tool.
            task, shown = [CLIENT, *_task()], outcome.approval
            before = await toolkit.shown(outcome, [*task, tool.name, arguments], task)
            told = _interrupt(outcome)
            while (named := _named(told)) not in (None, shown):
                told = _interrupt(outcome)  # that was another call's
            if told is None or not (before or named):
                # Nobody can be asked, or what was answered is what the same call came to before,
                # or another call of this task.
                if told is not None:
                    log.warning("%s: an answer that may be to another question is none", tool.name)
                return json.dumps(outcome.payload, ensure_ascii=False)
            said = _yes(told)
            outcome = await toolkit.outcome(
                tool.name,
                arguments,
                client=CLIENT,
                approve=lambda question: said and question.approval == shown,
                way="langgraph",
            )
        return json.dumps(outcome.payload, ensure_ascii=False)

    return StructuredTool(
        name=tool.name,
        description=tool.description,
        args_schema=loose(tool.schema),
        coroutine=perform,
        metadata={"effect": tool.effect, "parallel_safe": tool.parallel_safe},
    )


def _interrupt(question: Question) -> Any:
    """What the graph was resumed with; None outside of a graph, where nobody can be asked."""
    from langchain_core.runnables.config import var_child_runnable_config
    from langgraph.types import interrupt

    if var_child_runnable_config.get() is None:
        return None
    return interrupt(
        {
            "preview": question.preview,
            "effect": question.effect,
            "tool": question.operation.tool,
            "arguments": dict(question.arguments),
            "approval": question.approval,
        }
    )


def _task() -> list[Any]:
    """What names the task of a graph that runs, the same once it is resumed."""
    from langchain_core.runnables.config import var_child_runnable_config

    there = (var_child_runnable_config.get() or {}).get("configurable", {})
    return [there.get("thread_id"), there.get("checkpoint_ns")]


def _named(said: Any) -> str | None:
    """The approval that an answer is to; None where it does not say."""
    named = cast("dict[str, Any]", said).get("approval") if isinstance(said, dict) else None
    return named if isinstance(named, str) else None


def _yes(said: Any) -> bool:
    if isinstance(said, dict):
        told = cast("dict[str, Any]", said)
        return told.get("approved") is True or told.get("type") == "approve"
    return any(said is one or (isinstance(one, str) and said == one) for one in YES)
