"""Answer MCP requests: both protocol eras from one low-level `Server`, and nothing but MCP.

What the SDK leaves open is closed here: no exception text leaves, an unknown tool or cursor is a
protocol error, every schema is known without listing, list changes are announced in both eras.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.server import CacheHint, NotificationOptions, Server, ServerRequestContext
from mcp.server.models import InitializationOptions
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from . import __version__
from .desk import Desk
from .errors import NotOffered
from .gateway import Caller
from .tools import INSTRUCTIONS

log = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]

LIST_LIFETIME_MS = 300_000
"""Milliseconds a client may keep tools/list: it only changes when the server is started anew."""


class AircallServer(Server[Any]):
    """The MCP server over one desk."""

    def __init__(self, desk: Desk, *, call_timeout: float = 25.0) -> None:
        self._desk = desk
        self._call_timeout = call_timeout
        self._listed = types.ListToolsResult(
            tools=[types.Tool.model_validate(tool) for tool in desk.tools()]
        )
        self._schemas: Mapping[str, Mapping[str, Any]] = {
            tool.name: tool.input_schema for tool in self._listed.tools
        }
        super().__init__(
            "aircall",
            version=__version__,
            title="Aircall",
            description="Aircall's phones: calls, texts, contacts, users, numbers, insights.",
            instructions=INSTRUCTIONS,
            cache_hints={"tools/list": CacheHint(ttl_ms=LIST_LIFETIME_MS, scope="private")},
            get_tool_input_schema=self._schemas.get,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
        )
        self.middleware.insert(0, _guard)

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        return super().create_initialization_options(
            notification_options or NotificationOptions(tools_changed=False),
            experimental_capabilities,
            extensions,
        )

    async def _list_tools(
        self, _ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        if params is not None and params.cursor is not None:
            raise MCPError(
                code=types.INVALID_PARAMS, message="Unknown cursor: the list has one page."
            )
        return self._listed

    async def _call_tool(
        self, ctx: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        try:
            result = await self._desk.call(params.name, params.arguments or {}, self._caller(ctx))
        except NotOffered as error:
            message = f"{error.message} {error.hint}".strip()
            raise MCPError(code=types.INVALID_PARAMS, message=message) from None
        text = json.dumps(result.payload, ensure_ascii=False, separators=(",", ":"))
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text)],
            structured_content=result.payload,
            is_error=result.is_error,
        )

    def _caller(self, ctx: Context) -> Caller:
        async def progress(done: float, total: float | None, message: str) -> None:
            await ctx.session.report_progress(done, total, message)

        return Caller(door="mcp", deadline=self._call_timeout, progress=progress)


async def _guard(ctx: Context, call_next: Any) -> Any:
    """Let errors meant for the client through; of all else it learns only that it happened."""
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):
        raise
    except Exception as error:
        log.exception("%s failed", ctx.method)
        raise MCPError(code=types.INTERNAL_ERROR, message="Internal server error") from error
