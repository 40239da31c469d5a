"""The tools that the conformance suite names: see `fixtures.py`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError

Context = ServerRequestContext[Any, Any]
Answer = types.CallToolResult | types.InputRequiredResult
Tool = Callable[[Context, types.CallToolRequestParams], Awaitable[Answer]]
Json = dict[str, Any]

BETWEEN = 0.05
"""Seconds between two notifications of one call, as the suite describes it."""
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8Dw"
    "HwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="

EMPTY: Json = {"type": "object", "properties": {}}
ADDRESS: Json = {
    "$anchor": "addressDef",
    "type": "object",
    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
}
SCHEMAS: Mapping[str, Json] = {
    "test_sampling": {
        "type": "object",
        "properties": {"prompt": {"type": "string"}},
        "required": ["prompt"],
    },
    "test_elicitation": {
        "type": "object",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    },
    "test_x_mcp_header": {
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
        "required": ["region"],
    },
    "json_schema_2020_12_tool": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": ADDRESS},
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    },
}


# Results


def said(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[words(text)])


def words(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def picture() -> types.ImageContent:
    return types.ImageContent(type="image", data=PNG, mime_type="image/png")


def embedded(uri: str, text: str, mime_type: str = "text/plain") -> types.EmbeddedResource:
    contents = types.TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return types.EmbeddedResource(type="resource", resource=contents)


def always(*content: types.ContentBlock, is_error: bool = False) -> Tool:
    """A tool that answers the same, whoever asks."""

    async def tool(_ctx: Context, _params: types.CallToolRequestParams) -> Answer:
        return types.CallToolResult(content=list(content), is_error=is_error)

    return tool


# Tools that talk to the client while they run


async def with_logging(ctx: Context, _params: types.CallToolRequestParams) -> Answer:
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.session.send_log_message(  # pyright: ignore[reportDeprecated]  # still in the suite
            "info", message, related_request_id=ctx.request_id
        )
        await anyio.sleep(BETWEEN)
    return said("logged")


async def with_progress(ctx: Context, _params: types.CallToolRequestParams) -> Answer:
    for done in (0, 50, 100):
        await ctx.session.report_progress(done, 100)
        await anyio.sleep(BETWEEN)
    return said("progressed")


async def with_sampling(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    asked = types.SamplingMessage(role="user", content=words((params.arguments or {})["prompt"]))
    answer = await ctx.session.create_message(  # pyright: ignore[reportDeprecated]  # as above
        [asked], max_tokens=100, related_request_id=ctx.request_id
    )
    return said(f"LLM response: {answer.content}")


async def missing_capability(ctx: Context, _params: types.CallToolRequestParams) -> Answer:
    offered = ctx.session.client_capabilities
    if offered is None or offered.sampling is None:
        raise MCPError(
            code=types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This tool needs sampling.",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return said("sampling is there")


def form(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def eliciting(properties: Json, message: str = "Please review") -> Tool:
    """A tool that has a form filled in, by a request of its own."""

    async def tool(ctx: Context, params: types.CallToolRequestParams) -> Answer:
        text = (params.arguments or {}).get("message", message)
        answer = await ctx.session.elicit_form(text, form(properties), ctx.request_id)
        content = json.dumps(answer.content)
        return said(f"Elicitation completed: action={answer.action}, content={content}")

    return tool


# Tools that ask by way of their result


def asking(message: str, field: str, kind: str = "string") -> types.ElicitRequest:
    schema = form({field: {"type": kind}})
    return types.ElicitRequest(
        params=types.ElicitRequestFormParams(message=message, requested_schema=schema)
    )


def sampling(text: str, most: int) -> types.CreateMessageRequest:
    message = types.SamplingMessage(role="user", content=words(text))
    return types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(messages=[message], max_tokens=most)
    )


NAME = asking("What is your name?", "name")
ROOTS = types.ListRootsRequest()


def needing(state: str | None = None, **requests: Any) -> Tool:
    """A tool that is done once every one of `requests` is answered, with the state it gave out."""

    async def tool(_ctx: Context, params: types.CallToolRequestParams) -> Answer:
        answers = params.input_responses or {}
        if requests.keys() <= answers.keys() and params.request_state == state:
            told = ", ".join(f"{key}: {answers[key]}" for key in requests)
            return said(f"state-ok, {told}")
        return types.InputRequiredResult(input_requests=requests, request_state=state)

    return tool


async def two_rounds(_ctx: Context, params: types.CallToolRequestParams) -> Answer:
    answers = params.input_responses or {}
    if params.request_state == "named" and "step2" in answers:
        return said("both steps are done")
    if params.request_state == "begun" and "step1" in answers:
        colour = asking("Step 2: What is your favorite color?", "color")
        return types.InputRequiredResult(input_requests={"step2": colour}, request_state="named")
    name = asking("Step 1: What is your name?", "name")
    return types.InputRequiredResult(input_requests={"step1": name}, request_state="begun")


async def by_capability(ctx: Context, params: types.CallToolRequestParams) -> Answer:
    offered = ctx.session.client_capabilities or types.ClientCapabilities()
    wanted: dict[str, Any] = {}
    if offered.sampling is not None:
        wanted["greeting"] = sampling("Generate a greeting", 50)
    if offered.elicitation is not None:
        wanted["user_name"] = NAME
    if params.input_responses or not wanted:
        return said("nothing more is needed")
    return types.InputRequiredResult(input_requests=wanted)


OPTIONS = ["option1", "option2", "option3"]
TITLED = [
    {"const": f"value{n}", "title": f"{nth} Option"}
    for n, nth in enumerate(("First", "Second", "Third"), 1)
]
TOOLS: Mapping[str, Tool] = {
    "test_simple_text": always(words("This is a simple text response for testing.")),
    "test_image_content": always(picture()),
    "test_audio_content": always(types.AudioContent(type="audio", data=WAV, mime_type="audio/wav")),
    "test_embedded_resource": always(
        embedded("test://embedded-resource", "This is an embedded resource content.")
    ),
    "test_multiple_content_types": always(
        words("Multiple content types test:"),
        picture(),
        embedded(
            "test://mixed-content-resource", '{"test":"data","value":123}', "application/json"
        ),
    ),
    "test_error_handling": always(
        words("This tool intentionally returns an error for testing"), is_error=True
    ),
    "test_tool_with_logging": with_logging,
    "test_logging_tool": with_logging,
    "test_tool_with_progress": with_progress,
    "test_sampling": with_sampling,
    "test_missing_capability": missing_capability,
    "test_elicitation": eliciting({"username": {"type": "string"}, "email": {"type": "string"}}),
    "test_elicitation_sep1034_defaults": eliciting(
        {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {
                "type": "string",
                "enum": ["active", "inactive", "pending"],
                "default": "active",
            },
            "verified": {"type": "boolean", "default": True},
        }
    ),
    "test_elicitation_sep1330_enums": eliciting(
        {
            "untitledSingle": {"type": "string", "enum": OPTIONS},
            "titledSingle": {"type": "string", "oneOf": TITLED},
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
            "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
        }
    ),
    "json_schema_2020_12_tool": always(words("valid")),
    "test_x_mcp_header": always(words("the header fits")),
    "test_streaming_elicitation": needing(user_name=NAME),
    "test_input_required_result_elicitation": needing(user_name=NAME),
    "test_input_required_result_sampling": needing(
        capital_question=sampling("What is the capital of France?", 100)
    ),
    "test_input_required_result_list_roots": needing(client_roots=ROOTS),
    "test_input_required_result_request_state": needing(
        "given", confirm=asking("Please confirm", "ok", "boolean")
    ),
    "test_input_required_result_tampered_state": needing(
        "given", confirm=asking("Please confirm", "ok", "boolean")
    ),
    "test_input_required_result_multiple_inputs": needing(
        "given", user_name=NAME, greeting=sampling("Generate a greeting", 50), client_roots=ROOTS
    ),
    "test_input_required_result_multi_round": two_rounds,
    "test_input_required_result_capabilities": by_capability,
}
