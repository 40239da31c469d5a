"""How often the policy writes to the disk: never for a read, at most once for an effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.desk import Question
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.safety.policy import Cap, Line, Policy

from ..harness import answering, asking_desk

pytestmark = pytest.mark.anyio

TEXT = {"number_id": 2, "to": "+33184880000", "body": "Hello"}
DIAL = {"user_id": 1, "number_id": 2, "to": "+33184880000"}
CONTACT = {"first_name": "Ada", "phone_numbers": [{"label": "Work", "value": "+33184880001"}]}
POLICY = Policy(
    operations={"send_message": Line("allow")}, caps={"calls": Cap(hour=9)}, written=True
)


def commits(home: Path) -> int:
    """How many there were in the file: SQLite counts them in its header."""
    return int.from_bytes((home / "usage.db").read_bytes()[24:28], "big")


@pytest.mark.parametrize(
    ("tool", "given", "most"),
    [
        ("list_tags", {}, 0),
        ("create_tag", {"name": "a", "color": "#00B388"}, 0),
        ("send_message", TEXT, 0),
        ("create_contact", CONTACT, 1),  # whom a model introduces is a stranger still
        ("start_outbound_call", DIAL, 1),  # the yes and the place under the cap are one
    ],
)
async def test_an_effect_commits_at_most_once(
    registry: Registry, home: Path, tool: str, given: dict[str, Any], most: int
) -> None:
    app, arrived = answering(200, {"id": 1})
    desk = asking_desk(Offers(registry), app, POLICY, home=home)
    await desk.safety.usage.suppress("+33184889999", "said STOP")  # the store is there
    before = commits(home)
    outcome = await desk.call(f"aircall_{tool}", given, Caller())
    if isinstance(outcome, Question):
        assert await desk.answer(outcome.approval, yes=True, grade=2, way="tests")
        before = commits(home)
        outcome = await desk.call(f"aircall_{tool}", given, Caller())
    assert not outcome.is_error, outcome.payload
    assert len(arrived) == 1
    assert commits(home) - before == most
    await desk.aclose()
