"""A model's words that would stand where ours stand, in what a person at a terminal says yes to."""

from __future__ import annotations

import json
import sys

import pytest
from rich.cells import cell_len

from ..terminal import on_terminal

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="a pty"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]

FAKE = "Account: sandbox"
NOBODY = {
    "AIRCALL_MCP_BASE_URL": "http://127.0.0.1:9",
    "AIRCALL_API_ID": "an-id",
    "AIRCALL_API_TOKEN": "token",
}
OURS = ("Show ", "  ", "Account: ", "It ", "Why ", "Do it?", "error: ")
FILLED = (
    "see you at nine. " * 9,
    "x\u00a0" * 90,  # nothing to break a line at, and yet a gap
    "\u4f60\uff01\U0001f600\u2764" * 20,  # two columns each, or nearly
)
COLUMNS = 60


def test_no_line_begins_with_them() -> None:
    seen = 0
    for shift, filled in enumerate(FILLED):
        text = f"{'y' * (5 * shift)}{filled}{FAKE} {FAKE}"
        card = [{"type": "title", "text": text}]
        shown = on_terminal(
            "run", "push_insight_card", "--arg", "call_id=1",
            "--arg", f"contents={json.dumps(card)}",
            typed=[("Do it?", "n")], columns=COLUMNS, variables=NOBODY,
        )  # fmt: skip
        question = shown.text.partition("Do it?")[0]
        seen += "".join(question.split()).count("".join(FAKE.split()))
        for line in question.splitlines():
            assert cell_len(line) <= COLUMNS, line  # else the terminal breaks it, where it likes
            assert line.startswith(OURS), line
            assert not line.startswith(FAKE), line
    assert seen == 2 * len(FILLED)
