from __future__ import annotations

from datetime import date

import pytest

from aircall_mcp.protocol.unseen import HABITS, habits_of

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


def test_every_line_says_when_and_where_it_was_read() -> None:
    for habit in HABITS:
        assert date.fromisoformat(habit.looked) >= date(2026, 11, 1)
        assert "#" in habit.source
        assert habit.client == habit.client.strip().lower()
