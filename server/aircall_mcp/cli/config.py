"""`aircall-mcp config`."""

from __future__ import annotations

import inspect
import os
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from ..accounts import ENVIRONMENT
from ..app import names_of, open_vault
from ..errors import AircallMCPError, CredentialError, StoreError, quoted
from ..ground.config import SURFACES, Settings, settings_from
from ..ground.home import home_in
from ..ground.nearest import nearest
from ..offer import offers_for
from ..protocol.bearer import FILE, VARIABLE
from . import completion, policy, screen
from .configs import changes
from .configs.changes import Change
from .configs.known_clients import (
    CLIENTS,
    WRITTEN,
    Client,
    Start,
    is_loopback,
    start_for,
    text_for,
)
from .configs.places import Machine, Platform, this_machine
from .roles import ROLES, Role

UNLOCKING = {
    "environment": "AIRCALL_MCP_VAULT_KEY",
    "passphrase": "AIRCALL_MCP_VAULT_PASSPHRASE",
}
"""What the server needs besides, where the vault is kept shut by it."""

say = screen.say


@click.command("config")
@click.argument("client", metavar="[CLIENT]", type=click.Choice(list(CLIENTS)), required=False)
@click.option("--write", is_flag=True, help="Write it into the client's own file, after asking.")
@click.option("--remove", is_flag=True, help="Remove it again.")
@click.option("--all", "every", is_flag=True, help="For all clients on this machine.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--for",
    "role",
    type=click.Choice(list(ROLES)),
    help="What the client is for: its tools, and with --write a policy if there is none.",
)
@click.option("--sandbox", is_flag=True, help="For the built-in sandbox.")
@click.option("--ask", is_flag=True, help="Ask for a person's yes in the sandbox, too.")
@click.option(
    "--account", metavar="NAME", help="For this account.", shell_complete=completion.accounts
)
@click.option(
    "--allow",
    metavar="A,B",
    help="Allowed without a person's yes: reach, delete, exposes, administers.",
    shell_complete=completion.allowances,
)
@click.option(
    "--surface",
    type=click.Choice(SURFACES),
    help="All tools; those for whole tasks and search; or only search and what performs its"
    " results. Default: what fits the client.",
)
@click.option("--read-only", is_flag=True, help="Only tools that read.")
@click.option(
    "--toolsets", metavar="A,B", help="Only these toolsets.", shell_complete=completion.toolsets
)
@click.option("--url", metavar="URL", help="Of a running server, instead of starting one.")
def command(
    client: str | None, write: bool, remove: bool, every: bool, yes: bool, **choices: Any
) -> None:
    """Print or write CLIENT's own config for this server: with this Python, without secrets.

    \b
    {clients}

    --write changes the client's own file: everything else in it stays the same, the difference is
    shown first, and a backup is kept. --remove restores it.
    """
    if (client is None) != every:
        raise click.UsageError("Name a client, or use --all.")
    if write and remove:
        raise click.UsageError("--write and --remove cannot be combined.")
    machine = this_machine()
    there = [one for one in CLIENTS.values() if one.is_there(machine)]
    chosen = [CLIENTS[client]] if client else there
    _check_used(choices, chosen, writes=not remove and (write or client is not None))
    if remove:
        change_all(chosen, None, machine, settings_from().home, yes=yes)
        return
    settings, start_of = starts(**choices)
    if write:
        made = change_all(chosen, start_of, machine, settings.home, yes=yes)
        if choices["role"] and made and not choices["sandbox"]:
            _adopt(choices["role"], settings.home)
    elif client is None:
        _list(chosen, machine)
        return
    else:
        _print(chosen[0], start_of(chosen[0]), machine, url=choices["url"])
    if choices["url"] and is_loopback(choices["url"]):
        say(of_the_http_key(settings, machine.platform))
    elif not choices["sandbox"]:
        say(of_the_key(settings, choices["account"]))


