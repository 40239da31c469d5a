"""A text is told of again and again; shown is what it came to."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aircall_mcp.events.event import Event
from aircall_mcp.events.messages import newest

from ..harness import THURSDAY


def event(status: Any, *, sequence: int = 1, identity: Any = "SM1", at: float = THURSDAY,
          received: float = THURSDAY, kind: str = "message.status_updated",
          trusted: bool = True) -> Event:  # fmt: skip
    data = {"id": identity, "status": status}
    return Event(sequence, "door", kind, at, received, None, data, trusted)


@pytest.mark.parametrize(
    ("older", "newer"),
    [("pending", "sent"), ("sent", "delivered"), ("delivered", "read"), ("sent", "failed"),
     ("queued", "undelivered"), ("SENT", "Delivered"), ("pending", "a word of next year"),
     ("a word of next year", "delivered")],
)  # fmt: skip
def test_within_a_second_the_later_in_a_text_s_life_is_shown(older: str, newer: str) -> None:
    for first, second in permutations([(older, 0.0), (newer, 0.9)]):
        for swapped in (False, True):  # the clock of what tells is no witness within a second
            times = [0.9 - first[1], 0.9 - second[1]] if swapped else [first[1], second[1]]
            told = [
                event(status, sequence=n, at=THURSDAY + times[n - 1], received=THURSDAY + 1)
                for n, (status, _) in enumerate((first, second), 1)
            ]
            (shown,) = newest(told)
            assert shown.data["status"] == newer


def test_a_second_later_the_later_one_is_shown_whatever_it_says() -> None:
    told = [event("delivered"), event("sent", sequence=2, at=THURSDAY + 1, received=THURSDAY + 1)]
    for order in permutations(told):
        assert [one.data["status"] for one in newest(order)] == ["sent"]


@pytest.mark.parametrize("ahead", [306.0, 3600.0, 86_399.0])
def test_what_is_dated_in_the_future_takes_no_genuine_one_s_place(ahead: float) -> None:
    genuine = event("sent", sequence=1)
    forged = event("delivered", sequence=2, at=THURSDAY + ahead, received=THURSDAY + 5)
    later = event("delivered", sequence=3, at=THURSDAY + 60, received=THURSDAY + 60)
    for order in permutations([genuine, forged]):
        assert newest(order) == [genuine]
    for order in permutations([genuine, forged, later]):
        assert newest(order) == [later]


def test_a_clock_that_is_a_little_ahead_wins_no_time() -> None:
    """What comes within five minutes is as old as its arrival."""
    ahead = event("sent", sequence=1, at=THURSDAY + 200, received=THURSDAY)
    later = event("delivered", sequence=2, at=THURSDAY + 3, received=THURSDAY + 3)
    for order in permutations([ahead, later]):
        assert newest(order) == [later]


def test_where_our_clock_is_behind_the_newest_is_still_shown() -> None:
    told = [event("sent", at=THURSDAY + 900), event("delivered", sequence=2, at=THURSDAY + 901)]
    for order in permutations(told):
        assert [one.data["status"] for one in newest(order)] == ["delivered"]


def test_what_somebody_else_could_have_written_hides_nothing() -> None:
    told = [event("sent"), event("read", sequence=2, at=THURSDAY + 60, received=THURSDAY + 60,
                                 trusted=False)]  # fmt: skip
    for order in permutations(told):
        assert newest(order) == [told[0]]


@pytest.mark.parametrize("identity", [None, True, False, 0, "", [1], {"a": 1}, 1.5])
def test_what_has_no_id_is_a_text_by_itself(identity: Any) -> None:
    told = [event("sent", sequence=n, identity=identity) for n in (1, 2)]
    assert newest(told) == told[::-1]


def test_an_id_is_not_taken_for_the_number_that_it_looks_like() -> None:
    told = [event("sent", sequence=1, identity=1), event("sent", sequence=2, identity="1")]
    assert newest(told) == told[::-1]


@given(
    some.lists(
        some.builds(
            event,
            some.sampled_from(["pending", "sent", "delivered", "read", None, 7, ["sent"]]),
            sequence=some.integers(1, 9),
            identity=some.sampled_from(["a", "b", 1, None, []]),
            at=some.floats(THURSDAY - 5, THURSDAY + 400),
            trusted=some.booleans(),
        ),
        unique_by=lambda one: one.sequence,
        max_size=6,
    )
)
def test_the_order_of_arrival_in_the_list_changes_nothing(events: list[Event]) -> None:
    assert newest(events) == newest(events[::-1])
    assert {one.sequence for one in newest(events)} <= {one.sequence for one in events}
