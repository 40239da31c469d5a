from __future__ import annotations

import pytest

from aircall_mcp.errors import Unreachable
from aircall_mcp.gateway.breaker import Breaker, Breakers

from ..harness import Clock


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.report(answered=False, probe=breaker.admit())


def test_five_failures_in_a_row_open_it_and_an_answer_in_between_does_not() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock.handed())
    fail(breaker, 4)
    breaker.report(answered=True, probe=False)
    fail(breaker, 5)
    with pytest.raises(Unreachable) as refused:
        breaker.admit()
    assert "last 5 requests" in refused.value.message
    assert "30 seconds" in refused.value.hint


def test_one_probe_decides() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock.handed())
    fail(breaker, 5)
    clock.pass_by(30)
    breaker.admit()
    with pytest.raises(Unreachable):
        breaker.admit()
    breaker.report(answered=False, probe=True)
    clock.pass_by(29)
    with pytest.raises(Unreachable):
        breaker.admit()
    clock.pass_by(1)
    breaker.admit()
    breaker.report(answered=True, probe=True)
    fail(breaker, 4)
    breaker.admit()


def test_a_probe_that_found_nothing_out_leaves_room_for_another() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock.handed())
    fail(breaker, 5)
    clock.pass_by(30)
    assert breaker.admit()
    breaker.report(answered=None, probe=True)
    assert breaker.admit()


def test_who_went_before_it_opened_makes_no_room_for_a_second_probe() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock.handed())
    assert not any(breaker.admit() for _ in range(8))
    for _ in range(5):
        breaker.report(answered=False, probe=False)
    clock.pass_by(30)
    assert breaker.admit()
    for answered in (None, False):  # two that were still waiting for their turn, or their answer
        breaker.report(answered=answered, probe=False)
        clock.pass_by(30)
        with pytest.raises(Unreachable):
            breaker.admit()
    breaker.report(answered=True, probe=False)  # the third was answered, and so it is closed
    assert not breaker.admit()


def test_each_company_has_its_own_and_the_oldest_of_too_many_is_forgotten() -> None:
    breakers = Breakers(lambda: Breaker(clock=Clock().handed()), most=2)
    fail(breakers.of("paris"), 5)
    breakers.of("lyon").admit()
    with pytest.raises(Unreachable):
        breakers.of("paris").admit()  # asked for just now, so it stays when a third one comes
    breakers.of("nice").admit()
    with pytest.raises(Unreachable):
        breakers.of("paris").admit()
    breakers.of("lyon").admit()
    breakers.of("nice").admit()
    breakers.of("paris").admit()
