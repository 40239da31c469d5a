"""What our own tools say that they answer, and what they do answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from aircall_mcp import spec
from aircall_mcp.app import open_app
from aircall_mcp.desk import Answer
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.operation import Operation
from aircall_mcp.offer.tools import answered
from aircall_mcp.spec.results import results_in

from ..harness import hold_to_result

pytestmark = pytest.mark.anyio

OWN = tuple(operation for operation in spec.load().operations if operation.ours)
SOURCES = Path(__file__).parents[2] / "tool_specs" / "results"
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "search": [{"query": "zqx"}, {"query": "call Maya and text Anna", "limit": 10}],
    "describe": [{"operation": one.id} for one in spec.load().operations],
    "read": [{"operation": "get_call", "arguments": {"call_id": 4223079425}},
             {"operation": "list_calls", "arguments": {"max_items": 2, "detail": "full"}}],
    "read_events": [{"limit": 1}, {"detail": "full"}, {"from": "2026-11-01", "to": "2026-11-02"}],
    "list_messages": [{"detail": "full"}, {"from": "2026-11-01"}],
}  # fmt: skip
"""Arguments beside the example, for other forms of an answer."""
SHORTER = {"wait_for_event": {"timeout_seconds": 1}}
"""What nobody does meanwhile is not waited for as long as in the example."""

own_tools = pytest.mark.parametrize("operation", OWN, ids=lambda operation: operation.id)


@own_tools
def test_its_result_is_a_valid_schema_of_an_object(operation: Operation) -> None:
    assert operation.result is not None
    schema = answered(operation.result)
    jsonschema_rs.meta.validate(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    )
    assert operation.result["type"] == "object"
    assert not jsonschema_rs.is_valid(schema, {}), "it must say something"


def test_only_our_own_tools_say_what_they_answer() -> None:
    assert all(one.result is None for one in spec.load().operations if not one.ours)
    assert results_in(SOURCES).keys() == {operation.id for operation in OWN}


async def test_every_answer_in_the_sandbox_is_as_its_tool_says(home: Path) -> None:
    """The example of each, other forms of the answer, and what a dry run says."""
    settings = settings_from(
        {"sandbox": True, "surface": "tasks", "include_deprecated": True, "home": home}
    )
    async with open_app(settings, {}) as app:
        for operation in (one for one in OWN if one in app.desk.offer()):
            example = {**operation.example, **SHORTER.get(operation.id, {})}
            given = [example, *VARIANTS.get(operation.id, [])]
            for arguments in [*given, {**example, "dry_run": True}]:
                outcome = await app.desk.call(operation.tool, arguments, Caller())
                assert isinstance(outcome, Answer), (operation.id, arguments, outcome.payload)
                hold_to_result(app.desk.registry, operation.tool, outcome.payload)
