"""Numbers that nobody may reach, in whatever spelling and by whichever way, before an Aircall that
counts, while the owner allows everything else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.safety.policy import Line, Policy

from ..harness import answering, asking_desk

pytestmark = pytest.mark.anyio

LEFT_ALONE, NEVER = "+33184880000", "+442079460123"
FORBIDDEN = (LEFT_ALONE, NEVER, "+33899123456", "+19005551234", "+449098790000", "+491805123456")
LET_THROUGH = ("+33184880001", "+442079460124", "+14155550133")
COUNTRIES = ("+33", "+44", "+49", "+1")
OWNER = Policy(
    effects={"reach": Line("allow")},
    countries=frozenset({"any"}),
    never=(NEVER,),
    written=True,
)

WAYS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("start_outbound_call", "to", {"user_id": 1, "number_id": 2}),
    ("dial_number_in_workspace", "to", {"user_id": 1}),
    ("transfer_call", "number", {"call_id": 1}),
    ("send_message", "to", {"number_id": 2, "body": "Hello"}),
    ("send_message_in_conversation", "to", {"number_id": 2, "body": "Hello"}),
    ("send_whatsapp_message", "to", {"lineId": 2, "text": "Hello"}),
    ("send_whatsapp_in_conversation", "externalNumber", {"lineId": 2, "text": "Hello"}),
    ("send_group_message", "participants", {"number_id": 2, "body": "Hello"}),
    ("send_group_message_in_conversation", "participants", {"number_id": 2, "body": "Hello"}),
    ("create_dialer_campaign", "phone_numbers", {"user_id": 1}),
    ("add_dialer_campaign_numbers", "phone_numbers", {"user_id": 1}),
    (
        "trigger_ai_voice_agent_call",
        "contact_phone",
        {"agent_id": "01JB8Q3V9PXJ6ZV4T0H1N5S7KD", "idempotency_key": "k"},
    ),
)


def spelled(number: str, dice: random.Random) -> Any:
    """`number` as somebody writes it who wants it to look like another."""
    country = next(one for one in COUNTRIES if number.startswith(one))
    rest = number.removeprefix(country)
    prefix = "1" if country == "+1" else "0"
    trunk = dice.choice(["", "", prefix, f"({prefix})", "0", "00"])
    if country == "+1" and trunk.startswith("0"):
        trunk = ""
    long = "".join(dice.choices("0123456789", k=dice.choice([0, 0, 1, 2, 3])))
    gaps = ("", "", " ", "-", ".", " (", ") ", "\u00a0", "\t", "\u2009")
    digits = "".join(digit + dice.choice(gaps) for digit in rest + long)
    way = dice.randrange(12)
    if way == 0:
        return int(country[1:] + rest)
    if way == 1:
        country = dice.choice(["00" + country[1:], "011" + country[1:], "\uff0b" + country[1:]])
    if way == 2:
        digits = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in digits)
    if way == 3:
        digits = dice.choice([f"{digits};ext=1", f"{digits}#", f"{digits},1", f"{digits}p1"])
    if way == 4:
        return f"tel:{country}{trunk}{digits}"
    return f"{country}{dice.choice(['', ' '])}{trunk}{digits}"


def tries(dice: random.Random, many: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for _ in range(many):
        tool, name, given = dice.choice(WAYS)
        number = spelled(dice.choice(FORBIDDEN), dice)
        among = [*LET_THROUGH, number] if given.get("number_id") else [number]
        dice.shuffle(among)
        several = name in ("participants", "phone_numbers")
        yield tool, {**given, name: among if several else number}


async def test_no_spelling_of_a_forbidden_number_arrives(
    registry: Registry, home: Path, full: bool
) -> None:
    app, arrived = answering(200, {"id": 1})
    desk = asking_desk(Offers(registry), app, OWNER, home=home)
    await desk.safety.usage.suppress(LEFT_ALONE, "said STOP")
    kinds: dict[str, int] = {}
    for tool, given in tries(random.Random(7), 5_000 if full else 400):
        outcome = await desk.call(f"aircall_{tool}", given, Caller())
        assert arrived == [], (tool, given)
        kind = outcome.payload["error"]["kind"]
        kinds[kind] = kinds.get(kind, 0) + 1
    assert set(kinds) == {"not_allowed", "argument"}
    assert kinds["not_allowed"] > sum(kinds.values()) / 4
    for at, (tool, name, given) in enumerate(WAYS):  # each to somebody else, or it is one wish
        several = name in ("participants", "phone_numbers")
        number: Any = f"+331848810{at:02}"
        number = [number, f"+331848820{at:02}"] if several else number
        outcome = await desk.call(f"aircall_{tool}", {**given, name: number}, Caller())
        assert not outcome.is_error, outcome.payload
    assert len(arrived) == len(WAYS)
    await desk.aclose()
