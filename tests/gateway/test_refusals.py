"""Whose fault a refusal is, and what to do next: every status, from both of Aircall's layers."""

from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp import spec
from aircall_mcp.errors import Refused
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Operation
from aircall_mcp.offer import Registry

from ..harness import answering, gateway_to

pytestmark = pytest.mark.anyio

EDGE = {"message": "No"}
INSIDE = {"error": "No", "troubleshoot": "Recording not found"}
WORDS = {
    "the key": "key or token is wrong",
    "the plan": "plan or a setting of the company",
    "the route": "no such route",
    "the arguments": "Look it up",
    "this server": "a fault of the server",
    "Aircall": "a fault of its own",
    "the law": "legal reasons",
    "the state": "state does not allow it now",
    "time": "gone for good",
    "the address": "AIRCALL_MCP_BASE_URL",
    "the size": "more than Aircall takes",
    "the values": "did not accept the values",
    "what is there": "at odds with what already exists",
    "the request": "would not the next time",
}
"""Who is blamed, by words that nobody else's hint has."""


def blamed(hint: str) -> list[str]:
    return [who for who, words in WORDS.items() if words in hint]


async def refusal(registry: Registry, name: str, status: int, body: Any) -> Refused:
    app, asked = answering(status, body)
    gateway = gateway_to(app)
    operation = registry.ids[name]
    with pytest.raises(Refused) as caught:
        await gateway.send(operation.bind(operation.example), Caller())
    assert asked
    assert caught.value.status == status
    await gateway.aclose()
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "who"),
    [
        (401, EDGE, "the key"),
        (401, INSIDE, "the key"),
        (403, EDGE, "the key"),
        (403, None, "the key"),
        (403, b"<html>blocked</html>", "the key"),
        (403, INSIDE, "the plan"),
        (402, INSIDE, "the plan"),
        (404, EDGE, "the route"),
        (404, None, "the route"),
        (404, INSIDE, "the arguments"),
        (405, EDGE, "the route"),
        (405, INSIDE, "the state"),
        (409, INSIDE, "what is there"),
        (410, INSIDE, "time"),
        (410, EDGE, "time"),
        (413, EDGE, "the size"),
        (414, None, "the size"),
        (406, EDGE, "this server"),
        (415, EDGE, "this server"),
        (415, INSIDE, "this server"),
        (451, EDGE, "the law"),
        (451, INSIDE, "the law"),
        (400, INSIDE, "the values"),
        (422, INSIDE, "the values"),
        (418, INSIDE, "the request"),
        (302, None, "the address"),
        (500, EDGE, "Aircall"),
    ],
)
@pytest.mark.parametrize("name", ["get_tag", "delete_call_recording"])
async def test_a_refusal_blames_one_side_and_the_right_one(
    registry: Registry, name: str, status: int, body: Any, who: str
) -> None:
    error = await refusal(registry, name, status, body)
    assert blamed(error.hint) == [who]
    assert error.extra() == {"status": status}
    if body is INSIDE:
        assert "Recording not found" in error.message


async def test_an_add_on_is_blamed_where_the_application_itself_says_no(registry: Registry) -> None:
    error = await refusal(registry, "get_call_summary", 403, INSIDE)
    assert error.hint == "This needs the AI Assist add-on on the Aircall account."
    for body in (EDGE, None, b"<html>"):  # who wrote that knows nothing of add-ons
        error = await refusal(registry, "get_call_summary", 403, body)
        assert blamed(error.hint) == ["the key"]
        assert "AI Assist add-on" in error.hint


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("delete_call_recording", "it has no recording"),
        ("pause_call_recording", "is not recorded"),
        ("get_dialer_campaign", "has no queue"),
        ("get_message_configuration", "not registered"),
        ("remove_user_from_team", "is not in it"),
        ("transfer_call", "is over"),
    ],
)
async def test_a_404_may_be_of_a_state_and_not_of_an_id(
    registry: Registry, name: str, state: str
) -> None:
    error = await refusal(registry, name, 404, INSIDE)
    assert state in error.hint
    assert "Look it up with aircall_" in error.hint


async def test_a_404_of_what_has_no_id_sends_nobody_to_look_one_up(registry: Registry) -> None:
    error = await refusal(registry, "get_integration", 404, INSIDE)
    assert "these credentials belong to no integration" in error.hint
    assert "aircall-mcp doctor" in error.hint
    assert blamed(error.hint) == []


async def test_a_retired_route_that_is_gone_names_its_successor(registry: Registry) -> None:
    for status in (404, 405, 410):
        error = await refusal(registry, "get_user_v1", status, EDGE)
        assert "aircall_get_user_v2 has taken its place" in error.hint


async def test_a_conflict_over_a_key_is_told_apart_from_one_over_a_thing(
    registry: Registry,
) -> None:
    keyed = await refusal(registry, "trigger_ai_voice_agent_call", 409, INSIDE)
    assert "first request stands" in keyed.hint
    assert "idempotency_key" not in (await refusal(registry, "create_tag", 409, INSIDE)).hint


@pytest.mark.parametrize("operation", spec.load().operations, ids=lambda one: one.id)
def test_what_a_missing_thing_is_looked_up_with_is_a_tool(
    operation: Operation, registry: Registry
) -> None:
    assert {*operation.needs_first} <= set(registry.ids)
    assert not operation.answer.missing or operation.answer.missing.endswith(".")
