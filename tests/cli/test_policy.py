"""The policy, the suppression list and a person's yes, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aircall_mcp.cli import group
from aircall_mcp.errors import SettingsError

from ..processes import small_aircall, spoken
from ..terminal import on_terminal
from ..waiting import aside

pytestmark = pytest.mark.anyio

DIAL = {"user_id": 1204411, "number_id": 88012, "to": "+14155550143"}


def typed(*words: str, code: int = 0, **more: Any) -> Any:
    result = CliRunner().invoke(group, [*words], **more)
    assert result.exit_code == code, result.output
    return result


def test_the_defaults_are_told_and_a_preset_takes_their_place(home: Path) -> None:
    assert (
        "What reaches a person or costs money (reach) needs a person's yes."
        in typed("policy", "show").stdout
    )
    typed("policy", "use", "analyst")
    assert (home / "policy.toml").stat().st_mode & 0o777 == 0o600
    told = json.loads(typed("policy", "show", "--json").stdout)
    assert (told["written"], told["effects"]["reach"]) == (True, "deny")
    again = typed("policy", "use", "sales", code=1)
    assert "already exists" in str(again.exception)


def test_what_a_rule_fits_and_what_a_cap_is_are_told(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "policy.toml").write_text(
        "[[rules]]\nname = 'many'\nsay = 'deny'\noperations = ['send_group_message']\nover = 3\n"
        "[[rules]]\nname = 'all'\nsay = 'ask 2'\n"
        "[caps]\ntexts = { hour = 4, day = 9 }\ncalls = {}\n",
        "utf-8",
    )
    told = typed("policy", "show").stdout
    assert (
        "Rule 1, 'many', for operations send_group_message; over 3 recipients: it is refused."
        in told
    )
    assert "Rule 2, 'all', for everything: it needs a person's yes on the page or by" in told
    assert "Texts: at most 4 in any hour and 9 in any 24 hours." in told
    assert "Calls: any number." in told
    rules = json.loads(typed("policy", "show", "--json").stdout)["rules"]
    assert rules == [
        {"name": "many", "say": "deny", "operations": ["send_group_message"], "over": 3},
        {"name": "all", "say": "ask 2"},
    ]


def test_a_fault_is_told_and_is_no_policy(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "policy.toml").write_text("[effects]\nreach = 'dney'", "utf-8")
    shown = CliRunner().invoke(group, ["policy", "show"])
    assert isinstance(shown.exception, SettingsError)
    assert "effects.reach" in shown.exception.message
    assert shown.exception.hint == "Did you mean `deny`?"


def test_an_edit_holds_once_it_has_no_fault(home: Path, tmp_path: Path) -> None:
    """The editor makes a mistake first, and mends it when it is asked to."""
    editor = tmp_path / "editor"
    editor.write_text(
        "#!/bin/sh\n"
        'if grep -q dney "$1"; then echo "[effects]\nreach = \\"deny\\"" > "$1"\n'
        'else echo "[effects]\nreach = \\"dney\\"" > "$1"; fi\n',
        "utf-8",
    )
    editor.chmod(0o700)
    said = typed("policy", "edit", input="y\n", env={"EDITOR": str(editor), "VISUAL": ""})
    assert "effects.reach" in said.stderr
    assert json.loads(typed("policy", "show", "--json").stdout)["effects"]["reach"] == "deny"


def test_what_would_become_of_a_call_is_told() -> None:
    words = ("policy", "check", "start_outbound_call", "--sandbox", "--ask")
    asked = ("--args", json.dumps(DIAL))
    assert typed(*words, *asked).stdout.startswith("It would need a person's yes")
    costly = ("--args", json.dumps({**DIAL, "to": "+33899123456"}))
    assert "destinations.costly" in typed(*words, *costly).stdout
    typed("suppress", "add", "+1 415 555 0143", "--why", "said STOP")
    assert "suppression list" in typed(*words, *asked).stdout
    anyway = typed(*words[:-1], *asked)
    assert (anyway.stdout, "--ask" in anyway.stderr) == ("It would be done.\n", True)
    assert json.loads(typed("suppress", "list", "--json").stdout) == [
        {"number": "+14155550143", "why": "said STOP"}
    ]


def test_a_number_that_none_of_ours_is_is_told_by_the_doctor_and_by_a_check(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "policy.toml").write_text("[from]\nnumbers = ['+13125550155', 12345]", "utf-8")
    words = ("policy", "check", "start_outbound_call", "--sandbox", "--ask", "--args")
    ours = typed(*words, json.dumps({**DIAL, "number_id": 88016}))
    assert ours.stdout.startswith("It would need a person's yes")
    assert "no number of sandbox has the id 12345. `aircall-mcp run list_numbers`" in ours.stderr
    other = typed(*words, json.dumps(DIAL))
    assert "number 88012 may not be used (from.numbers)" in other.stdout
    found = json.loads(typed("doctor", "--sandbox", "--ask", "--json").stdout)["findings"]
    [one] = [one for one in found if one["what"] == "policy"]
    assert (one["state"], "12345" in one["said"]) == ("attention", True)
    [allowed] = [one for one in found if one["what"] == "allowed"]
    assert allowed["said"] == str(home / "policy.toml")


def test_a_home_in_which_nothing_is_judged_is_warned_of(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    assert "private" not in typed("policy", "show").stderr
    home.chmod(0o755)
    shown = typed("policy", "show")
    assert "needs a person's yes" in shown.stdout
    assert "chmod 700" in shown.stderr


@pytest.mark.slow
async def test_in_a_sandbox_on_a_port_a_check_says_what_is_done(home: Path) -> None:
    async with small_aircall() as known:
        variables = {**known, "AIRCALL_MCP_HOME": str(home)}
        words = ("policy", "check", "start_outbound_call", "--args", json.dumps(DIAL))
        free = await aside(typed, *words, env=variables)
        assert (free.stdout, "--ask shows" in free.stderr) == ("It would be done.\n", True)
        asked = await aside(typed, *words, "--ask", env=variables)
        assert asked.stdout.startswith("It would need a person's yes")
        words = ("run", "start_outbound_call", "--args", json.dumps(DIAL), "--json")
        refused = await aside(typed, *words, "--ask", env=variables, code=1)
        assert "needs_confirmation" in refused.output
        assert "taken for the real host" not in refused.output
        await aside(typed, *words, env=variables)


@pytest.mark.slow
@pytest.mark.usefixtures("home")
async def test_a_person_alone_takes_somebody_off_the_list() -> None:
    await aside(typed, "suppress", "add", "+14155550143")
    piped = await aside(typed, "suppress", "remove", "+14155550143", code=1)
    assert "no terminal" in str(piped.exception)
    assert "+14155550143" in (await aside(typed, "suppress", "list")).stdout
    shown = await aside(on_terminal, "suppress", "remove", "+1 415 555 0143")
    assert "+14155550143 is off the list." in shown.text
    assert "+14155550143" not in (await aside(typed, "suppress", "list")).stdout


@pytest.mark.parametrize("number", ["0184880000", "+1", "Maya", ""])
def test_what_is_no_number_is_not_kept(number: str) -> None:
    refused = typed("suppress", "add", "--", number, code=1)
    assert "is not a phone number" in str(refused.exception)


@pytest.mark.slow
@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.usefixtures("home")
async def test_what_a_model_asks_for_a_person_answers_at_a_terminal(yes: bool) -> None:
    async with spoken("--sandbox", "--ask") as server:
        error = (await server.call("aircall_start_outbound_call", **DIAL))["error"]
        assert error["kind"] == "needs_confirmation"
        name = error["approval"]["id"]
        piped = await aside(typed, "approve", name, code=1)  # a program is nobody
        assert "no terminal" in str(piped.exception)
        answers = [("Do it?", "y" if yes else "n")]
        shown = await aside(on_terminal, "approve", name, typed=answers)
        assert shown.code == 0
        assert '"+14155550143"' in shown.text
        told = await server.call("aircall_approval_status", id=f" {name} ")
        assert told["data"]["standing"] == ("approved" if yes else "refused")
        answer = await server.call("aircall_start_outbound_call", **DIAL)
        assert ("data" in answer) is yes
        # Once: the next one is another question.
        other = await server.call("aircall_start_outbound_call", **DIAL)
        again = ("needs_confirmation", "duplicate") if yes else ("declined",)
        assert other["error"]["kind"] in again
        gone = await aside(typed, "approve", name, code=1)
        assert "is not pending any more" in str(gone.exception)


@pytest.mark.slow
@pytest.mark.usefixtures("home")
async def test_the_brake_calls_off_what_waits() -> None:
    async with spoken("--sandbox", "--ask") as server:
        error = (await server.call("aircall_start_outbound_call", **DIAL))["error"]
        name = error["approval"]["id"]
        await aside(typed, "stop", "--json")
        told = await server.call("aircall_approval_status", id=name)
        assert told["data"]["standing"] == "cancelled"
        await aside(on_terminal, "resume")
        again = (await server.call("aircall_start_outbound_call", **DIAL))["error"]
        assert again["approval"]["id"] != name
