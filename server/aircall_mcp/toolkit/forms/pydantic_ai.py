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
        def approved(_question: Question) -> bool:
            return True  # asked only where the run says that this very call was approved

        by_run = run.tool_call_approved and not toolkit.approves
        outcome = await toolkit.outcome(
            tool.name,
            arguments,
            client=CLIENT,
            approve=approved if by_run else None,
            way="pydantic_ai" if by_run else "callback",
        )
        if isinstance(outcome, Question) and outcome.grade == 1 and not toolkit.approves:
            raise ApprovalRequired(
                metadata={"preview": outcome.preview, "approval": outcome.approval}
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
