from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.safety.circumstances import MOST, circumstances_of

from ..harness import THURSDAY


def told(registry: Registry, operation: str, **arguments: Any) -> list[str]:
    return list(circumstances_of(registry.ids[operation].bind(arguments), THURSDAY))


def test_a_person_is_told_where_it_goes_and_what_time_it_is_there(registry: Registry) -> None:
    lines = told(registry, "send_message", number_id=1, to="+33612345678", body="At nine.")
    assert lines == [
        "To +33612345678: FR, where it is 11:00 now.",
        "Its text: 8 characters, 1 segment as SMS.",
    ]
    (called,) = told(registry, "start_outbound_call", user_id=1, number_id=1, to="+18005550199")
    assert called.endswith("where it is between 23:00 and 20:00 now.")  # one of several zones
    assert "premium" in told(
        registry, "start_outbound_call", user_id=1, number_id=1, to="+33899123456"
    )[0]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, "1 segment "),
        ("a" * 161, "2 segments "),
        ("a" * 153 * 3, "3 segments "),
        ("€" * 80, "1 segment "),
        ("€" * 81, "2 segments "),
        ("ш" * 70, "1 segment "),
        ("ш" * 71, "2 segments "),
        ("a" * 69 + "😀", "2 segments "),
    ],
)
def test_a_text_is_counted_as_sms_counts_it(registry: Registry, text: str, segments: str) -> None:
    lines = told(registry, "send_message", number_id=1, to="+33612345678", body=text)
    assert segments in lines[1]


def test_of_many_numbers_the_first_are_told(registry: Registry) -> None:
    numbers = [f"+3361234{number:04}" for number in range(MOST + 5)]
    lines = told(registry, "create_dialer_campaign", user_id=1, phone_numbers=numbers)
    assert [line for line in lines if line.startswith("To ")] == lines[:MOST]
    assert lines[MOST] == "And to 5 more numbers: 5 in FR."


def test_of_words_in_two_alphabets_three_are_told_and_none_that_is_long(
    registry: Registry,
) -> None:
    words = ["p\u0430ypal" + "l" * 35, *(f"{letter}\u0430" for letter in "bcd")]

    def of(*some: str) -> list[str]:
        more: dict[str, Any] = {"number_id": 1, "to": "+33612345678", "body": " ".join(some)}
        return told(registry, "send_message", **more)[2:]

    assert len(of(*words[:3])) == 3
    *three, rest = of(*words)
    assert [line.rpartition(" looks like ")[2] for line in three] == [
        "\u2026.",
        "b\u0430.",
        "c\u0430.",
    ]
    assert rest == "So do 1 more words."


def test_what_vanishes_is_said_and_a_read_has_nothing_to_say(registry: Registry) -> None:
    assert told(registry, "delete_tag", tag_id=1) == [
        "It deletes one object, with everything that belongs to it."
    ]
    assert told(registry, "list_tags") == []
