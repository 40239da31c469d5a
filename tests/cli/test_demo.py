"""The demo fits where it is shown: a terminal of any width from 60 columns, or a pipe."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from aircall_mcp.cli.demo.teller import PIPED, cut, shown, table

from ..terminal import on_terminal

ROOT = Path(__file__).parent.parent.parent
ORDER = {
    "outbound": (
        "Find the user with email rep@example.com", "1. ", "aircall_place_call", "num_555",
        "follow_up", "2. ", "aircall_read", "get_call", "+1 415-555-1234", "Done.",
        "setup --sandbox",
    ),
    "operator": (
        "place an outbound call", "1. ", "aircall_search", "aircall_place_call", "2. ",
        "aircall_describe", "3. ", "aircall_place_call", "user_42", "4. ", "aircall_write",
        "auto-dialed by agent", "Done.",
    ),
    "review": (
        "cancel my account", "1. ", "aircall_scan_transcripts", "2. ", "aircall_read", "3. ",
        "pause_call_recording", "4. ", "resume_call_recording", "Done.",
    ),
}  # fmt: skip


def piped(*words: str) -> str:
    command = [sys.executable, "-m", "aircall_mcp", "demo", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def of_words(text: str) -> set[str]:
    """Those of the prose and of the calls; what was cut apart."""
    lines = [line for line in text.splitlines() if not line.startswith("   │")]
    return {word for line in lines for word in line.split() if not word.endswith("…")}


@cache
def plain(journey: str) -> str:
    return piped(*([] if journey == "outbound" else [journey]))


def hold(text: str, columns: int) -> None:
    """In a pipe the wish stands in one line, however long."""
    wish = "\u201c" if columns == PIPED else "\0"
    lines = [line for line in text.splitlines() if not line.startswith(wish)]
    assert max(map(cell_len, lines)) <= columns
    assert len(lines) < 60, text
    assert not [line for line in lines if line != line.rstrip()]


@pytest.mark.slow
@pytest.mark.parametrize("journey", ORDER)
def test_through_a_pipe_nothing_is_wrapped_and_nothing_coloured(journey: str) -> None:
    told = plain(journey)
    hold(told, PIPED)
    assert "\x1b" not in told
    place = 0
    for word in ORDER[journey]:
        place = told.index(word, place)
    numbered = re.findall(r"^[0-9]+\. .*[.:?]$", told, re.MULTILINE)
    assert len(numbered) == sum(word[:-2].isdigit() for word in ORDER[journey])


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 120])
def test_a_terminal_gets_whole_words_tables_and_colours(columns: int) -> None:
    told = on_terminal("demo", "operator", columns=columns)
    text = told.text
    assert (told.code, "\x1b[" in told.raw) == (0, True), text
    hold(text, columns)
    assert of_words(text) <= of_words(plain("operator"))
    assert "   │ tool " in text


@pytest.mark.slow
def test_the_other_journey_fits_into_sixty_columns() -> None:
    told = on_terminal("demo", "sms", columns=60)
    text = told.text
    assert told.code == 0, text
    hold(text, 60)
    assert "text: Perfect, talk to you at three." in text


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_says() -> None:
    fences = re.findall(r"```text\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    steps = [step.strip("\n") for fence in fences for step in fence.split("\n\n")]
    assert len(steps) == 3
    for step in steps:
        assert step in plain("outbound")


@pytest.mark.slow
def test_the_page_of_the_journeys_tells_them_as_they_are() -> None:
    """That of the text is told in its own test: it needs a receiver, and a channel."""
    there = (ROOT / "docs" / "journeys.md").read_text("utf-8")
    for journey in ORDER:
        told = plain(journey).partition("\u201c")[2].partition("\nDone.")[0].rstrip()
        assert alike_in(there, told), journey


def alike_in(page: str, told: str) -> bool:
    """Whether the page has what was told, but for ids, times and the room they take."""

    def without(text: str) -> str:
        return re.sub(r" +", " ", re.sub(r"\d+", "0", text))

    return without(told) in without(page)


# how a value is shown


def test_rows_stand_in_columns_and_the_widest_gives_way() -> None:
    rows = [{"id": 1, "name": "Ana", "note": "n" * 40}, {"id": 22, "name": "Paul"}]
    assert table(rows, 30) == [
        "id  name  note",
        "1   Ana   nnnnnnnnnnnnnnnnnnn…",
        "22  Paul  null",
    ]
    five = [{"id": number} for number in range(5)]
    assert table(five, 30) == ["id", "0", "1", "2", "… and 2 more"]


@pytest.mark.parametrize(
    "value",
    [
        [{f"column{i}": "x" * 90 for i in range(30)}],
        {"a": ["x" * 500], "b": {"c": "é" * 500}},
        ["一二三四五六七八九十" * 20, "😀" * 90],
        "word " * 100,
    ],
)
@pytest.mark.parametrize("width", [55, 75, 115])
def test_whatever_comes_back_fits(value: Any, width: int) -> None:
    lines = shown(value, width)
    assert lines
    assert max(map(cell_len, lines)) <= width
    assert any("…" in line for line in lines)


@pytest.mark.parametrize("value", [[], {}, None, [{"name": "a\nb\x1b[2J"}], ["a\rb"]])
def test_nothing_that_comes_back_moves_the_cursor(value: Any) -> None:
    lines = shown(value, 40)
    assert lines
    assert not any(c < " " for line in lines for c in line)


def test_what_fits_is_not_cut() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"
    assert cut("一二三", 5) == "一二…"
    assert cut("a bcd", 3) == "a…"
