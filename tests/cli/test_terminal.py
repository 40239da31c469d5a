"""What a person sees and types, on a real terminal."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..processes import free_port
from ..terminal import on_terminal

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="a pty"),
    # The child of a fork is another program at once.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]

WIDTHS = (60, 100)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize(
    "words",
    [
        ("tools", "--toolsets", "tags,calls"),
        ("search", "write a note on a call", "--limit", "10"),
        ("search", "order a pizza from mars"),
        ("describe", "update_number"),
        ("doctor", "--sandbox"),
        ("accounts", "remove", "paris"),
        ("tools", "--toolsets", "tagz"),
        ("accounts", "add", "--time-zone", "paris"),
        ("config", "--help"),
        ("accounts", "--help"),
        ("run", "get_call", "--sandbox", "--arg", "call=1"),
    ],
)
def test_what_is_shown_fits_the_terminal_and_breaks_no_word(
    words: tuple[str, ...], columns: int
) -> None:
    shown, wide = on_terminal(*words, columns=columns), on_terminal(*words, columns=4000)
    known = {word for line in wide.lines for word in line.split()}
    known |= {f"{word}:" for word in known}  # the name of a column, where it stands in the row
    assert len(known) > 5
    for line in shown.lines:
        assert set(line.split()) <= known, "a word was broken"
        # What has no blank to break at stays whole, and so does a command that is to be copied.
        alone = len(line[15:].split()) <= 1 or line.startswith("  aircall-mcp run")
        assert len(line) <= columns or alone, line


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (("tools", "--toolsets", "tags"), 7),
        (("search", "write a note on a call"), 4),
        (("doctor", "--sandbox"), 9),
    ],
)
def test_in_a_pipe_a_row_is_a_line_and_has_no_colour(words: tuple[str, ...], lines: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aircall_mcp", *words],
        capture_output=True, text=True, timeout=60, check=True,
        env={**os.environ, "COLUMNS": "40"},
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == lines, done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stdout == "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n"


def test_effects_have_their_colours_and_no_color_takes_them_away() -> None:
    words = ("tools", "--toolsets", "tags,messages")
    raw = on_terminal(*words).raw
    for effect, colour in (("read", 32), ("write", 33), ("reach", 35), ("delete", 31)):
        assert f"\x1b[{colour}m{effect}\x1b[0m" in raw
    for more in (("search", "delete a tag"), ("describe", "delete_tag")):
        assert "\x1b[31mdelete\x1b[0m" in on_terminal(*more).raw
    assert "\x1b" not in on_terminal(*words, variables={"NO_COLOR": "1"}).raw


def test_errors_of_run_are_for_people_on_a_terminal_and_json_where_asked_for() -> None:
    words = ("run", "get_call", "--sandbox", "--arg", "call_id=1")
    told = on_terminal(*words)
    assert told.code == 1
    assert told.lines[0].startswith("error: ")
    assert "\n  next: No such id for this account." in told.text
    asked = on_terminal(*words, "--json")
    assert asked.code == 1
    assert asked.text.lstrip().startswith('{\n  "error": {')


def test_serve_says_on_a_terminal_what_it_waits_for(home: Path) -> None:
    shown = on_terminal("serve", "--sandbox", until="Control-C ends it.")
    assert "waiting for an MCP client" in shown.text
    assert "aircall-mcp config CLIENT" in " ".join(shown.text.split())
    assert shown.code in (130, -2)  # to a shell they are one


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--sandbox", "--transport", "http"),
        ("webhooks", "serve"),
        pytest.param(("sandbox",), marks=pytest.mark.plants_canaries),
    ],
)
def test_nothing_is_announced_before_the_port_is_ours(words: tuple[str, ...], taken: int) -> None:
    refused = on_terminal(*words, "--port", str(taken))
    assert refused.code == 2
    assert "http" not in refused.text.replace("--transport http", "")
    assert f"127.0.0.1:{taken}" in refused.text
    port = free_port()
    ours = on_terminal(*words, "--port", str(port), until=f"http://127.0.0.1:{port}")
    assert f"http://127.0.0.1:{port}" in ours.text


def test_events_beside_the_serving_are_announced_once_they_are_taken_in(taken: int) -> None:
    words = ("serve", "--sandbox", "--transport", "http", "--port", str(free_port()))
    shown = on_terminal(*words, "--webhooks-port", str(taken), until="events are not taken in here")
    assert "/webhooks/aircall/" not in shown.text
    port = free_port()
    shown = on_terminal(*words, "--webhooks-port", str(port), until="/webhooks/aircall/")
    assert f"http://127.0.0.1:{port}/webhooks/aircall/" in shown.text
