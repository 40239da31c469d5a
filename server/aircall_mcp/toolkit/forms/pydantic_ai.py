"""Tools of Pydantic AI. A question ends the run with a request for approval, which a later run
answers. Where that is a no it calls no tool: what was denied is read in its messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic_ai import RunContext, Tool, ToolDefinition
from pydantic_ai.exceptions import ApprovalRequired
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart, ToolReturnPart

from ...desk import Question
from ..schemas import loose
from ..tool import Performs
from ..tool import Tool as Ours

CLIENT, WAY = "pydantic-ai", "pydantic_ai"


def form(toolkit: Performs, *, strict: bool | None) -> list[Any]:
    """See `Toolkit.pydantic_ai`."""
    return [_tool(toolkit, tool, strict) for tool in toolkit.tools]


def _tool(toolkit: Performs, tool: Ours, strict: bool | None) -> Tool[Any]:
    async def perform(run: RunContext[Any], /, **arguments: Any) -> Any:
        outcome = await toolkit.outcome(tool.name, arguments, client=CLIENT)
        if isinstance(outcome, Question) and outcome.grade == 1 and not toolkit.approves:
            shown = outcome.approval
            # Approved is what this very call came to when it was shown, and nothing else.
            before = await toolkit.asked.shown(
                outcome, [CLIENT, run.tool_call_id, tool.name, arguments]
            )
            if not (run.tool_call_approved and before):
                raise ApprovalRequired(metadata={"preview": outcome.preview, "approval": shown})
            outcome = await toolkit.outcome(
                tool.name,
                arguments,
                client=CLIENT,
                approve=lambda question: question.approval == shown,
                way=WAY,
            )
        return outcome.payload

    async def prepare(run: RunContext[Any], shown: ToolDefinition) -> ToolDefinition:
        for call in _denied(run.messages):
            if call.tool_name == tool.name:
                asking = [CLIENT, call.tool_call_id, tool.name, call.args_as_dict()]
                await toolkit.asked.refuse(asking, way=WAY)
        return shown

    made: Tool[Any] = Tool.from_schema(
        perform,
        name=tool.name,
        description=tool.description,
        json_schema=loose(tool.schema),
        takes_ctx=True,
        sequential=not tool.parallel_safe,
    )
    made.strict = strict
    made.prepare = prepare
    return made


def _denied(messages: Sequence[ModelMessage]) -> Iterator[ToolCallPart]:
    """The calls of the last turn that a person said no to."""
    parts = messages[-1].parts if messages else ()
    denied = {
        part.tool_call_id
        for part in parts
        if isinstance(part, ToolReturnPart) and part.outcome == "denied"
    }
    asked = next((one for one in reversed(messages) if isinstance(one, ModelResponse)), None)
    for part in asked.parts if asked is not None and denied else ():
        if isinstance(part, ToolCallPart) and part.tool_call_id in denied:
            yield part
