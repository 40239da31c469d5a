from __future__ import annotations

from pathlib import Path

from aircall_mcp.events.coverage import Coverage

from ..harness import THURSDAY, Clock
from ..mail import log_in


def test_since_when_and_where_nobody_listened(home: Path) -> None:
    clock = Clock()
    log = log_in(home, clock)
    assert log.coverage() == Coverage(None)
    log.note_listening(THURSDAY)
    clock.pass_by(600)
    log.note_listening(THURSDAY)
    clock.pass_by(3600)
    log.note_listening(clock.now)
    assert log.coverage() == Coverage(
        THURSDAY, ((THURSDAY + 600, THURSDAY + 4200),), THURSDAY + 4200
    )
    clock.pass_by(30)
    assert len(log.coverage().gaps) == 1
    clock.pass_by(3600)
    assert log.coverage().gaps[-1] == (THURSDAY + 4200, clock.now)


def test_of_two_listeners_that_overlap_neither_makes_a_gap(home: Path) -> None:
    """One of them lives shortly, inside the time of the other: what the other heard counts."""
    clock = Clock()
    log = log_in(home, clock)
    log.note_listening(THURSDAY)
    clock.pass_by(600)
    short = clock.now
    log.note_listening(short)
    clock.pass_by(3000)
    log.note_listening(THURSDAY)
    assert log.coverage() == Coverage(THURSDAY, (), THURSDAY + 3600)
    clock.pass_by(60)
    log.note_listening(clock.now)  # a third takes over in time
    assert log.coverage() == Coverage(THURSDAY, (), THURSDAY + 3660)


def test_a_pause_of_a_few_heartbeats_is_no_gap_and_a_longer_one_is(home: Path) -> None:
    clock = Clock()
    log = log_in(home, clock)
    log.note_listening(THURSDAY)
    clock.pass_by(90)
    assert log.coverage().gaps == ()
    clock.pass_by(1)
    assert log.coverage().gaps == ((THURSDAY, THURSDAY + 91),)
    log.note_listening(clock.now)
    assert log.coverage().gaps == ((THURSDAY, THURSDAY + 91),)
