"""What holds for each tool: its form, its words, and that it answers."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, cast

import httpx2
import jsonschema_rs
import pytest

from aircall_mcp import spec
from aircall_mcp.cli.configs.known_clients import CLIENTS
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.operation import Operation
from aircall_mcp.offer import Offer, Offers, Registry, Selection
from aircall_mcp.offer.tools import tool_for

from ..harness import (
    THURSDAY,
    Clock,
    Harness,
    OwnDesk,
    OwnGateway,
    auth_for,
    desk_over,
    sandbox_with,
)

pytestmark = pytest.mark.anyio

ALL = spec.load().operations
AIRCALLS = tuple(operation for operation in ALL if not operation.ours)
CALLER = Caller()
EXCLUDED = Path(__file__).parents[2] / "tool_specs/toolsets/excluded.toml"
RESERVED = ("detail", "max_items", "skip", "account", "fresh", "dry_run")

every_tool = pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.id)
every_operation = pytest.mark.parametrize("operation", AIRCALLS, ids=lambda operation: operation.id)


def size(value: Any) -> int:
    """Bytes on the wire, as clients count them."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def parts(schema: Any, where: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every schema inside `schema`, with its path."""
    if not isinstance(schema, dict):
        return []
    schema = cast("dict[str, Any]", schema)
    found = [(where, schema)]
    for name, part in schema.get("properties", {}).items():
        found += parts(part, f"{where}.{name}")
    for key in ("items", "additionalProperties"):
        found += parts(schema.get(key), f"{where}.{key}")
    return found


@every_tool
def test_it_has_a_name_a_title_and_words_that_help_a_model_choose(operation: Operation) -> None:
    assert re.fullmatch(r"aircall_[a-z0-9_]{2,37}", operation.tool)
    assert operation.tool == f"aircall_{operation.id}"
    assert operation.title
    assert len(operation.title) <= 50
    assert operation.summary.endswith((".", "?"))
    assert operation.description
    assert len(tool_for(operation)["description"]) <= 1024
    assert len(set(operation.utterances)) >= 5
    assert all(utterance.strip() == utterance != "" for utterance in operation.utterances)


@every_tool
def test_its_words_only_name_tools_that_there_are(operation: Operation) -> None:
    named = set(re.findall(r"aircall_[a-z0-9_]+", json.dumps(tool_for(operation))))
    assert named <= {one.tool for one in ALL}


@every_tool
def test_its_input_schema_is_valid_closed_and_small(operation: Operation) -> None:
    schema = tool_for(operation)["inputSchema"]
    jsonschema_rs.meta.validate(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    )
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert size(schema) < 16_384


@every_tool
def test_its_input_schema_keeps_to_the_dialect_that_every_client_takes(
    operation: Operation,
) -> None:
    inside = parts(operation.input_schema)
    assert len(inside) > len(operation.parameters)
    for where, part in inside:
        assert not part.keys() & {"anyOf", "oneOf", "allOf", "not", "if", "$ref", "format"}, where
        kinds = part.get("type", [])
        if "array" in (kinds if isinstance(kinds, list) else [kinds]):
            assert "items" in part, where
        if "properties" in part:
            assert set(part.get("required", [])) <= set(part["properties"]), where


@every_tool
def test_every_parameter_says_what_it_is(operation: Operation) -> None:
    assert {one.name for one in operation.parameters} == set(operation.input_schema["properties"])
    for where, part in parts(operation.input_schema):
        for name, inner in part.get("properties", {}).items():
            assert inner.get("description"), f"{where}.{name}"


@every_tool
def test_its_hints_are_right_by_effect(operation: Operation) -> None:
    notes = tool_for(operation)["annotations"]
    assert notes["title"] == operation.title
    assert notes["readOnlyHint"] is (operation.effect == "read")
    adds = operation.additive and operation.effect == "write"
    assert notes["destructiveHint"] is (operation.effect != "read" and not adds)
    assert notes["idempotentHint"] is (operation.repeatable != "never")
    assert isinstance(notes["openWorldHint"], bool)
    if operation.effect == "reach":
        assert notes["openWorldHint"] is True


@every_operation
def test_its_effect_and_repeatability_fit_its_verb(operation: Operation) -> None:
    assert (operation.effect == "read") == (operation.method == "GET")
    assert (operation.repeatable == "safe") == (operation.effect == "read")
    if operation.effect == "reach":
        assert operation.repeatable == "never"
    if operation.method in ("PUT", "DELETE"):
        assert operation.repeatable == "idempotent"


