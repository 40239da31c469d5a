"""`aircall-mcp vault`: where the key is, whether everything can be read; renew the key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..app import open_vault
from ..ground.config import Settings, settings_from
from ..ground.secrets import Secret
from . import screen
from .options import as_json, print_json

if TYPE_CHECKING:
    from ..vault import Kind, Vault

KINDS = ("keyring", "file", "environment", "passphrase")


@click.group("vault", cls=screen.Commands)
def group() -> None:
    """Where credentials are kept, encrypted."""


command = group


@group.command()
@click.option(
    "--key",
    "kind",
    type=click.Choice(KINDS),
    default="keyring",
    show_default=True,
    help="Who keeps the key: the system's keyring, a private file beside the vault (or at"
    " AIRCALL_MCP_VAULT_KEY_FILE), AIRCALL_MCP_VAULT_KEY, or a passphrase.",
)
@click.option("--replace", is_flag=True, help="Start again; an old vault is renamed and kept.")
def init(kind: Kind, replace: bool) -> None:
    """Make the vault."""
    settings = settings_from()
    vault = vault_of(settings)
    if replace:
        click.confirm(
            "Start with an empty vault? Accounts must be added again.", abort=True, err=True
        )
    where = vault.create(kind, replace=replace)
    screen.say(f"Made the vault. Its key: {where}.")
    _warn_of_disk(settings.home, screen.say)


@group.command()
@as_json
def status(as_json: bool) -> None:
    """Where the vault and its key are."""
    settings = settings_from()
    found = vault_of(settings).status()
    _warn_of_disk(settings.home, screen.say)
    if as_json:
        print_json(asdict(found))
        return
    screen.show(found.path, first="vault     ")
    screen.show(found.where, first="key       ", rest=" " * 10)
    screen.show(str(found.accounts), first="accounts  ")


@group.command()
@click.option("--key", "kind", type=click.Choice(KINDS), help="Keep the key elsewhere.")
def rotate(kind: Kind | None) -> None:
    """Encrypt everything again with a new key. If it is interrupted, run it again."""
    where = vault_of(settings_from()).rotate(kind)
    screen.say(f"Everything is encrypted with a new key: {where}.")
    if "environment variable" in where:
        screen.say(
            "Now set AIRCALL_MCP_VAULT_KEY to the new key everywhere, and unset"
            " AIRCALL_MCP_VAULT_NEW_KEY."
        )


@group.command()
@click.option("--accept", is_flag=True, help="Accept a restored backup as the newest state.")
@as_json
def check(accept: bool, as_json: bool) -> None:
    """Read everything in the vault, and say what cannot be read."""
    vault = vault_of(settings_from())
    if accept:
        click.confirm("Did you put an older vault.db there yourself?", abort=True, err=True)
        vault.accept()
    findings = vault.check()
    if as_json:
        print_json({"sound": not findings, "findings": [asdict(one) for one in findings]})
    elif not findings:
        screen.say("Everything in the vault can be read.")
    for finding in findings if not as_json else ():
        who = f"{finding.owner}: " if finding.owner else ""
        screen.say(f"{who}{finding.problem}")
        if finding.next:
            screen.next_step(finding.next)
    if findings:
        raise click.exceptions.Exit(1)


def vault_of(settings: Settings) -> Vault:
    """The vault of these settings, closed when the command ends. A person is there."""
    return click.get_current_context().with_resource(open_vault(settings, ask=passphrase))


def create_if_missing(
    vault: Vault, kind: Kind | None, environment: Mapping[str, str], say: Callable[[str], None]
) -> None:
    """Make the vault if there is none: in the keyring, unless the environment brings a key."""
    from ..vault import KEY_VARIABLE

    if vault.made:
        return
    if kind is None:
        kind = "environment" if environment.get(KEY_VARIABLE) else "keyring"
    say(f"Made the vault. Its key: {vault.create(kind)}.")
    _warn_of_disk(Path(vault.status().path).parent, say)


def _warn_of_disk(home: Path, say: Callable[[str], None]) -> None:
    from ..vault import shared_disk

    kind = shared_disk(home)
    if kind is not None:
        say(
            f"Careful: {home} lies on {kind}, where locks and SQLite are not reliable. Set"
            " AIRCALL_MCP_HOME to a directory on a disk of this machine."
        )


def passphrase(new: bool) -> Secret | None:
    """The passphrase of the vault, as a person types it; twice if it is `new`."""
    if not new:
        text = screen.hidden("Passphrase of the vault", past_pipe=True)
        return None if text is None else Secret(text)
    from ..vault.keys import PassphraseHolder

    shortest = PassphraseHolder.SHORTEST
    screen.say(
        f"A passphrase must have at least {shortest} characters; four or five words that do not"
        " belong together are good. Nobody can recover it."
    )
    while True:
        text = screen.hidden("New passphrase", confirm=True, past_pipe=True)
        # Without a terminal nobody would answer again: the vault refuses it in its own words.
        if text is None or len(text) >= shortest or not screen.person_there():
            return None if text is None else Secret(text)
        screen.say(f"That has {len(text)} characters.")
