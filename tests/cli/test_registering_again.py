"""`webhooks register` once more, as a person types it, against an Aircall on a port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ..events.test_guard import environment
from ..processes import started
from ..terminal import on_terminal
from ..upstream import Upstream, upstream

pytestmark = pytest.mark.anyio

URL = "https://events.example.com"


async def typed(there: Upstream, home: Path, *words: str) -> tuple[str, str]:
    """What a command of ours prints, in a process of its own: stdout and stderr."""
    known = environment(home, f"http://127.0.0.1:{there.port}")
    async with started("webhooks", *words, pipe=False, **known) as process:
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return out.decode(), err.decode()


def ours(there: Upstream) -> Sequence[Any]:
    return [one for one in there.sandbox.world.webhooks.values() if one.name == "aircall-mcp"]


async def test_it_takes_the_place_of_the_earlier_one_or_says_what_else_is_active(
    home: Path,
) -> None:
    register = ("register", "--public-url", URL, "--json")
    async with upstream() as there:
        first = json.loads((await typed(there, home, *register))[0])
        assert (first["replaces"], first["also_active"]) == ([], [])
        second = json.loads((await typed(there, home, *register))[0])
        assert (second["replaces"], second["also_active"]) == ([first["webhook"]], [])
        [webhook] = ours(there)
        assert webhook.url.endswith(second["webhook"])
        narrow = (*register[:-1], "--kinds", "call.ended")
        _, said = await typed(there, home, *narrow)
        assert f"{second['webhook']} is active, too: all there is." in said
        assert f"aircall-mcp webhooks remove {second['webhook']}" in said
        assert len(ours(there)) == 2
        once_more = json.loads((await typed(there, home, *narrow, "--json"))[0])
        [beside] = once_more["also_active"]
        assert beside["webhook"] == second["webhook"]
        assert sorted(beside["kinds"]) == sorted(second["kinds"]) != []
        _, said = await typed(there, home, *register[:-1])
        assert "replaces" in said
        assert second["webhook"] in said
        assert len(ours(there)) == 1
        assert there.arrivals("delete_webhook") == 4


@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("y", 1)])
async def test_at_a_terminal_it_offers_to_remove_what_else_is_active(
    home: Path, answer: str, left: int
) -> None:
    register = ("webhooks", "register", "--public-url", URL, "--kinds")
    async with upstream() as there:
        await typed(there, home, *register[1:], "call.created", "--json")
        known = environment(home, f"http://127.0.0.1:{there.port}")
        shown = await asyncio.to_thread(
            on_terminal, *register, "call.ended", typed=[("Remove it?", answer)], variables=known
        )
        assert shown.code == 0, shown.text
        assert "is active, too: call.created" in shown.text
        assert ("Removed: " in shown.text) == (left == 1)
        assert len(ours(there)) == left
        assert ["call.ended"] in [one.events for one in ours(there)]
