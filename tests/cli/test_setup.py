"""`aircall-mcp setup`: from a key to a client that is connected, as a person types it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import click
import pytest

from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.cli import main
from aircall_mcp.cli.setup.company import Company, Person
from aircall_mcp.cli.setup.handshake import Greeting, command_of, greeted
from aircall_mcp.ground.secrets import Secret

from ..harness import sandbox_with
from ..served import served
from ..terminal import on_terminal
from ..vaults import again, vault_at
from .shell import KEY

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="a pty"),
    # The child of a fork is another program at once.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]

SECRETS = ("sandbox-api-token", "sandbox-api-id")


@dataclass(slots=True)
class Counted:
    """The sandbox in the place of Aircall, and what arrived there."""

    url: str
    arrived: list[str]


@pytest.fixture
def aircall() -> Generator[Counted]:
    sandbox, arrived = sandbox_with(), list[str]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        arrived.append(f"{scope['method']} {scope['path']}")
        await sandbox(scope, receive, send)

    with served(app) as url:
        yield Counted(url, arrived)


@pytest.fixture
def person(tmp_path: Path) -> Path:
    folder = tmp_path / "person"
    (folder / ".cursor").mkdir(parents=True)
    (folder / ".codex").mkdir()
    (folder / ".codex" / "config.toml").write_text("# mine\n")
    return folder


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    said: str


Ran = Callable[..., Done]


@pytest.fixture
def ran(
    person: Path, aircall: Counted, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Ran:  # fmt: skip
    """The command in this very process, where nobody can be asked."""
    monkeypatch.setenv("HOME", str(person))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("AIRCALL_MCP_BASE_URL", aircall.url)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str, given: str = "") -> Done:
        monkeypatch.setattr(sys, "argv", ["aircall-mcp", "setup", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        for secret in SECRETS:
            assert secret not in said.out + said.err
        return Done(int(ended.value.code or 0), said.err)

    return run


def on(person: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(person), "PATH": "/nowhere", "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": "",
            **more}  # fmt: skip


def args_of(person: Path) -> list[str]:
    return json.loads((person / ".cursor" / "mcp.json").read_text())["mcpServers"]["aircall"][
        "args"
    ]


@pytest.mark.slow
def test_from_a_key_to_a_connected_client_with_ten_answers(
    person: Path, home: Path, aircall: Counted
) -> None:
    """On a machine without a keyring, at 80 columns."""
    typed = [
        ("Aircall [key]: ", "1"),
        ("Key [file]: ", "file"),
        ("API id: ", "sandbox-api-id"),
        ("API token: ", "sandbox-api-token"),
        ("Me [nobody]: ", "Robin"),
        ("Time zone [America/Chicago]: ", "paris"),
        ("Did you mean `Europe/Paris`?", ""),
        ("Time zone [America/Chicago]: ", "Europe/Paris"),
        ("Requests a minute [60]: ", "90"),
        ("6  allow", ""),
        ("May [ask]: ", "read"),
        ("Clients [all]: ", "cursor"),
        ("Change these files? [Y/n]: ", "y"),
    ]
    shown = on_terminal(
        "setup", typed=typed, variables=on(person, AIRCALL_MCP_BASE_URL=aircall.url)
    )
    assert shown.code == 0, shown.text
    answers = [line for _, line in typed if line and line != "paris"]  # one was typed wrong
    assert len(answers) == 10
    for secret in SECRETS:
        assert secret not in shown.raw
    text = " ".join(shown.text.split())
    for said in ("The company: Brightleaf Coffee.", "Connected Cursor", "pong to a ping",
                 "aircall-mcp config cursor --remove", "aircall-mcp accounts remove main",
                 "Which calls did we miss today"):  # fmt: skip
        assert said in text, said
    assert args_of(person)[-2:] == ["serve", "--read-only"]
    assert (person / ".codex" / "config.toml").read_text() == "# mine\n"
    account = Accounts(again(home)).load("main").account
    assert (account.time_zone, account.requests_per_minute) == ("Europe/Paris", 90)
    assert account.default_user == 1204417
    assert account.default_number == 88016
    # The key is tried, what is proposed is looked up, and the server that was started pings.
    assert aircall.arrived == ["GET /v1/ping", "GET /v1/company", "GET /v2/users", "GET /v1/ping"]
    wide = [line for line in shown.lines
            if len(line) > 80 and len(line.split()) > 2 and line[0] not in "+-"]  # fmt: skip
    assert wide == []


@pytest.mark.slow
@pytest.mark.once
def test_each_question_can_be_skipped(person: Path, home: Path, aircall: Counted) -> None:
    enter = [
        (f"{question} [", " ")
        for question in ("Aircall", "Key", "Me", "Time zone", "Requests a minute", "May", "Clients")
    ]
    shown = on_terminal(
        "setup",
        typed=[*enter[:2], ("API id: ", "sandbox-api-id"), ("API token: ", "sandbox-api-token"),
               *enter[2:], ("Change these files? [Y/n]: ", " ")],
        variables=on(person, AIRCALL_MCP_BASE_URL=aircall.url),
    )  # fmt: skip
    assert shown.code == 0, shown.text


def test_with_yes_all_that_is_proposed_is_taken_and_done_again_it_changes_nothing(
    person: Path, home: Path, ran: Ran
) -> None:
    done = ran("--yes", given=KEY)
    assert done.code == 0, done.said
    codex = (person / ".codex" / "config.toml").read_bytes()
    assert codex.startswith(b"# mine\n\n[mcp_servers.aircall]\n")
    assert "--allow" not in args_of(person)
    account = Accounts(again(home)).load("main").account
    assert (account.time_zone, account.default_user) == ("America/Chicago", None)
    kept = sorted((home / "backups").rglob("*"))
    once_more = ran("--yes", "--may", "ask", "--clients", "codex")
    assert once_more.code == 0, once_more.said
    assert "is already in the vault" in once_more.said
    assert (person / ".codex" / "config.toml").read_bytes() == codex
    assert sorted((home / "backups").rglob("*")) == kept


def test_with_nothing_at_hand_the_sandbox_is_connected(
    person: Path, home: Path, ran: Ran, aircall: Counted
) -> None:
    done = ran("--sandbox", "--ask", "--yes")
    assert done.code == 0, done.said
    assert args_of(person)[-2:] == ["--sandbox", "--ask"]
    assert "It answers for Cursor" in done.said
    assert not (home / "vault.db").exists()
    assert aircall.arrived == []


def test_where_nobody_can_be_asked_it_says_which_flags_are_missing(
    person: Path, home: Path, ran: Ran, aircall: Counted
) -> None:
    refused = ran("--may", "read", given=KEY)
    assert refused.code == 2
    said = " ".join(refused.said.split())
    for flag in ("--clients", "--me", "--time-zone", "--requests-per-minute", "--yes",
                 "--from-environment"):  # fmt: skip
        assert flag in said
    assert "--may," not in said
    assert ran("--sandbox").code == 2
    swallowed = ran("--sandbox", "--yes", "--me", "rep@example.com", "--may", "read")
    assert swallowed.code == 2
    assert "--me, --may is for an account of yours" in " ".join(swallowed.said.split())
    assert not home.exists()
    assert aircall.arrived == []


def test_every_answer_is_a_flag(
    person: Path, home: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRCALL_API_ID", "sandbox-api-id")
    monkeypatch.setenv("AIRCALL_API_TOKEN", "sandbox-api-token")
    done = ran(
        "--from-environment", "--account", "paris", "--key", "file", "--me", "rep@example.com",
        "--time-zone", "Europe/Paris", "--requests-per-minute", "100", "--may", "allow",
        "--clients", "cursor",
    )  # fmt: skip
    assert done.code == 0, done.said
    account = Accounts(again(home)).load("paris").account
    assert (account.default_user, account.requests_per_minute) == (1204417, 100)
    assert args_of(person)[-4:] == [
        "--account", "paris", "--allow", "reach,delete,exposes,administers"
    ]  # fmt: skip


@pytest.mark.slow
def test_by_oauth_it_goes_to_the_browser_and_stopped_there_it_says_what_was_done(
    person: Path, home: Path, aircall: Counted
) -> None:
    shown = on_terminal(
        "setup", "--key", "file",
        typed=[("Aircall [key]: ", "2"), ("Client id: ", "an-id"), ("Client secret: ", "hush-hush"),
               ],
        variables=on(person, AIRCALL_MCP_BASE_URL=aircall.url, BROWSER="true"),
        until="in your browser, at this address",
    )  # fmt: skip
    assert shown.code == 130
    assert "Stopped. This was done:" in shown.text
    assert "Made the vault" in shown.text
    assert "To undo:" not in shown.text, "an empty vault is in nobody's way"
    assert "hush-hush" not in shown.raw
    assert aircall.arrived == []


def test_a_selection_without_a_ping_is_not_taken_for_a_server_that_fails(
    person: Path, home: Path, ran: Ran
) -> None:
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('toolsets = ["tags"]\nsandbox = true\n')
    done = ran("--yes", "--clients", "cursor")
    assert done.code == 0, done.said
    assert "no ping, which is not among them" in done.said
    assert not (home / "vault.db").exists()


def test_a_preset_becomes_the_policy_and_one_that_is_there_stays(
    person: Path, home: Path, ran: Ran
) -> None:
    done = ran("--yes", "--may", "support", "--clients", "none", given=KEY)
    assert done.code == 0, done.said
    policy = home / "policy.toml"
    assert "support assistant" in policy.read_text()
    assert str(policy) in done.said
    again_the_same = ran("--yes", "--may", "support", "--clients", "none")
    assert again_the_same.code == 0, again_the_same.said
    policy.write_text("# mine\n[effects]\nwrite = 'ask'\n")
    refused = ran("--yes", "--may", "sales", "--clients", "none")
    assert refused.code == 1
    assert "already exists" in refused.said
    assert policy.read_text().startswith("# mine")


def test_an_analyst_reads_by_the_tools_and_by_the_policy(
    person: Path, home: Path, ran: Ran
) -> None:
    done = ran("--yes", "--may", "analyst", "--clients", "cursor", given=KEY)
    assert done.code == 0, done.said
    assert "An analyst reads" in (home / "policy.toml").read_text()
    assert "--read-only" in (person / ".cursor" / "mcp.json").read_text()


def test_a_wrong_key_stores_nothing_and_touches_no_client(
    person: Path, home: Path, ran: Ran
) -> None:
    refused = ran("--yes", given="sandbox-api-id\nanother\n")
    assert refused.code == 1
    assert "Aircall does not accept this key" in refused.said
    assert Accounts(again(home)).names() == ()
    assert not (person / ".cursor" / "mcp.json").exists()


@pytest.mark.slow
@pytest.mark.once
def test_a_key_that_was_mistyped_is_asked_for_again(
    person: Path, home: Path, aircall: Counted
) -> None:
    shown = on_terminal(
        "setup", "--time-zone", "Europe/Paris", "--requests-per-minute", "60", "--may", "read",
        "--clients", "none", "--key", "file",
        typed=[
            ("Aircall [key]: ", "1"),
            ("API id: ", "sandbox-api-id"),
            ("API token: ", "another"),
            ("API id: ", "sandbox-api-id"),
            ("API token: ", "sandbox-api-token"),
            ("Me [", " "),
        ],
        variables=on(person, AIRCALL_MCP_BASE_URL=aircall.url),
    )  # fmt: skip
    assert shown.code == 0, shown.text
    assert "Aircall does not accept this key" in " ".join(shown.text.split())
    assert Accounts(again(home)).names() == ("main",)


def test_what_was_done_is_told_also_where_it_ends_early(person: Path, home: Path, ran: Ran) -> None:
    refused = ran("--yes", "--me", "nobody-of-this-name", given=KEY)
    assert refused.code == 2
    assert "Nobody has this name." in refused.said
    assert "aircall-mcp accounts remove main" in refused.said
    assert Accounts(again(home)).names() == ("main",)
    assert not (person / ".cursor" / "mcp.json").exists()
    assert ran("--yes", "--clients", "curser").code == 2


def test_a_client_whose_file_is_broken_is_told_and_the_others_are_connected(
    person: Path, ran: Ran
) -> None:
    (person / ".cursor" / "mcp.json").write_text("{ broken")
    done = ran("--sandbox", "--yes")
    assert done.code == 1
    assert "aircall-mcp config cursor" in done.said
    assert (person / ".cursor" / "mcp.json").read_text() == "{ broken"
    assert "It answers for Codex CLI" in done.said


def test_a_key_that_was_withdrawn_meanwhile_is_told(person: Path, home: Path, ran: Ran) -> None:
    vault = vault_at(home, {})
    vault.create("file")
    key = ApiKey(api_id=Secret("the-api-id-1234"), api_token=Secret("the-api-token-5678"))
    Accounts(vault).add(Account(name="main", host="127.0.0.1", credential=key))
    vault.close()
    refused = ran("--yes")
    assert refused.code == 1
    assert not (person / ".cursor" / "mcp.json").exists()


def test_a_server_that_does_not_start_or_does_not_answer_is_told() -> None:
    def greet(command: str, *args: str, patience: float = 30.0) -> Greeting:
        return anyio.run(partial(greeted, command, args, dict[str, str](), patience))

    gone = greet(sys.executable, "-c", "raise SystemExit(3)")
    assert "could not be started, or ended early" in gone.trouble
    missing = greet("/nowhere/python")
    assert "could not be started" in missing.trouble
    dumb = greet(sys.executable, "-c", "import sys; sys.stdin.read()", patience=0.5)
    assert "did not answer" in dumb.trouble


def test_the_command_of_a_config_is_found_in_the_words_of_each_client() -> None:
    expected = ("/py", ["-m", "x"], {"A": "b"})
    for entry in (
        {"command": "/py", "args": ["-m", "x"], "env": {"A": "b", "K": "${input:k}"}},
        {"command": ["/py", "-m", "x"], "environment": {"A": "b"}},
        {"cmd": "/py", "args": ["-m", "x"], "envs": {"A": "b"}},
    ):
        assert command_of(entry) == expected


def test_people_are_found_by_id_name_or_address_and_never_guessed() -> None:
    people = [
        Person(1, "Maya Chen", "maya@x.example", "Europe/Paris", 7),
        Person(2, "Maya Cole", "cole@x.example", "Europe/Paris", None),
        Person(3, "Bo", "bo@x.example", "Asia/Tokyo", None),
    ]
    company = Company("X", people)
    assert company.zone == "Europe/Paris"
    assert [company.found(one) for one in ("1", "BO", "cole@x.example", "chen", "", "nobody")] == [
        people[0], people[2], people[1], people[0], None, None
    ]  # fmt: skip
    for wrong, said in (("maya", "Several have this name"), ("zoe", "Nobody has this name")):
        with pytest.raises(click.BadParameter, match=said):
            company.found(wrong)
