"""A call placed through a network that fails at any step: never two, and an exact account."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry

from ..house import Clock
from ..proxy import Fault
from ..upstream import Upstream, gateway, upstream
from .errand import Errand, errand

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FAULTS = (
    Fault("hang up"), Fault("reset", after=False), Fault("reset"), Fault("half-close"),
    Fault("garbage"), Fault("html"), Fault("cut", 20), Fault("cut request", 40),
    Fault("answer", 500), Fault("answer", 502), Fault("answer", 503, after=False),
    Fault("answer", 404, after=False),
)  # fmt: skip
STEPS = 11
"""Requests of a call that is placed, tagged and commented; one more than there are."""


def planned(full: bool) -> list[tuple[int, Fault]]:
    every = [(step, fault) for step in range(STEPS) for fault in FAULTS]
    return every if full else random.Random(17).sample(every, 6)


@pytest.fixture
def runs(pytestconfig: pytest.Config) -> list[tuple[int, Fault]]:
    return planned(pytestconfig.getoption("--chaos") == "full")


async def test_whatever_fails_it_is_dialled_once_and_told_as_it_is(
    registry: Registry, clock: Clock, tmp_path: Path, runs: list[tuple[int, Fault]]
) -> None:
    async with upstream(clock=clock) as up:
        for n, (step, fault) in enumerate(runs):
            home = tmp_path / str(n)
            home.mkdir()
            clock.pass_by(3600)  # whoever was called has hung up
            within = gateway(up.proxy.base_url, home, sandbox=True)
            async with errand(registry, up.sandbox, clock, home, gateway=within) as at:
                at.caller = Caller(deadline=2.0)
                await tried(up, at, f"+3319900{1000 + n}", step, fault)


async def tried(up: Upstream, at: Errand, to: str, step: int, fault: Fault) -> None:
    wish: dict[str, Any] = {
        "user": "Ana Duarte",
        "to": to,
        "tags": ["follow_up"],
        "comment": f"About {to}",
    }
    asked = [0]

    def plan() -> Fault | None:
        asked[0] += 1
        return fault if asked[0] == step + 1 else None

    up.proxy.plan = plan
    first = await at.outcome("place_call", **wish)
    up.proxy.plan = lambda: None
    where = (step, fault)
    calls = at.dialled(to)
    assert len(calls) <= 1, where
    if first.is_error:
        error = first.payload["error"]
        # Nothing was done, or it is said that nobody knows.
        assert not calls or error["kind"] == "outcome_unknown", (where, error)
    else:
        held_to_the_truth(at, first.payload["data"], calls, where)
    again = await at.outcome("place_call", **wish)
    calls = at.dialled(to)
    assert len(calls) == 1 or again.is_error, where
    assert len(calls) <= 1, where
    if not again.is_error:
        held_to_the_truth(at, again.payload["data"], calls, where)


def held_to_the_truth(at: Errand, told: Any, calls: list[Any], where: Any) -> None:
    """What is told was done was done; what was done is told, or said to be unknown."""
    (call,) = calls
    assert told["call"] is None or told["call"]["id"] == call.id, where
    tags = [at.world.tags[one.tag].name for one in call.tags]
    comments = [one.content for one in call.comments]
    assert tags.count("follow_up") <= 1, where
    assert len(comments) <= 1, where
    left = {one["what"].partition(" ")[0]: one["done"] for one in told.get("not_done", ())}
    if left.get("tag") != "unknown":
        assert (told["tagged"] == ["follow_up"]) == ("follow_up" in tags), where
    if left.get("comment") != "unknown":
        assert told["commented"] == bool(comments), where
