"""Tools of Pydantic AI. A question ends the run with a request for approval, which a later run
answers."""

from __future__ import annotations

from typing import Any

from pydantic_ai import RunContext, Tool
from pydantic_ai.exceptions import ApprovalRequired

from ...desk import Question
from ..schemas import loose
from ..tool import Performs
from ..tool import Tool as Ours

CLIENT = "pydantic-ai"


def form(toolkit: Performs, *, strict: bool | None) -> list[Any]:
    """See `Toolkit.pydantic_ai`."""
    return [_tool(toolkit, tool, strict) for tool in toolkit.tools]


def _tool(toolkit: Performs, tool: Ours, strict: bool | None) -> Tool[Any]:
    async def perform(run: RunContext[Any], **arguments: Any) -> Any:
        outcome = await toolkit.outcome(tool.name, arguments, client=CLIENT)
        if isinstance(outcome, Question) and outcome.grade == 1 and not toolkit.approves:
            shown = outcome.approval
            # Approved is what this very call came to when it was shown, and nothing else.
            before = await toolkit.shown(outcome, [CLIENT, run.tool_call_id, tool.name, arguments])
            if not (run.tool_call_approved and before):
                raise ApprovalRequired(metadata={"preview": outcome.preview, "approval": shown})
            outcome = await toolkit.outcome(
                tool.name,
                arguments,
                client=CLIENT,
                approve=lambda question: question.approval == shown,
                way="pydantic_ai",
            )
        return outcome.payload

    made: Tool[Any] = Tool.from_schema(
        perform,
        name=tool.name,
        description=tool.description,
        json_schema=loose(tool.schema),
        takes_ctx=True,
        sequential=not tool.parallel_safe,
    )
    made.strict = strict
    return made
