"""A creation that answers 200 is done as one that answers 201: which of them comes is not sure."""

from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry

from ..harness import answering, gateway_to

pytestmark = pytest.mark.anyio

MADE: dict[str, tuple[dict[str, Any], str]] = {
    "create_tag": ({"name": "VIP", "color": "#00B388"}, "tag"),
    "create_contact": (
        {"phone_numbers": [{"label": "Work", "value": "+19001112222"}]}, "contact",
    ),
    "create_team": ({"name": "Night shift"}, "team"),
    "create_webhook": ({"url": "https://hooks.example.com/a"}, "webhook"),
    "create_user_v2": (
        {"email": "zoe@example.com", "first_name": "Zoé", "last_name": "Lund"}, "user",
    ),
}  # fmt: skip


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("name", MADE)
async def test_what_was_made_is_told_whichever_success_says_so(
    registry: Registry, name: str, status: int
) -> None:
    arguments, key = MADE[name]
    body = {key: {"id": 7, "webhook_id": "6d0f4f0e-5c0b-4b0e-9a55-2f7f1f6a8c31"}}
    app, asked = answering(status, body)
    gateway = gateway_to(app)
    reply = await gateway.send(registry.ids[name].bind(arguments), Caller())
    assert reply.body == body
    assert [one["method"] for one in asked] == ["POST"]  # once, and nothing was looked up
    await gateway.aclose()
