"""The demo fits where it is shown: a terminal of any width from 60 columns, or a pipe."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from aircall_mcp.cli.demo.teller import PIPED, cut, shown, table

from ..terminal import on_terminal

ROOT = Path(__file__).parent.parent.parent
ORDER = (
    "place an outbound call", "aircall_start_outbound_call", "aircall_get_user_v2",
    "rep@example.com", "num_555", "Place the call", "aircall_list_calls", "aircall_list_tags",
    "aircall_add_call_tags", "aircall_add_call_comment", "aircall_get_call", "Done.",
    "setup --sandbox",
)  # fmt: skip


def piped(*words: str) -> str:
    command = [sys.executable, "-m", "aircall_mcp", "demo", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def of_words(text: str) -> set[str]:
    """Those of the prose and of the calls; what was cut apart."""
    lines = [line for line in text.splitlines() if not line.startswith("   │")]
    return {word for line in lines for word in line.split() if not word.endswith("…")}


@pytest.fixture(scope="module")
def plain() -> str:
    return piped()


def hold(text: str, columns: int) -> None:
    lines = text.splitlines()
    assert max(map(cell_len, lines)) <= columns
    assert len(lines) < 60, text
    assert not [line for line in lines if line != line.rstrip()]


@pytest.mark.slow
def test_through_a_pipe_nothing_is_wrapped_and_nothing_coloured(plain: str) -> None:
    hold(plain, PIPED)
    assert "\x1b" not in plain
    place = 0
    for word in ORDER:
        place = plain.index(word, place)
    numbered = re.findall(r"^[0-9]+\. .*[.:?]$", plain, re.MULTILINE)
    assert len(numbered) == 9


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_terminal_gets_whole_words_tables_and_colours(columns: int, plain: str) -> None:
    told = on_terminal("demo", columns=columns)
    text = told.text
    assert (told.code, "\x1b[" in told.raw) == (0, True), text
    hold(text, columns)
    assert of_words(text) <= of_words(plain)
    assert "   │ id     name     digits" in text
    assert "…" in text


@pytest.mark.slow
def test_the_other_journey_fits_into_sixty_columns() -> None:
    told = on_terminal("demo", "sms", columns=60)
    text = told.text
    assert told.code == 0, text
    hold(text, 60)
    assert "text: Thursday is perfect, see you at ten!" in text


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_says(plain: str) -> None:
    fences = re.findall(r"```text\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    steps = [step.strip("\n") for fence in fences for step in fence.split("\n\n")]
    assert len(steps) == 3
    for step in steps:
        assert step in plain


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
