"""Answer MCP requests: both protocol eras with one low-level `Server`, and nothing but MCP.

What the SDK leaves open is closed here: no exception text leaves, an unknown tool or cursor is a
protocol error, every schema is known without listing, list changes are announced in both eras.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import mcp_types as types
from mcp.server import CacheHint, NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from pydantic_core import to_json

from .. import __version__
from ..desk import Answer, Desk, Failure, Outcome, Question
from ..errors import Declined, NeedsConfirmation, NotOffered, ToolError
from ..ground.caller import OWNER, Caller
from ..ground.secrets import cut
from ..offer import Offer
from ..offer.tools import INSTRUCTIONS, error_of
from .elicitation import Elicitation, Heard, Page, pending, unanswered
from .framed import filled, frame_of
from .prompts import Choosing, Prompts
from .resources import Context, News, Resources

log = logging.getLogger(__name__)

LIST_LIFETIME_MS = 300_000
"""Milliseconds a client may keep a list: it only changes when the server is started anew."""


LONGEST_CLIENT = 60
"""Characters of a client's name and version that are kept."""


def owner(_ctx: Context) -> str:
    """Whoever reaches stdin or a loopback address of this machine is its owner."""
    return OWNER


class AircallServer(Server[Any]):
    """The MCP server over one desk. `news` finds who brings the resources and tells of changes;
    `choices` what arguments of prompts may be completed with. `principal_of` says on whose behalf a
    request comes, `elicitation` how a person is asked, `page` opens the page where one can say yes.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        call_timeout: float = 25.0,
        news: Callable[[], News] | None = None,
        choices: Choosing | None = None,
        principal_of: Callable[[Context], str] = owner,
        elicitation: Elicitation | None = None,
        page: Page | None = None,
    ) -> None:
        self._desk = desk
        self._call_timeout = call_timeout
        self._principal_of = principal_of
        self._elicitation = elicitation or Elicitation()
        self._page = page
        self._lists: WeakKeyDictionary[Offer, types.ListToolsResult] = WeakKeyDictionary()
        prompts = Prompts(
            lambda principal: desk.offer(principal).prompts, choices, self._caller, desk.scrub
        )
        resources = None if news is None else Resources(news, self._caller, desk.scrub)

        async def complete(
            ctx: Context, params: types.CompleteRequestParams
        ) -> types.CompleteResult:
            if resources is None or isinstance(params.ref, types.PromptReference):
                return await prompts.complete(ctx, params)
            return await resources.complete(ctx, params)

        super().__init__(
            "aircall",
            version=__version__,
            title="Aircall",
            description="Aircall's phones: calls, texts, contacts, users, numbers, insights.",
            instructions=INSTRUCTIONS,
            cache_hints={
                "tools/list": CacheHint(ttl_ms=LIST_LIFETIME_MS, scope="private"),
                "prompts/list": CacheHint(ttl_ms=LIST_LIFETIME_MS, scope="private"),
            },
            get_tool_input_schema=desk.registry.schema_of,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_completion=complete,
            **prompts.handlers(),
            **({} if resources is None else resources.handlers()),
        )
        self.middleware.insert(0, _guard)
        self.middleware += (self._elicitation.boundary(self.name, principal_of), filled)

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
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        if params is not None and params.cursor:  # "" and null are none
            raise MCPError(
                code=types.INVALID_PARAMS, message="Unknown cursor: the list has one page."
            )
        return self._list_of(self._desk.offer(self._principal_of(ctx)))

    def _list_of(self, offer: Offer) -> types.ListToolsResult:
        """Read into the SDK's model once for an offer: that takes longer than all the rest."""
        listed = self._lists.get(offer)
        if listed is None:
            tools = [types.Tool.model_validate(tool) for tool in offer.tools]
            listed = self._lists[offer] = types.ListToolsResult(tools=tools)
        return listed

    async def _call_tool(
        self, ctx: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        try:
            return await self._settled(ctx, params)
        except ToolError as error:
            return _result(Failure(error_of(error)))

    async def _settled(
        self, ctx: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        """Raises `ToolError` for what a person said that is no yes."""
        caller = self._caller(ctx)
        if (heard := self._elicitation.answered(ctx, params)) is not None:
            await self._hear(ctx, heard)
        outcome = await self._outcome(params, caller)
        if not isinstance(outcome, Question):
            return _result(outcome)
        tried = () if heard is None else heard.tried
        asked = await self._elicitation.ask(ctx, outcome, self._page, tried)
        if isinstance(asked, types.InputRequiredResult):
            return asked
        if isinstance(asked, Failure):
            return _result(asked)
        await self._hear(ctx, asked)
        outcome = await self._outcome(params, caller)
        if isinstance(outcome, Question):
            return _result(await pending(outcome, self._page, unanswered(asked)))
        return _result(outcome)

    async def _hear(self, ctx: Context, heard: Heard) -> None:
        """Take what a person said at the client. Raises `Declined` and `NeedsConfirmation` where
        that was no yes. What nobody has seen leaves the question waiting for another way."""
        match heard.said:
            case "unseen":
                log.info("the client answered for its user: a person is asked another way")
            case "closed":
                raise Declined(
                    "The person who was asked closed the question without an answer.",
                    hint="Nothing was done. Do not call again unless your user asks for it.",
                )
            case "opened":
                stands = await self._elicitation.settled(ctx, heard.approval, self._desk.standing)
                if stands == "refused":  # and this call hears it, whatever the policy says by now
                    await self._desk.answer(heard.approval, yes=False, grade=1, way="url")
                    raise Declined
            case "yes" | "no" | "unticked":
                yes, way = heard.said == "yes", heard.tried[-1]
                stood = await self._desk.answer(heard.approval, yes=yes, grade=1, way=way)
                if heard.said == "unticked":
                    raise Declined(
                        "The form came back with `Do it` not ticked, which counts as a no.",
                        hint="Nothing was done. Tell your user. If they meant yes, call again in a"
                        " minute: then they tick `Do it`, and accept.",
                    )
                if not yes:
                    raise Declined
                if not stood:
                    raise NeedsConfirmation(
                        "That answer was used already, or came too late.",
                        hint="Nothing was done on it. Call again only if your user wants it still.",
                    )

    async def _outcome(self, params: types.CallToolRequestParams, caller: Caller) -> Outcome:
        try:
            return await self._desk.call(params.name, params.arguments or {}, caller)
        except NotOffered as error:
            message = self._desk.scrub(f"{error.message} {error.hint}".strip())
            raise MCPError(code=types.INVALID_PARAMS, message=message) from None
        except ValidationError as bug:  # of ours: the request itself was read before
            raise RuntimeError("a validation error at the desk") from bug

    def _caller(self, ctx: Context) -> Caller:
        async def progress(done: float, total: float | None, message: str) -> None:
            await ctx.session.report_progress(done, total, self._desk.scrub(message))

        watched = bool(ctx.meta and ctx.meta.get("progress_token"))
        return Caller(
            principal=self._principal_of(ctx),
            interface="mcp",
            client=self._client_of(ctx),
            deadline=self._call_timeout,
            watched=watched,
            progress=progress,
        )

    def _client_of(self, ctx: Context) -> str:
        """What the client calls itself; empty where it does not say."""
        known = ctx.session.client_params
        if known is None:
            return ""
        said = f"{known.client_info.name} {known.client_info.version}"
        return cut(self._desk.scrub(" ".join(said.split())), LONGEST_CLIENT)


def _result(outcome: Outcome) -> types.CallToolResult:
    """Text and structured content alike; a question that is still one says whom to ask."""
    if isinstance(outcome, Answer):
        return frame_of(outcome)
    text = to_json(outcome.payload).decode()
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)],
        structured_content=outcome.payload,
        is_error=True,
    )


async def _guard(ctx: Context, call_next: Any) -> Any:
    """Let errors meant for the client through; of all else it learns only that it happened."""
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):
        raise
    except Exception as error:
        log.exception("%s failed", ctx.method)
        raise MCPError(code=types.INTERNAL_ERROR, message="Internal server error") from error
