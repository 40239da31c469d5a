"""The product's server with what the conformance suite wants to see beside its own tools.

Everything goes through the product's own class, guard and HTTP server; only the tools, resources
and prompts that the suite names are added, so that the parts of the protocol which Aircall's tools
do not use are held to the suite as well. Never shipped.

    python tests/conformance/fixtures.py PORT
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import anyio
import mcp_types as types
from fixture_tools import (
    EMPTY,
    PNG,
    SCHEMAS,
    TOOLS,
    Answer,
    Context,
    Tool,
    asking,
    embedded,
    picture,
    said,
    words,
)
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ServerEvent,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError

from aircall_mcp.app import App, open_app
from aircall_mcp.ground.config import settings_from
from aircall_mcp.protocol.http import serve
from aircall_mcp.protocol.mcp_server import AircallServer

Own = Callable[[Context, Any], Awaitable[Any]]

FIXTURE = "Here for the conformance suite alone."

RESOURCES: Mapping[str, types.TextResourceContents | types.BlobResourceContents] = {
    "test://static-text": types.TextResourceContents(
        uri="test://static-text",
        mime_type="text/plain",
        text="This is the content of the static text resource.",
    ),
    "test://static-binary": types.BlobResourceContents(
        uri="test://static-binary", mime_type="image/png", blob=PNG
    ),
    "test://watched-resource": types.TextResourceContents(
        uri="test://watched-resource", mime_type="text/plain", text="Watched."
    ),
}

TEMPLATE = "test://template/{id}/data"
PROMPTS: Mapping[str, tuple[str, ...]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


class FixtureServer(AircallServer):
    """`AircallServer`, with more to offer."""

    def __init__(self, app: App) -> None:
        super().__init__(app.desk, news=app.news)
        self._bus = InMemorySubscriptionBus()
        self._tools: Mapping[str, Tool] = {
            **TOOLS,
            "test_trigger_tool_change": partial(self._publish, ToolsListChanged()),
            "test_trigger_prompt_change": partial(self._publish, PromptsListChanged()),
        }

        def schema_of(name: str) -> Mapping[str, Any] | None:
            return SCHEMAS.get(name) or app.desk.registry.schema_of(name)

        self.get_tool_input_schema = schema_of
        self._add("tools/list", types.PaginatedRequestParams, self._list_tools_too)
        self._add("tools/call", types.CallToolRequestParams, self._call_tool_too)
        self._add("resources/list", types.PaginatedRequestParams, list_resources)
        self._add("resources/templates/list", types.PaginatedRequestParams, list_templates)
        self._add("resources/read", types.ReadResourceRequestParams, read_resource)
        self._add("resources/subscribe", types.SubscribeRequestParams, allow)
        self._add("resources/unsubscribe", types.UnsubscribeRequestParams, allow)
        add = self.add_request_handler
        add("prompts/list", types.PaginatedRequestParams, list_prompts)
        add("prompts/get", types.GetPromptRequestParams, get_prompt)
        add("logging/setLevel", types.SetLevelRequestParams, nothing)
        add(
            "subscriptions/listen",
            types.SubscriptionsListenRequestParams,
            ListenHandler(self._bus),
        )

    def _add(self, method: str, takes: type[Any], more: Callable[[Own, Any, Any], Any]) -> None:
        """Serve `method` with `more`, which has the product's own way of serving it at hand."""
        entry = self.get_request_handler(method)
        assert entry is not None
        self.add_request_handler(method, takes, partial(more, entry.handler))

    async def _list_tools_too(self, own: Own, ctx: Context, params: Any) -> types.ListToolsResult:
        listed = await own(ctx, params)
        added = [
            types.Tool(name=name, description=FIXTURE, input_schema=SCHEMAS.get(name, EMPTY))
            for name in self._tools
        ]
        return listed.model_copy(update={"tools": [*listed.tools, *added]})

    async def _call_tool_too(
        self, own: Own, ctx: Context, params: types.CallToolRequestParams
    ) -> Answer:
        return await self._tools.get(params.name, own)(ctx, params)

    async def _publish(
        self, event: ServerEvent, _ctx: Context, _params: types.CallToolRequestParams
    ) -> Answer:
        await self._bus.publish(event)
        return said("published")


async def nothing(_ctx: Context, _params: Any) -> types.EmptyResult:
    return types.EmptyResult()


async def allow(own: Own, ctx: Context, params: Any) -> types.EmptyResult:
    return types.EmptyResult() if str(params.uri) in RESOURCES else await own(ctx, params)


async def list_resources(own: Own, ctx: Context, params: Any) -> types.ListResourcesResult:
    listed = await own(ctx, params)
    added = [
        types.Resource(
            uri=uri,
            name=uri.removeprefix("test://"),
            description=FIXTURE,
            mime_type=contents.mime_type,
        )
        for uri, contents in RESOURCES.items()
    ]
    return listed.model_copy(update={"resources": [*added, *listed.resources]})


async def list_templates(own: Own, ctx: Context, params: Any) -> types.ListResourceTemplatesResult:
    listed = await own(ctx, params)
    added = types.ResourceTemplate(uri_template=TEMPLATE, name="template", description=FIXTURE)
    return listed.model_copy(update={"resource_templates": [added, *listed.resource_templates]})


async def read_resource(
    own: Own, ctx: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    uri = str(params.uri)
    before, after = TEMPLATE.split("{id}")
    if uri.startswith(before) and uri.endswith(after):
        number = uri.removeprefix(before).removesuffix(after)
        text = json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})
        filled = types.TextResourceContents(uri=uri, mime_type="application/json", text=text)
        return types.ReadResourceResult(contents=[filled])
    if uri in RESOURCES:
        return types.ReadResourceResult(contents=[RESOURCES[uri]])
    return await own(ctx, params)


async def list_prompts(_ctx: Context, _params: Any) -> types.ListPromptsResult:
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=name,
                description=FIXTURE,
                arguments=[types.PromptArgument(name=n, required=True) for n in arguments],
            )
            for name, arguments in PROMPTS.items()
        ]
    )


async def get_prompt(
    _ctx: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    given = params.arguments or {}
    content: list[types.ContentBlock]
    match params.name:
        case "test_simple_prompt":
            content = [words("This is a simple prompt for testing.")]
        case "test_prompt_with_arguments":
            content = [
                words(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'")
            ]
        case "test_prompt_with_embedded_resource":
            content = [
                embedded(given["resourceUri"], "Embedded resource content for testing."),
                words("Please process the embedded resource above."),
            ]
        case "test_prompt_with_image":
            content = [picture(), words("Please analyze the image above.")]
        case "test_input_required_result_prompt":
            answers = params.input_responses or {}
            if "user_context" not in answers:
                asked = asking("What context should the prompt use?", "context")
                return types.InputRequiredResult(input_requests={"user_context": asked})
            content = [words(f"With the context: {answers['user_context']}")]
        case unknown:
            raise MCPError(code=types.INVALID_PARAMS, message=f"Unknown prompt: {unknown}.")
    return types.GetPromptResult(
        messages=[types.PromptMessage(role="user", content=part) for part in content]
    )


if __name__ == "__main__":

    async def run() -> None:
        async with open_app(settings_from({"sandbox": True})) as app:
            await serve(FixtureServer(app), "127.0.0.1", int(sys.argv[1]), key=None)

    anyio.run(run)
