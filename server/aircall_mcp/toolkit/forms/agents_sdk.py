"""Tools of the OpenAI Agents SDK."""

from __future__ import annotations

import json
from typing import Any

from agents import FunctionTool
from agents.run_context import RunContextWrapper
from agents.tool_context import ToolContext

from ...errors import Duplicate, ToolError
from ...offer.tools import error_of
from ..asked import may_be_done
from ..tool import Performs, Tool
from .openai import parameters

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
        # Where the run got here past no approval of this very call, nobody was asked.
        answers = run.is_tool_approved(run.tool_name, run.tool_call_id) is True
        try:
            arguments = json.loads(given or "{}")
        except (ValueError, RecursionError):
            arguments = given
        try:
            if answers and not await toolkit.asked.begin(asking):
                return json.dumps(error_of(AGAIN), ensure_ascii=False)
            outcome = await toolkit.outcome(
                tool.name,
                arguments,
                client=CLIENT,
                approve=(lambda _: True) if answers and not toolkit.approves else None,
                way="callback" if toolkit.approves else "agents_sdk",
            )
            if answers and not may_be_done(outcome):
                await toolkit.asked.undone(asking)
        except ToolError as error:
            return json.dumps(error_of(error), ensure_ascii=False)
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
