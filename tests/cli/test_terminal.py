"""What a person sees and types, on a real terminal."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.vault.mailbox import mailbox_of

from ..mail import log_in, text
from ..processes import free_port
from ..terminal import on_terminal
from ..vaults import again, vault_at

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
def test_what_is_shown_fits_the_terminal_and_breaks_no_word(words: tuple[str, ...]) -> None:
    wide = on_terminal(*words, columns=4000)
    known = {word for line in wide.lines for word in line.split()}
    known |= {f"{word}:" for word in known}  # the name of a column, where it stands in the row
    assert len(known) > 5
    for columns in WIDTHS:
        for line in on_terminal(*words, columns=columns).lines:
            assert set(line.split()) <= known, "a word was broken"
            # What has no blank to break at stays whole, and so does a command to be copied.
            alone = len(line[15:].split()) <= 1 or line.startswith("  aircall-mcp run")
            assert len(line) <= columns or alone, line


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (("tools", "--toolsets", "tags"), 7),
        (("search", "send a message"), 4),
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
    assert "\n  next: No call has this id." in told.text
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
    shown = on_terminal(*words, "--webhooks-port", str(taken), until="events are not received here")
    assert "/webhooks/aircall/" not in shown.text
    port = free_port()
    shown = on_terminal(*words, "--webhooks-port", str(port), until="/webhooks/aircall/")
    assert f"http://127.0.0.1:{port}/webhooks/aircall/" in shown.text


def test_the_first_account_is_asked_for_with_each_rule_before_its_question(
    home: Path, aircall: str
) -> None:
    shown = on_terminal(
        "accounts", "add", "--key", "passphrase",
        variables={"AIRCALL_MCP_BASE_URL": aircall},
        typed=[
            ("at least 12 characters", ""),  # said before anything is typed
            ("New passphrase: ", "short"),
            ("confirmation: ", "short"),
            ("That has 5 characters.", ""),
            ("New passphrase: ", "correct horse battery"),
            ("confirmation: ", "correct horse battery"),
            ("API id: ", "sandbox-api-id"),
            ("API token: ", "sandbox-api-token"),
            ("Requests a minute [60]: ", "0"),
            ("Requests a minute [60]: ", "90"),
            ("Time zone: ", "paris"),
            ("Did you mean `Europe/Paris`?", ""),
            ("Time zone: ", "Europe/Paris"),
        ],
    )  # fmt: skip
    assert shown.code == 0, shown.text
    assert "Added `main`: Aircall accepts the key. At most 90 requests a minute." in shown.text
    assert "Warning" not in shown.text
    for secret in ("sandbox-api-token", "correct horse"):
        assert secret not in shown.raw
    vault = vault_at(home, {"AIRCALL_MCP_VAULT_PASSPHRASE": "correct horse battery"})
    account = Accounts(vault).load("main").account
    assert (account.time_zone, account.requests_per_minute) == ("Europe/Paris", 90)


def test_a_name_is_checked_before_a_person_is_asked_whether_to_remove_it(home: Path) -> None:
    vault = vault_at(home, {})
    vault.create("file")
    key = ApiKey(api_id=Secret("the-api-id-1234"), api_token=Secret("the-api-token-5678"))
    Accounts(vault).add(Account(name="paris", credential=key))
    wrong = on_terminal("accounts", "remove", "pariss")
    assert wrong.code == 1
    assert "Did you mean `paris`?" in wrong.text
    assert "Remove" not in wrong.text
    kept = on_terminal("accounts", "remove", "paris", typed=[("from the vault?", "n")])
    assert kept.code == 130
    assert Accounts(again(home)).names() == ("paris",)
    gone = on_terminal("accounts", "remove", "paris", typed=[("from the vault?", "y")])
    assert gone.code == 0
    assert Accounts(again(home)).names() == ()


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        (("accounts", "login", "--key", "file"), "", "one of them is missing"),
        (("accounts", "login", "--key", "file"), "an-id\n", "one of them is missing"),
        (
            (
                "accounts",
                "login",
                "--key",
                "file",
                "--paste",
                "--no-browser",
                "--redirect-uri",
                "https://x.example",
            ),
            "an-id\na-secret\n",
            "not an authorization code",
        ),
        (("accounts", "add", "--key", "passphrase"), "", "A new passphrase is needed"),
        (("accounts", "add", "--key", "passphrase"), "short\n", "needs at least 12 characters"),
    ],
)
def test_without_a_terminal_a_secret_is_a_line_of_stdin_and_nothing_warns(
    words: tuple[str, ...], given: str, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "aircall_mcp", *words],
        input=given, capture_output=True, text=True, timeout=60, check=False,
        start_new_session=True,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert said in done.stderr
    assert "GetPassWarning" not in done.stderr
    assert "echo" not in done.stderr
    assert "bug: " not in done.stderr


def test_a_wrong_key_is_said_before_anything_else_is_asked(home: Path, aircall: str) -> None:
    shown = on_terminal(
        "accounts", "add", "--key", "file",
        variables={"AIRCALL_MCP_BASE_URL": aircall},
        typed=[("API id: ", "sandbox-api-id"), ("API token: ", "another-token")],
    )  # fmt: skip
    assert shown.code == 1
    assert "Aircall does not accept this key (403); nothing was stored." in shown.text
    assert "aircall-mcp doctor" not in shown.text  # which knows nothing of a key that was typed
    assert again(home).owners("account") == ()


def test_what_waits_says_so_on_a_terminal(home: Path) -> None:
    tail = on_terminal("events", "tail", until="Waiting for events. Control-C ends it.")
    assert tail.lines[-1] == "Stopped."
    assert tail.code == 130


def test_a_text_that_came_in_is_wrapped_at_its_words_behind_the_number_of_the_event(
    home: Path,
) -> None:
    vault = vault_at(home, {})
    vault.create("file")
    log = log_in(home, box=mailbox_of(vault, make=True))
    log.append([text("SM1", " ".join(f"word{number}" for number in range(40)))])
    shown = on_terminal("events", "list", columns=60)
    assert len(shown.lines) > 5
    assert all(len(line) <= 60 for line in shown.lines)
    assert all(line.startswith(" " * 7) for line in shown.lines)
    assert all(f"word{number}" in shown.text.split('"')[1].split() for number in range(40))


def test_a_key_comes_through_a_pipe_though_a_person_is_there_for_the_passphrase(
    home: Path, aircall: str
) -> None:
    shown = on_terminal(
        "accounts", "add", "--key", "passphrase",
        variables={"AIRCALL_MCP_BASE_URL": aircall},
        piped="\ufeffsandbox-api-id\r\nsandbox-api-token\r\n",
        typed=[
            ("New passphrase: ", "correct horse battery"),
            ("confirmation: ", "correct horse battery"),
        ],
    )  # fmt: skip
    assert shown.code == 0, shown.text
    assert "API id" not in shown.text
    assert again(home).owners("account") == ("main",)
