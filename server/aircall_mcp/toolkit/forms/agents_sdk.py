"""Tools of the OpenAI Agents SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agents import FunctionTool
from agents.run_context import RunContextWrapper
from agents.tool_context import ToolContext

from ...errors import Duplicate, ToolError
from ...offer.tools import error_of
from ..tool import Performs, Tool
from .openai import parameters

if TYPE_CHECKING:
    from ...desk import Question

CLIENT = "openai-agents"
AGAIN = Duplicate(
    "This was done, or may have been, on this very approval, when the run was resumed before."
)


def form(toolkit: Performs, *, strict: bool, defer_loading: bool) -> list[Any]:
    """See `Toolkit.agents_sdk`."""
    return [_tool(toolkit, tool, strict, defer_loading) for tool in toolkit.tools]


def _tool(toolkit: Performs, tool: Tool, strict: bool, defer_loading: bool) -> FunctionTool:
    async def needs_approval(_run: RunContextWrapper[Any], given: Any, _call: str) -> bool:
        return await toolkit.asks(tool.name, given, client=CLIENT)

    async def perform(run: ToolContext[Any], given: str) -> str:
        asking = [CLIENT, run.tool_call_id, tool.name, given]

        async def approved(question: Question) -> bool:
            await toolkit.asked.shown(question, asking)  # so that it is known what became of it
            return True

        # Where the run got here past no approval of this very call, nobody was asked.
        answers = run.is_tool_approved(run.tool_name, run.tool_call_id) is True
        try:
            before = await toolkit.asked.last(asking) if answers else None
        except ToolError as error:
            return json.dumps(error_of(error), ensure_ascii=False)
        if before is not None and before.standing == "used":
            return json.dumps(error_of(AGAIN), ensure_ascii=False)
        try:
            arguments = json.loads(given or "{}")
        except (ValueError, RecursionError):
            arguments = given
        outcome = await toolkit.outcome(
            tool.name,
            arguments,
            client=CLIENT,
            approve=approved if answers and not toolkit.approves else None,
            way="callback" if toolkit.approves else "agents_sdk",
        )
        return json.dumps(outcome.payload, ensure_ascii=False)

    shape = parameters(tool, strict=strict)
    asking = not toolkit.approves and (not tool.reads or bool(tool.stakes))
    return FunctionTool(
        name=tool.name,
        description=tool.description,
        params_json_schema=shape["parameters"],
        on_invoke_tool=perform,
        strict_json_schema=shape["strict"],
        needs_approval=needs_approval if asking else False,
        defer_loading=defer_loading,
    )
