"""`aircall-mcp setup`: a guided set-up of account, permissions and clients."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from ...accounts import Account
from ...ground.config import settings_from
from ...ground.private_files import Modes
from ...safety.policy_file import NAME, preset_text
from .. import accounts as keys
from .. import config, options, screen
from ..configs.known_clients import Client
from ..configs.places import this_machine
from ..policy import use
from ..roles import ROLES
from ..vault import KINDS
from . import clients
from .account import account_by, way
from .handshake import Greeting
from .questions import Questions

say = screen.say

MAY = {
    "read": "only read",
    "analyst": "only read; the policy refuses everything else",
    "ask": "read and make harmless changes; what reaches people, deletes, sends data elsewhere or"
    " administers needs your yes",
    "support": "as support does: answers customers one at a time, with your yes, within caps",
    "sales": "as outbound sales does: calls by day, with your yes, within caps",
    "allow": "everything without asking: call, text, delete, send data elsewhere, administer",
}
"""What the model may do. The `ROLES` among them are presets of the policy."""
EVERYTHING = "reach,delete,exposes,administers"
FIRST = (
    "Which calls did we miss today, and who has not been called back?",
    "Who on the team can take a call right now?",
)
"""What to say first: both only read."""


@dataclass(slots=True)
class Did:
    """What was done, and how each is undone; `failed` where something could not be."""

    done: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    failed: bool = False

    def note(self, what: str, undo: str = "") -> None:
        self.done.append((what, undo))


@click.command("setup")
@click.option("--sandbox", is_flag=True, help="With the built-in sandbox: nothing else is needed.")
@click.option("--ask", is_flag=True, help="Ask for a person's yes in the sandbox, too.")
@click.option(
    "--account", "name", metavar="NAME", help="The account to make or use. Default: main."
)
@click.option("--login", is_flag=True, help="By OAuth, as partners do; or `accounts login` first.")
@click.option("--from-environment", is_flag=True, help="Use AIRCALL_API_ID and AIRCALL_API_TOKEN.")
@click.option(
    "--key", "kind", type=click.Choice(KINDS), help="Where the key of a new vault is kept."
)
@click.option("--me", metavar="WHO", help="Whose phone is `me`: id, name, e-mail, or nobody.")
@click.option("--time-zone", type=keys.zone, metavar="ZONE", help="For times without one.")
@click.option("--requests-per-minute", type=keys.PACE, help="What Aircall allows the company.")
@click.option("--may", type=click.Choice(list(MAY)), help="What the model may do.")
@click.option("--clients", "wanted", metavar="A,B", help="Clients to connect, or all, or none.")
@click.option("--yes", is_flag=True, help="Accept what is proposed; ask nothing.")
def command(**flags: Any) -> None:
    """Set up everything for a client: account, permissions, config, and a first answer.

    Enter skips a question, and its flag answers it; what is already there is kept. It ends with
    what it did, and how to undo it.
    """
    questions = Questions(flags["yes"], sys.stdin.isatty() and sys.stderr.isatty())
    if not (questions.person or questions.yes):
        _check_complete(flags)
    machine, did, account = this_machine(), Did(), None
    wanted = None if flags["wanted"] is None else clients.named(flags["wanted"], machine)
    try:
        by, may = way(flags, questions), "ask"
        if by == "sandbox":
            _check_none_swallowed(flags)
        else:
            account = account_by(by, flags, questions, did)
            may = _may(flags, questions, did)
        settings, start_of = config.starts(
            sandbox=account is None,
            ask=flags["ask"],
            account=None if account is None or account.name == "main" else account.name,
            allow=EVERYTHING if may == "allow" else None,
            read_only=may == "read",
            role=may if may in ROLES else None,
        )
        several = clients.chosen(questions, machine) if wanted is None else wanted
        connected = clients.joined(several, start_of, machine, settings.home, questions, did)
        say("\nStarting the server as the client will …")
        greetings = clients.tried(connected, start_of, machine)
    except BaseException:
        _tell_done(did, "\nStopped. This was done:")
        raise
    _tell_greetings(greetings)
    _tell_done(did, "\nDone:")
    _say_first(connected, account, may)
    if did.failed or any(greeting.trouble for _, greeting in greetings):
        raise click.exceptions.Exit(1)


def _check_none_swallowed(flags: dict[str, Any]) -> None:
    """Raise `UsageError` for a flag that says something of an account, which the sandbox is not."""
    useless = [flag for name, flag in _OF_AN_ACCOUNT.items() if flags[name]]
    if useless:
        raise click.UsageError(
            f"{', '.join(useless)} is for an account of yours; the sandbox has none. There `me` is"
            " Robin Ellis (rep@example.com), and `aircall-mcp config CLIENT --sandbox` takes what"
            " the client may do."
        )


_OF_AN_ACCOUNT = {
    "name": "--account", "login": "--login", "from_environment": "--from-environment",
    "kind": "--key", "me": "--me", "time_zone": "--time-zone",
    "requests_per_minute": "--requests-per-minute", "may": "--may",
}  # fmt: skip


def _check_complete(flags: dict[str, Any]) -> None:
    """Without a terminal every answer must be there as a flag, or `--yes`."""
    needed = {"--clients": "wanted"}
    if not flags["sandbox"]:
        needed |= {"--me": "me", "--time-zone": "time_zone", "--may": "may",
                   "--requests-per-minute": "requests_per_minute"}  # fmt: skip
    missing = [flag for flag, name in needed.items() if flags[name] is None]
    if missing:
        raise click.UsageError(
            f"There is no terminal to ask in. Give {', '.join(missing)}, or --yes to accept what is"
            " proposed. The key comes by --from-environment, or by stdin with API id and token on"
            " separate lines; --sandbox needs none."
        )


def _may(flags: dict[str, Any], questions: Questions, did: Did) -> str:
    """What the model may do; a preset is written as the policy, where there is none yet."""
    file = settings_from().home / NAME
    kept = file.exists()
    choices = [(word, meaning) for word, meaning in MAY.items() if not (kept and word in ROLES)]
    may = flags["may"]
    if may is None:
        if questions.asking:
            say("\nWhat may the model do?" + (f" Your {NAME} applies as well." if kept else ""))
        may = questions.choose("May", choices, "ask")
    if may in ROLES and Modes().read_written(file) != preset_text(may):
        click.get_current_context().invoke(use, preset=may)
        did.note(f"Wrote the policy: {file}.", "aircall-mcp policy edit")
    did.note(f"What the model may do: {MAY[may]}.")
    return may


def _tell_greetings(greetings: Sequence[tuple[str, Greeting]]) -> None:
    for who, greeting in greetings:
        if greeting.trouble:
            screen.error(f"{who}: {options.scrubbed(greeting.trouble)}", greeting.hint)
            continue
        pong = "Aircall's pong to a ping" if greeting.pong else "no ping, which is not among them"
        say(f"It answers for {who}: {greeting.tools} tools, and {pong}.")
        if greeting.needed:
            needed = ", ".join(greeting.needed)
            say(f"The client needs {needed} in its environment, as you have here.")


def _tell_done(did: Did, head: str) -> None:
    if not did.done:
        return
    say(head)
    for what, _ in did.done:
        screen.show(what, first="  ", rest="    ", err=True)
    undo = dict.fromkeys(undo for _, undo in did.done if undo)
    if undo:
        say("To undo:")
    for line in undo:
        screen.show(line, first="  ", rest="    ", err=True)


def _say_first(connected: Sequence[Client], account: Account | None, may: str) -> None:
    if connected:
        say(f"\n{connected[0].title}: {connected[0].afterwards} Then ask, to begin with:")
        for sentence in FIRST:
            screen.show(f"“{sentence}”", first="  ", rest="    ", err=True)
        if account is not None and account.default_user:
            screen.show(f"“I am user {account.default_user} of Aircall. What is on for me?”",
                        first="  ", rest="    ", err=True)  # fmt: skip
    else:
        say("\nTo connect a client: aircall-mcp config CLIENT --write")
    if account is not None and may not in ("read", "allow"):
        say("Pending approvals: aircall-mcp approve. What is allowed: aircall-mcp policy show")
    say("To stop everything at once: aircall-mcp stop. To check everything: aircall-mcp doctor")
