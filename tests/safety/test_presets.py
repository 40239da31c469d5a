"""The presets of the policy, each as it stands in docs/policy.md, by what becomes of calls."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.safety.policy_file import PRESETS, policy_of, preset_text

from ..harness import THURSDAY, Clock, KnownCompany, answering, asking_desk

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")
SHOWN = dict(re.findall(r"\*\*(\w+)\*\*\n\n```toml\n(.*?)```", PAGE, re.DOTALL))
NIGHT = 11.0
"""Hours after eleven in the morning in France."""

FRIEND, STRANGER, ABROAD, COSTLY = "+33184880017", "+33184880099", "+447400123456", "+33899123456"
TAG = {"name": "a", "color": "#00B388"}


class Company(KnownCompany):
    """At home in France, with one contact."""

    async def home(self, _account: str) -> frozenset[str] | None:
        return frozenset({"FR"})

    async def known(self, _account: str, numbers: tuple[str, ...]) -> frozenset[str]:
        return frozenset(numbers) & {FRIEND}


Call = tuple[str, dict[str, Any]]


def dial(to: str) -> Call:
    return "start_outbound_call", {"user_id": 1, "number_id": 2, "to": to}


def text(*to: str) -> Call:
    if len(to) == 1:
        return "send_message", {"number_id": 2, "to": to[0], "body": "Hello"}
    return "send_group_message", {"number_id": 2, "participants": list(to), "body": "Hello"}


READ: Call = ("list_calls", {})
WRITE: Call = ("create_tag", TAG)
DELETE: Call = ("delete_tag", {"tag_id": 1})
EXPOSE: Call = ("create_webhook", {"url": "https://hooks.example.com", "events": ["call.ended"]})
ADMINISTER: Call = ("update_user_v2", {"user_id": 1, "role_ids": ["owner"]})
FILL: Call = ("dial_number_in_workspace", {"user_id": 1, "to": FRIEND})

SAID: list[tuple[str, Call, float, str]] = [
    ("analyst", READ, 0, "allow"),
    *(("analyst", call, 0.0, "deny") for call in (WRITE, dial(FRIEND), text(FRIEND), FILL)),
    *((name, call, 0.0, "deny") for name in PRESETS for call in (DELETE, EXPOSE, ADMINISTER)),
    *((name, dial(COSTLY), 0.0, "deny") for name in PRESETS),
    *((name, call, 0.0, "allow") for name in ("support", "sales") for call in (READ, WRITE)),
    ("support", dial(FRIEND), 0, "ask 1"),
    ("support", text(FRIEND), 0, "ask 1"),
    ("support", dial(STRANGER), 0, "ask 2"),
    ("support", dial(FRIEND), NIGHT, "ask 2"),
    ("support", dial(ABROAD), 0, "deny"),
    ("support", text(FRIEND, STRANGER), 0, "deny"),
    ("support", FILL, 0, "ask 1"),
    ("sales", dial(FRIEND), 0, "ask 1"),
    ("sales", dial(STRANGER), 0, "ask 1"),
    ("sales", dial(ABROAD), 0, "ask 2"),
    ("sales", text(FRIEND, STRANGER), 0, "ask 2"),
    ("sales", dial(FRIEND), NIGHT, "deny"),
    ("sales", FILL, 0, "allow"),
]


def test_the_page_shows_what_is_written_by_a_preset() -> None:
    assert {name: text.encode() for name, text in SHOWN.items()} == {
        name: preset_text(name) for name in PRESETS
    }


@pytest.mark.parametrize("preset", PRESETS)
async def test_each_preset_does_what_it_says(registry: Registry, preset: str) -> None:
    names = registry.judged, [one.name for one in registry.toolsets]
    policy = policy_of(SHOWN[preset].encode(), "policy.toml", *names)
    app, arrived = answering(200, {"id": 1})
    clock = Clock()
    desk = asking_desk(Offers(registry), app, policy, world=Company(), clock=clock.handed())
    tried = 0
    for name, (tool, given), hours, said in SAID:
        if name == preset:
            clock.now = THURSDAY + hours * 3600
            outcome = await desk.call(f"aircall_{tool}", {**given, "dry_run": True}, Caller())
            told = outcome.payload["data"]
            grade = f" {told['grade']}" if told["say"] == "ask" else ""
            assert f"{told['say']}{grade}" == said, (tool, given, hours, told)
            tried += 1
    assert tried >= 9
    assert arrived == []
    await desk.aclose()


async def test_a_cap_of_a_preset_holds(registry: Registry) -> None:
    names = registry.judged, [one.name for one in registry.toolsets]
    policy = policy_of(SHOWN["support"].encode(), "policy.toml", *names)
    app, _ = answering(200, {"id": 1})
    desk = asking_desk(Offers(registry), app, policy, world=Company(), clock=Clock().handed())
    for _ in range(20):
        assert await desk.safety.usage.take("tests", "calls", 1, policy.caps["calls"])
    tool, given = dial(FRIEND)
    told = (await desk.call(f"aircall_{tool}", {**given, "dry_run": True}, Caller())).payload
    assert (told["data"]["say"], told["data"]["rule"]) == ("deny", "caps.calls")
    await desk.aclose()
