"""Which of the lines that were noted is believed, and what any of them promises."""

from __future__ import annotations

from itertools import permutations

import pytest

from aircall_mcp.vault.anchor import Anchor, newest, promises
from aircall_mcp.vault.envelope import Key

KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
STATES = [Anchor("a vault", epoch, f"manifest {epoch}") for epoch in (0, 8, 12)]


def test_the_newest_is_the_one_of_the_highest_epoch_wherever_it_stands() -> None:
    for states in permutations(STATES):
        assert newest([state.line(KEY) for state in states], KEY) == STATES[-1]


def test_what_another_key_vouches_for_or_nobody_is_not_believed() -> None:
    true, forged = STATES[1].line(KEY), STATES[2].line(OTHER)
    raised = true.replace("8", "9", 1)
    assert newest([true, forged, raised, "", "[]", "[" * 100_000], KEY) == STATES[1]
    assert newest([forged, raised], KEY) is None
    assert newest([], KEY) is None


@pytest.mark.parametrize(
    ("lines", "promised"),
    [
        ([], False),
        ([STATES[0].line(KEY)], False),
        ([STATES[0].line(KEY), STATES[1].line(KEY)], True),
        ([STATES[2].line(OTHER)], True),
        (["what nobody can read"], True),
        ([STATES[0].line(KEY), '["a vault", 0]'], True),
    ],
)
def test_a_line_that_cannot_be_read_may_have_said_that_something_was_stored(
    lines: list[str], promised: bool
) -> None:
    assert promises(lines) is promised
