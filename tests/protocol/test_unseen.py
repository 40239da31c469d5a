from __future__ import annotations

from datetime import date

import pytest

from aircall_mcp.protocol.unseen import HABITS, Habit, habits_of

KNOWN: list[tuple[str, str, set[str]]] = [
    ("claude-code", "2.1.300", {"declines", "hangs"}),
    ("Claude-Code ", "v2.1.100 (remote)", {"declines"}),
    ("claude-code", "2.1.75", set()),
    ("claude-code", "", {"declines", "hangs"}),
    ("codex-mcp-client", "0.165.0", {"declines", "accepts"}),
    ("claude-code-2", "2.1.300", set()),
    ("", "1", set()),
]


@pytest.mark.parametrize(("client", "version", "does"), KNOWN)
def test_a_client_is_known_by_its_name_and_version(
    client: str, version: str, does: set[str]
) -> None:
    assert habits_of(client, version) == does


@pytest.mark.parametrize(
    ("version", "does"),
    [("0.9.9", False), ("1.0", True), ("1.9.10", True), ("2", False), ("2.0", False)],
)
def test_a_habit_holds_from_its_first_version_to_before_its_last(version: str, does: bool) -> None:
    once = Habit("once", ("1.0", "2"), "accepts", "anywhere", "2026-11-28", "nobody#1")
    assert habits_of("once", version, [once]) == ({"accepts"} if does else set())


def test_every_line_says_when_and_where_it_was_read() -> None:
    for habit in HABITS:
        assert date.fromisoformat(habit.looked) >= date(2026, 11, 1)
        assert "#" in habit.source
        assert habit.client == habit.client.strip().lower()
