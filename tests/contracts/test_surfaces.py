"""What each surface costs a model that is shown all of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aircall_mcp import spec
from aircall_mcp.cli.configs.known_clients import CLIENTS
from aircall_mcp.ground.config import SURFACES
from aircall_mcp.offer import Offer, Registry, Selection

MOST = {"full": (120, 22_000), "tasks": (24, 4_000), "search": (8, 1_000)}
"""Tools, and tokens of what a model sees of them."""


def tokens(tools: Any) -> int:
    """Tokens of what a model sees of the tools: a quarter of their bytes, as clients count."""
    seen = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in tools]
    return sum(len(json.dumps(one, separators=(",", ":"), ensure_ascii=False).encode())
               for one in seen) // 4  # fmt: skip


@pytest.mark.parametrize("surface", SURFACES)
def test_a_surface_keeps_to_its_tools_and_tokens(surface: str) -> None:
    offer = Offer(Registry.of(spec.load()), Selection(surface=surface))
    most_tools, most_tokens = MOST[surface]
    assert 0 < len(offer) <= most_tools
    assert tokens(offer.tools) <= most_tokens, {t["name"]: tokens([t]) for t in offer.tools}


def test_what_every_surface_lists_has_a_name_that_the_settings_know() -> None:
    for operation in spec.load().operations:
        assert operation.surfaces
        assert set(operation.surfaces) <= set(SURFACES)


def test_who_shows_all_tools_at_once_gets_the_tasks_and_who_defers_gets_all() -> None:
    assert {client.surface for client in CLIENTS.values()} == {"full", "tasks"}
    deferring = {name for name, client in CLIENTS.items() if client.surface == "full"}
    assert deferring == {"claude-code", "cursor", "vscode"}
