"""`events`, `webhooks` and `forward`, as a person types them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aircall_mcp.cli import group
from aircall_mcp.errors import ArgumentError
from aircall_mcp.vault.mailbox import Mailbox, mailbox_of

from ..canaries import CANARIES
from ..mail import call, log_in, text
from ..vaults import vault_at

KEY = CANARIES["vault key"]
URL = "https://hooks.slack.example/services/secret-path"


@pytest.fixture(autouse=True)
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRCALL_MCP_VAULT_KEY", KEY)


def run(*words: str, **choices: str) -> Result:
    return CliRunner().invoke(group, list(words), **choices)  # type: ignore[arg-type]


def told_of(home: Path) -> Mailbox:
    """A log of the vault of this home with a call and a text in it."""
    vault = vault_at(home, {"AIRCALL_MCP_VAULT_KEY": KEY})
    vault.create("environment")
    box = mailbox_of(vault, make=True)
    assert box is not None
    log = log_in(home, box=box)
    log.append([call("ended", 42), text("SM1", "hello")])
    log.close()
    return box


def test_events_are_listed_by_kind_and_number(home: Path) -> None:
    told_of(home)
    lines = run("events", "list").output.splitlines()
    assert [line.split()[2] for line in lines] == ["message.received", "call.ended"]
    found = json.loads(run("events", "list", "--kinds", "call.*", "--json").output)["events"]
    assert [event["call_id"] for event in found] == [42]
    assert "hello" in run("events", "list", "--number", "+33199001234").output


def test_what_is_not_to_be_trusted_is_listed_as_such(home: Path) -> None:
    box = told_of(home)
    plain = json.loads(run("events", "list", "--json").output)["events"]
    assert not any("trusted" in event for event in plain)
    log = log_in(home, box=box)
    log.webhooks.seen("front-door", 1, ())
    log.webhooks.distrust("front-door")
    log.close()
    listed = json.loads(run("events", "list", "--json").output)["events"]
    assert [event.get("trusted", "unsaid") for event in listed] == [False, "unsaid"]
    lines = run("events", "list").output.splitlines()
    assert ["not to be trusted" in line for line in lines] == [True, False]


def test_a_person_is_erased_after_a_question(home: Path) -> None:
    told_of(home)
    kept = run("events", "erase", "--number", "+33199001234", input="n\n")
    assert kept.exit_code != 0
    gone = run("events", "erase", "--number", "+33 199001234", "--yes", "--json")
    assert json.loads(gone.output) == {"erased": 2}
    assert run("events", "list", "--json").output.count("sequence") == 0


def test_a_destination_is_named_once_and_its_address_never_shown(home: Path) -> None:
    told_of(home)
    words = ("forward", "add", "--kinds", "message.received", "--to", "slack:support")
    added = run(*words, "--json", input=f"{URL}\n")
    assert added.exit_code == 0, added.output
    assert json.loads(added.stdout)["destination"] == "slack:support"
    again = run("forward", "add", "--kinds", "call.*", "--to", "slack:support", "--json")
    assert again.exit_code == 0, again.output
    listed = run("forward", "list", "--json").stdout
    assert [rule["kinds"] for rule in json.loads(listed)["rules"]] == [
        ["message.received"], ["call.*"]]  # fmt: skip
    status = run("forward", "status", "--json")
    assert json.loads(status.stdout)["undelivered"] == []
    assert "secret-path" not in added.output + again.output + listed + status.output
    assert run("forward", "remove", "1", "--json").exit_code == 0
    assert run("forward", "remove", "slack:support", "--json").exit_code == 0
    assert json.loads(run("forward", "list", "--json").stdout) == {"rules": [], "destinations": []}


def test_an_https_destination_shows_its_signing_key_once(home: Path) -> None:
    told_of(home)
    words = ("forward", "add", "--kinds", "call.*", "--to", "https:crm", "--json")
    first = json.loads(run(*words, input="https://crm.example.com/in\n").stdout)
    assert len(base64.urlsafe_b64decode(first["signing_key"])) == 32
    assert "signing_key" not in json.loads(run(*words).stdout)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("webhooks", "register"), 2),
        (("webhooks", "register", "--public-url", "http://events.example.com"), 1),
        (("forward", "add", "--kinds", "call.*", "--to", "nowhere"), 1),
        (("forward", "remove", "9"), 1),
        (("events", "list", "--limit", "0"), 2),
    ],
)
def test_what_cannot_be_done_fails_with_a_next_step(
    home: Path, words: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from aircall_mcp.cli import main

    told_of(home)
    monkeypatch.setenv("AIRCALL_MCP_FORWARD_URL", URL)
    monkeypatch.setattr("sys.argv", ["aircall-mcp", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("events", "list", "--kinds", "foo"), "Known: call.*, "),
        (("events", "tail", "--kinds", "call.ende"), "Did you mean `call.ended`?"),
        (("forward", "add", "--kinds", "cal.*", "--to", "slack:x"), "Did you mean `call.*`?"),
        (("forward", "add", "--kinds", "call.*", "--to", "Slack"), "Write slack:NAME"),
        (("webhooks", "register", "--public-url", "https://a.example.com", "--kinds", "call.ende"),
         "Did you mean `call.ended`?"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_refused_before_anything_is_asked_or_made(
    home: Path, words: tuple[str, ...], hint: str
) -> None:
    result = run(*words)
    assert isinstance(result.exception, ArgumentError), result.output
    assert result.exception.hint.startswith(hint)
    assert result.output == ""
    assert not (home / "vault.db").exists()


def test_a_kind_that_came_is_known_though_nobody_described_it(home: Path) -> None:
    told_of(home)
    log = log_in(home, box=mailbox_of(vault_at(home, {"AIRCALL_MCP_VAULT_KEY": KEY})))
    log.append([call("fluted", 7)])
    log.close()
    assert "call.fluted" in run("events", "list", "--kinds", "call.fluted").output
    assert "Did you mean `call.fluted`?" in str(
        vars(run("events", "list", "--kinds", "call.flutes").exception)
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("events", "list"), "No events yet. next: aircall-mcp webhooks status"),
        (("forward", "list"), "Nothing is forwarded yet. next: aircall-mcp forward add"),
        (("forward", "status"), "Nothing is forwarded yet. next: aircall-mcp forward add"),
        (("accounts", "list"), "No account yet. next: aircall-mcp accounts add"),
    ],
)
def test_an_empty_list_says_so_and_what_comes_next(words: tuple[str, ...], said: str) -> None:
    listed = run(*words)
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert listed.stderr.startswith(said)
    assert json.loads(run(*words, "--json").stdout)


def test_a_list_that_is_empty_for_its_filters_says_that(home: Path) -> None:
    told_of(home)
    listed = run("events", "list", "--kinds", "user.*")
    assert (listed.stdout, listed.stderr) == ("", "No event matches.\n")


@pytest.mark.parametrize("number", ["0", "-1", str(2**63), "9" * 30, "9" * 5_000])
@pytest.mark.parametrize("about", ["--call", "--user", "--contact"])
def test_what_is_no_id_is_refused_before_anything_is_looked_for(
    home: Path, about: str, number: str
) -> None:
    told_of(home)
    refused = run("events", "list", about, number)
    assert refused.exit_code == 2
    assert about in refused.stderr