@pytest.mark.parametrize(
    "words", [("call", "dial"), ("send", "message"), ("create", "user"), ("trigger",)]
)
def test_what_reaches_a_human_or_costs_money_is_marked_so(words: tuple[str, ...]) -> None:
    """By name, so that a wrong effect in an overlay is found."""
    reaching = {
        "start_outbound_call", "dial_number_in_workspace", "transfer_call", "push_insight_card",
        "create_dialer_campaign", "add_dialer_campaign_numbers", "send_message",
        "send_message_in_conversation", "send_group_message", "send_group_message_in_conversation",
        "send_whatsapp_message", "send_whatsapp_in_conversation", "create_user_v1",
        "create_user_v2", "trigger_ai_voice_agent_call",
    }  # fmt: skip
    by_id = {operation.id: operation for operation in AIRCALLS}
    for name in reaching:
        assert by_id[name].effect == "reach", name
    for operation in AIRCALLS:
        if all(word in operation.id.split("_") for word in words) and operation.method == "POST":
            assert operation.id in reaching, operation.id


@every_operation
def test_its_neighbour_its_forerunners_and_its_successor_exist(operation: Operation) -> None:
    known = {one.id for one in AIRCALLS}
    assert {*operation.needs_first} <= known - {operation.id}
    assert operation.sibling in known | {""}
    assert bool(operation.sibling) == bool(operation.sibling_because)
    if operation.retired:
        assert operation.retired.replacement in known | {""}


@every_operation
async def test_its_example_succeeds_in_a_fresh_sandbox(
    operation: Operation, registry: Registry, clock: Clock
) -> None:
    harness = furnished(registry, clock)
    answer = await harness.call(operation.id, **operation.example)
    assert answer["sandbox"] is True
    assert answer["data"] not in (None, {}, [])
    arrival = harness.sandbox.arrivals[-1]
    assert arrival.operation == operation.id
    assert arrival.status == operation.answer.status
    if operation.answer.key:
        assert operation.answer.key in answer["data"]


@pytest.mark.parametrize("hours", [0, 13, 62, 87])
async def test_the_examples_succeed_one_after_the_other_at_any_hour(
    hours: int, registry: Registry
) -> None:
    """On a Thursday at ten, that evening, in the night to Sunday, and on Monday at one."""
    harness = furnished(registry, Clock(THURSDAY + hours * 3600))
    offered = [one for one in Offer(registry, Selection()) if not one.ours]
    for operation in offered:
        await harness.call(operation.id, **operation.example)
    performed = [arrival.operation for arrival in harness.sandbox.arrivals]
    assert list(dict.fromkeys(performed)) == [one.id for one in offered]


@every_operation
async def test_its_full_answer_holds_all_that_the_concise_one_does(
    operation: Operation, registry: Registry, clock: Clock
) -> None:
    if "detail" not in operation.input_schema["properties"] or operation.effect != "read":
        return
    harness = furnished(registry, clock)
    arguments = dict(operation.example)
    concise = await harness.call(operation.id, **arguments)
    full = await harness.call(operation.id, **arguments, detail="full")
    assert size(concise["data"]) <= size(full["data"])
    assert names(concise["data"]) <= names(full["data"])


def names(value: Any) -> set[str]:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return set(fields).union(*map(names, fields.values()))
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return set[str]().union(*map(names, items))


def furnished(registry: Registry, clock: Clock) -> Harness:
    sandbox = sandbox_with(clock=clock, requests_per_minute=None, users_v1=True)
    return Harness(desk_over(sandbox, registry), sandbox)


# All of them together.


def surface(registry: Registry, **choices: Any) -> list[dict[str, Any]]:
    return [tool_for(operation) for operation in Offer(registry, Selection(**choices))]


def test_the_default_surface_has_at_most_120_tools_twenty_of_them_our_own(
    registry: Registry,
) -> None:
    ours = [operation for operation in Offer(registry, Selection()) if operation.ours]
    assert len(ours) <= 20
    assert 90 <= len(surface(registry)) <= 120


def test_a_tool_costs_a_model_at_most_145_tokens_on_average(registry: Registry) -> None:
    """Name, description and schema, at four bytes a token; the arguments we add to all apart."""
    tools = surface(registry)
    total = 0
    for tool in tools:
        schema = tool["inputSchema"]
        own = {k: v for k, v in schema["properties"].items() if k not in RESERVED}
        visible = {k: tool[k] for k in ("name", "description")}
        total += size({**visible, "inputSchema": {**schema, "properties": own}})
    assert total / 4 / len(tools) <= 145


