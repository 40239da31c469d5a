"""A result that is not copied on its way out.

The SDK dumps what a handler returns, reads it into the model of the negotiated version and dumps
that: for a page of a list, thousands of values three times over. So it is given the frame alone.
What belongs into it is put there when the SDK is done, as the version has a place for it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, cast

import mcp_types as types
from pydantic_core import to_json

from ..desk import Answer

_held: ContextVar[list[Answer] | None] = ContextVar("_held", default=None)


class Written(str):
    """The JSON of the structured content that stands beside it."""

    __slots__ = ()


def frame_of(answer: Answer) -> types.CallToolResult:
    """What stands for `answer` until `filled` has it back; the whole of it elsewhere."""
    held = _held.get()
    if held is None:
        return _result(answer.written, answer.payload)
    held[:] = [answer]
    return _result("", {})


async def filled(ctx: Any, call_next: Any) -> Any:
    """The middleware next to the handlers: fills the frame that one of them returned."""
    if ctx.method != "tools/call":
        return await call_next(ctx)
    held: list[Answer] = []
    before = _held.set(held)
    try:
        result: Any = await call_next(ctx)
    finally:
        _held.reset(before)
    for answer in held:
        fields = cast("dict[str, Any]", result)
        fields["content"] = [{"type": "text", "text": Written(answer.written)}]
        if "structuredContent" in fields:  # else the version has no such place
            fields["structuredContent"] = answer.payload
    return result


def line_of(message: types.JSONRPCMessage) -> bytes:
    """A message as the SDK writes it; of a page that is filled in nothing is written twice."""
    if isinstance(message, types.JSONRPCResponse):
        match message.result:
            case {"content": [{"text": Written() as text}], "structuredContent": _}:
                known = {"structuredContent": text.encode()}
                parts = [
                    b"%b:%b"
                    % (to_json(name), known.get(name) or to_json(part, inf_nan_mode="null"))
                    for name, part in message.result.items()
                ]
                told = to_json(message.id), b",".join(parts)
                return b'{"jsonrpc":"2.0","id":%b,"result":{%b}}' % told
            case _:
                pass
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode("utf-8", "replace")


def _result(text: str, payload: dict[str, Any]) -> types.CallToolResult:
    content: list[Any] = [types.TextContent(type="text", text=text)]
    return types.CallToolResult(content=content, structured_content=payload, is_error=False)
