"""Events and calls as resources, and notifications of their changes in both eras."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any, Protocol

import anyio
import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp.shared.exceptions import MCPError
from pydantic_core import to_json

from ..errors import ToolError
from ..events.uris import CALL, EVENTS
from ..ground.caller import Caller
from ..ground.secrets import Scrub

log = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]

CALL_BY_ID = f"{CALL}{{id}}"
OURS = "aircall://"
MOST_SUBSCRIPTIONS = 200
WATCH_AGAIN = 5.0
"""Seconds after which a watch that failed begins again."""

_JSON = "application/json"
_RESOURCE = types.Resource(
    uri=EVENTS,
    name="events",
    title="Aircall events",
    description="The newest events that Aircall told of.",
    mime_type=_JSON,
)
_TEMPLATE = types.ResourceTemplate(
    uri_template=CALL_BY_ID,
    name="call",
    title="Aircall call",
    description="A call as it stands, and what was told of it.",
    mime_type=_JSON,
)


class News(Protocol):
    """Resources that change while somebody looks: `events.resources`."""

    async def resource(self, uri: str, caller: Caller) -> dict[str, Any] | None: ...
    async def call_ids(self, prefix: str) -> list[str]: ...
    def changes(self) -> AsyncGenerator[list[str]]: ...


class Resources:
    """The handlers of all that is about resources; `news` finds who brings them.

    Nothing is found before the first of them is asked for, or watched before the first
    subscription.
    """

    def __init__(
        self, news: Callable[[], News], caller: Callable[[Context], Caller], scrub: Scrub
    ) -> None:
        self._news = news
        self._caller = caller
        self._scrub = scrub
        self._bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self._bus, max_subscriptions=MOST_SUBSCRIPTIONS)
        # A session is made anew for every request; what tells connections apart is their client.
        self._sessions: dict[tuple[str, int], Any] = {}
        self._watching: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()

    def handlers(self) -> dict[str, Any]:
        return {
            "on_list_resources": self._list,
            "on_list_resource_templates": self._list_templates,
            "on_read_resource": self._read,
            "on_subscribe_resource": self._subscribe,
            "on_unsubscribe_resource": self._unsubscribe,
            "on_subscriptions_listen": self._listened,
        }

    async def _list(
        self, _ctx: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        return types.ListResourcesResult(resources=[_RESOURCE])

    async def _list_templates(
        self, _ctx: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(resource_templates=[_TEMPLATE])

    async def _read(
        self, ctx: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(params.uri)
        try:
            found = await self._news().resource(uri, self._caller(ctx))
        except ToolError as error:
            raise MCPError(
                code=types.INVALID_PARAMS,
                message=self._scrub(f"{error.message} {error.hint}".strip()),
            ) from None
        if found is None:
            raise MCPError(
                code=types.INVALID_PARAMS,
                message="There is no such resource.",
                data={"uri": uri},
            )
        content = types.TextResourceContents(uri=uri, mime_type=_JSON, text=to_json(found).decode())
        return types.ReadResourceResult(contents=[content])

    async def _subscribe(
        self, ctx: Context, params: types.SubscribeRequestParams
    ) -> types.EmptyResult:
        uri = str(params.uri)
        if not uri.startswith(OURS):
            raise MCPError(code=types.INVALID_PARAMS, message="There is no such resource.")
        if len(self._sessions) >= MOST_SUBSCRIPTIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[uri, id(ctx.session.client_params)] = ctx.session
        await self._watch()
        return types.EmptyResult()

    async def _unsubscribe(
        self, ctx: Context, params: types.UnsubscribeRequestParams
    ) -> types.EmptyResult:
        self._sessions.pop((str(params.uri), id(ctx.session.client_params)), None)
        return types.EmptyResult()

    async def _listened(
        self, ctx: Context, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        if params.notifications.resource_subscriptions:
            await self._watch()
        return await self._listen(ctx, params)

    async def complete(
        self, _ctx: Context, params: types.CompleteRequestParams
    ) -> types.CompleteResult:
        values: list[str] = []
        ref, argument = params.ref, params.argument
        about_calls = isinstance(ref, types.ResourceTemplateReference) and ref.uri == CALL_BY_ID
        if about_calls and argument.name == "id":
            values = [self._scrub(one) for one in await self._news().call_ids(argument.value)]
        completion = types.Completion(values=values[:100], total=len(values), has_more=False)
        return types.CompleteResult(completion=completion)

    async def _watch(self) -> None:
        """Returns when it looks: whoever was told that they are subscribed misses nothing."""
        if self._watching is None or self._watching.done():
            self._begun.clear()
            self._watching = asyncio.get_running_loop().create_task(self._tell())
        await self._begun.wait()

    async def _tell(self) -> None:
        try:
            while True:
                try:
                    async for uris in self._news().changes():
                        self._begun.set()
                        for uri in uris:
                            await self._tell_of(uri)
                except ToolError as error:
                    log.warning("changes are not seen: %s", error.message)
                    self._begun.set()
                    await asyncio.sleep(WATCH_AGAIN)
        finally:
            self._begun.set()

    async def _tell_of(self, uri: str) -> None:
        await self._bus.publish(ResourceUpdated(uri=uri))
        for place, session in list(self._sessions.items()):
            if place[0] != uri:
                continue
            try:
                await session.send_resource_updated(uri)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self._sessions.pop(place, None)