def _check_used(choices: dict[str, Any], chosen: Iterable[Client], *, writes: bool) -> None:
    """Raise `UsageError` for a flag that would be in nothing that is printed or written: whoever
    gave it would believe that it holds."""
    flags = [f"--{'for' if name == 'role' else name.replace('_', '-')}"
             for name, value in choices.items() if value]  # fmt: skip
    if flags and not writes:
        raise click.UsageError(f"{', '.join(flags)} is for a config, and none is made here.")
    flags = [flag for flag in flags if flag != "--url"]
    if flags and choices["url"]:
        _check_url(choices["url"])
    if flags and choices["url"] and any(one.reaches(choices["url"]) for one in chosen):
        raise click.UsageError(
            f"{', '.join(flags)} is for a server that a client starts. The one at --url runs"
            " already: give these flags to its `aircall-mcp serve`."
        )


def _adopt(role: str, home: Path) -> None:
    if policy.adopted(role, home):
        say(f"{home / 'policy.toml'} is the policy for {role} from now on.")
    else:
        say(f"{home / 'policy.toml'} already existed and stays: see `aircall-mcp policy show`.")


def starts(
    *,
    role: str | None = None,
    sandbox: bool = False,
    ask: bool = False,
    account: str | None = None,
    allow: str | None = None,
    surface: str | None = None,
    read_only: bool = False,
    toolsets: str | None = None,
    url: str | None = None,
) -> tuple[Settings, Callable[[Client], Start]]:
    """The settings, and how a client is to start the server under these flags: those of `role`
    where they are not told. Wrong flags are refused here, not by a server that a client starts.
    """
    if url is not None:
        _check_url(url)
    asked = ROLES.get(role or "", Role())
    read_only = read_only or asked.read_only
    toolsets = toolsets or ",".join(asked.toolsets) or None
    flags = {"allow": allow, "surface": surface, "read_only": read_only or None,
             "toolsets": toolsets}  # fmt: skip
    settings = settings_from(flags)
    offers_for(settings)
    named = accounts_in_vault(settings)

    def start_of(client: Client) -> Start:
        return start_for(
            client,
            sandbox=sandbox,
            ask=ask,
            account=account,
            allow=settings.allow if allow else (),
            surface=surface,
            read_only=read_only,
            toolsets=settings.toolsets if toolsets else (),
            in_vault=account in named if account else bool(named),
            variables=_variables(sandbox),
            url=url if url and client.reaches(url) else None,
        )

    return settings, start_of


def change_all(
    clients: Iterable[Client],
    start_of: Callable[[Client], Start] | None,
    machine: Machine,
    home: Path,
    *,
    yes: bool,
) -> list[Change]:
    """Change the files of `clients`, each after its difference was shown and agreed to; without
    `start_of` ours is taken out. Gives what was changed. One that cannot be changed is told, and
    the others are gone on with; then it is an error.
    """
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask whether to change the file; use --yes.")
    made: list[Change] = []
    failed: AircallMCPError | None = None
    several = list(clients)
    if not several:
        say("No known client was found on this machine.")
    for client in several:
        try:
            change = (
                changes.written(client, start_of(client), machine)
                if start_of
                else changes.removed(client, machine, home)
            )
            if _made(change, home, yes=yes, removal=start_of is None):
                made.append(change)
        except StoreError as error:
            if len(several) == 1:
                raise
            screen.error(f"{client.title}: {error.message}", error.hint)
            failed = error
    if failed:
        raise click.exceptions.Exit(1)
    return made


def _made(change: Change, home: Path, *, yes: bool, removal: bool) -> bool:
    """Show `change`, ask, and carry it out; whether it was."""
    client = change.client
    if not change.needed:
        say(f"{client.title}: {change.file} " + (
            "has no entry of ours." if removal else "already has this entry."))  # fmt: skip
        return False
    show_change(change)
    if not yes and not click.confirm("Make this change?", default=True, err=True):
        say("Not changed.")
        return False
    kept = change.make(home)
    if change.before is not None:
        say(f"Changed. The earlier content is in {kept}.")
    else:
        say("Made.")
    if change.after is None:
        say("The file is removed, as before.")
    say(client.afterwards)
    return True


def show_change(change: Change) -> None:
    """Where it is, and what will be different there."""
    say(f"{change.client.title}: {change.asked}")
    if change.asked.absolute() != change.file:
        say(f"It is a link (or behind one); the changed file is {change.file}.")
    screen.out(_coloured(change.diff()), err=True)


def _coloured(diff: str) -> str:
    colours = {"+": "green", "-": "red"}
    return "\n".join(
        click.style(line, fg=colours[line[:1]]) if line[:1] in colours else line
        for line in diff.split("\n")
    )


