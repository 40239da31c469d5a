"""A burst at the receiver while it is killed again and again: `--chaos=full` runs the long form."""

from __future__ import annotations

from pathlib import Path

import pytest

from .burst import Outcome, burst

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(600)]


def exact(outcome: Outcome, events: int) -> None:
    """All that was acknowledged is stored, once; of the rest nothing."""
    assert outcome.acknowledged == set(range(1, events + 1))
    assert sorted(outcome.stored) == sorted(outcome.acknowledged)
    assert outcome.refused == round(events * 0.05)


async def test_what_was_acknowledged_is_stored_once_however_often_it_is_killed(
    home: Path, full: bool
) -> None:
    events, kills = (20_000, 20) if full else (600, 2)
    outcome = await burst(home, events, kills=kills)
    exact(outcome, events)
    assert outcome.kills == kills
    print(f"chaos receiver: {kills} kills, {outcome.rate:.0f} a second, {outcome.lasted:.0f} s")


async def test_the_pace_holds_and_nobody_waits_long(home: Path, full: bool) -> None:
    """The figures need the machine to themselves, so only the long form holds us to them."""
    events = 20_000 if full else 600
    outcome = await burst(home, events, kills=0)
    exact(outcome, events)
    print(f"burst: {outcome.rate:.0f} a second, p99 {1000 * outcome.wait(99):.0f} ms")
    assert outcome.rate >= (1000 if full else 50)
    assert outcome.wait(99) < (0.2 if full else 5)