def test_the_search_surface_is_small_enough_for_any_client(registry: Registry) -> None:
    tools = surface(registry, surface="search")
    assert {tool["name"] for tool in tools} >= {
        f"aircall_{word}" for word in ("search", "describe", "read", "write", "reach", "delete")
    }
    assert size(tools) < 16_000


# Limits of real clients, as data of our own: what each refuses, cuts or hides.

CLIENT_LIMITS: dict[str, dict[str, Any]] = {
    "claude.ai": {
        "name": r"[a-zA-Z0-9_-]{1,64}",
        "schema_bytes": 16_384,
        "root_combinators": False,
    },
    "claude-code": {"qualified_name": 128, "prefix": "mcp__aircall__", "description": 2_048},
    "connectors-directory": {"title": True, "hints": ("readOnlyHint", "destructiveHint")},
    "vscode": {"tools": 128, "array_items": True},
    "cursor": {"qualified_name": 60, "prefix": "aircall:"},
    "windsurf": {"tools": 100},
    "chatgpt": {"name": r"[a-zA-Z0-9_-]{1,64}", "hints": ("openWorldHint", "idempotentHint")},
}


@pytest.mark.parametrize("client", CLIENT_LIMITS)
@pytest.mark.parametrize("which", ["full", "tasks", "search"])
def test_every_client_takes_the_whole_list(registry: Registry, client: str, which: str) -> None:
    limits = CLIENT_LIMITS[client]
    tools = surface(registry, surface=which)
    if which == "full" and "tools" in limits and client in CLIENTS:
        which = CLIENTS[client].surface  # `config` writes what it takes
        tools = surface(registry, surface=which)
    assert len(tools) <= limits.get("tools", 1_000)
    assert max(Counter(tool["name"] for tool in tools).values()) == 1
    for tool in tools:
        name, schema = tool["name"], tool["inputSchema"]
        assert re.fullmatch(limits.get("name", ".+"), name)
        assert len(limits.get("prefix", "") + name) <= limits.get("qualified_name", 1_000)
        assert len(tool["description"]) <= limits.get("description", 1_000_000)
        assert size(schema) <= limits.get("schema_bytes", 1_000_000)
        assert not limits.get("title") or tool["title"]
        assert all(isinstance(tool["annotations"][hint], bool) for hint in limits.get("hints", ()))
        if limits.get("root_combinators") is False:
            assert not schema.keys() & {"anyOf", "oneOf", "allOf"}
        if limits.get("array_items"):
            assert all("items" in p for _, p in parts(schema) if p.get("type") == "array")


def test_every_operation_of_the_document_is_in_one_toolset_or_excluded(registry: Registry) -> None:
    verbs = ("get", "post", "put", "patch", "delete")
    described = [
        item[verb]["operationId"]
        for item in spec.document()["paths"].values()
        for verb in verbs
        if verb in item
    ]
    offered = [operation.id for operation in AIRCALLS]
    assert max(Counter(described).values()) == 1
    assert max(Counter(offered).values()) == 1
    excluded = tomllib.loads(EXCLUDED.read_text("utf-8"))["excluded"]
    assert set(described) - set(offered) == set(excluded)
    assert all(excluded.values())
    assert set(offered) <= set(described)
    assert {operation.toolset for operation in ALL} == {t.name for t in registry.toolsets}


class Watched(httpx2.ASGITransport):
    closed = 0

    async def aclose(self) -> None:
        self.closed += 1
        await super().aclose()


async def test_closing_the_desk_twice_does_no_harm(registry: Registry, clock: Clock) -> None:
    """What it let go of is let go of once, and nothing goes out afterwards."""
    sandbox = sandbox_with(clock=clock, requests_per_minute=None)
    transport = Watched(app=sandbox)
    auth = auth_for(AIRCALL, (sandbox.api_id, sandbox.api_token))
    desk = OwnDesk(Offers(registry), OwnGateway(base_url=AIRCALL, auth=auth, transport=transport))
    assert not (await desk.call("aircall_ping", {}, CALLER)).is_error
    assert transport.closed == 0
    await desk.aclose()
    assert transport.closed == 1
    await desk.aclose()
    assert transport.closed == 1
    assert len(sandbox.arrivals) == 1