def _print(client: Client, start: Start, machine: Machine, *, url: str | None) -> None:
    say(f"{client.title}: {client.file}")
    if url and client.where and not start.url:
        lacks = "name no key in its file" if client.reached else "take no URL there"
        say(f"It can {lacks}, so it starts a server of its own, which needs none.")
    screen.out(text_for(client, start, machine.platform))
    if client.where is None:
        return
    say(f"`--write` writes it into {client.where(machine)}.")
    if client.own:
        say("The client's own command for the same:")
        screen.out(f"  {client.own(start, machine.platform)}", err=True)


def _list(found: list[Client], machine: Machine) -> None:
    """Which clients are here, and whether they know of us."""
    rows: list[tuple[str, str, str]] = []
    for client in found:
        try:
            state = "connected" if changes.entry_of(client, machine) else "not yet"
        except StoreError as error:
            state = error.message
        rows.append((client.name, state, str(client.where(machine) if client.where else "")))
    if not rows:
        say("No known client was found on this machine.")
        return
    screen.table(("client", "aircall", "file"), rows)
    say("--all --write connects them all, --all --remove removes our entry from all.")


def _variables(sandbox: bool) -> dict[str, str]:
    """What the server must know of this environment wherever it is started."""
    found = {name: os.environ[name] for name in WRITTEN if os.environ.get(name)}
    if os.environ.get("XDG_DATA_HOME"):  # which moves the home, and which few clients hand on
        found.setdefault(WRITTEN[0], str(home_in(os.environ)))
    if sandbox:
        found = {name: value for name, value in found.items() if name == WRITTEN[0]}
    return {
        name: value if name.endswith("_URL") else str(Path(value).expanduser().absolute())
        for name, value in found.items()
    }


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
        parts = urlsplit("")
    if not fine or parts.username or parts.password or parts.query:
        raise click.UsageError(
            "--url is an address such as http://127.0.0.1:8000/mcp, without a name, a password or"
            " a query in it: a config holds no secret."
        )


def accounts_in_vault(settings: Settings) -> list[str]:
    """The names of the accounts whose keys the server will find by itself."""
    everyone = names_of(settings.model_copy(update={"account": None, "sandbox": False}))
    return [one for one in everyone if one != ENVIRONMENT]


def of_the_http_key(settings: Settings, platform: Platform = "linux") -> str:
    """Where a client has the key of a server over HTTP from; on Windows for PowerShell."""
    file = settings.home / FILE
    line = f'export {VARIABLE}="$(cat {shlex.quote(str(file))})"'
    if platform == "windows":
        quotes = str(file).replace("'", "''")
        line = f"$env:{VARIABLE} = Get-Content '{quotes}'"
    return (
        f"The server answers requests with the key in {file} (made at its first start). A client"
        f" that names {VARIABLE} needs it in its environment: {line}"
    )


def of_the_key(settings: Settings, account: str | None) -> str:
    """Where the server that is started so will have its key from."""
    named = accounts_in_vault(settings)
    if account and account != ENVIRONMENT and account not in named:
        close = nearest(account, named) or "Run `aircall-mcp accounts add`."
        return (
            f"careful: there is no account `{quoted(account)}` in the vault of this home. {close}"
        )
    if not named or account == ENVIRONMENT:
        return (
            "The key is neither here nor in a vault: run `aircall-mcp accounts add`, or set"
            " AIRCALL_API_ID and AIRCALL_API_TOKEN in the environment of the server."
        )
    whose = f"The key of `{account}`" if account else f"The key ({', '.join(named)})"
    try:
        with open_vault(settings) as vault:
            needed = UNLOCKING.get(vault.status().kind)
    except (CredentialError, StoreError) as error:
        return f"{whose} is in the vault, which cannot be opened now: {error.message}"
    besides = f" Set {needed} in the client's environment: it opens the vault." if needed else ""
    return f"{whose} is in the vault, where the server finds it.{besides}"


# Wrapped here, for click would break the names at their hyphens.
_NAMES = textwrap.fill(f"CLIENT is one of {', '.join(CLIENTS)}.", 56, break_on_hyphens=False)
command.help = inspect.cleandoc(command.help or "").format(clients=_NAMES)
