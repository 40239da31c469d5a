"""`aircall-mcp config`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..accounts import ENVIRONMENT
from ..app import names_of, open_vault
from ..errors import CredentialError, StoreError
from ..ground.config import Settings, settings_from
from ..ground.nearest import nearest
from . import completion, screen
from .known_clients import CLIENTS, config_for

HOME = "AIRCALL_MCP_HOME"
UNLOCKING = {
    "environment": "AIRCALL_MCP_VAULT_KEY",
    "passphrase": "AIRCALL_MCP_VAULT_PASSPHRASE",
}
"""What the server needs besides, where the vault is kept shut by it."""


@click.command("config")
@click.argument("client", metavar="CLIENT", type=click.Choice(list(CLIENTS)))
@click.option("--sandbox", is_flag=True, help="For the built-in small Aircall.")
@click.option(
    "--account", metavar="NAME", help="For this account.", shell_complete=completion.accounts
)
@click.option("--allow", metavar="A,B", help="Also allowed: reach, delete, exposes, administers.")
def command(client: str, sandbox: bool, account: str | None, allow: str | None) -> None:
    """Print CLIENT's own config for this server: this interpreter, no secret.

    CLIENT is one of {clients}.
    """
    chosen = CLIENTS[client]
    settings = settings_from({"allow": allow})
    screen.say(f"{chosen.title}: {chosen.file}")
    named = [one for one in names_of(settings.model_copy(update={"account": None}))
             if one != ENVIRONMENT]  # fmt: skip
    screen.out(
        config_for(
            chosen,
            sandbox=sandbox,
            account=account,
            allow=settings.allow if allow else (),
            in_vault=account in named if account else bool(named),
            variables={HOME: str(Path(os.environ[HOME]).expanduser().absolute())}
            if os.environ.get(HOME)
            else {},
        )
    )
    if not sandbox:
        screen.say(_of_the_key(settings, account, named))


def _of_the_key(settings: Settings, account: str | None, named: list[str]) -> str:
    """Where the server that is started so will have its key from."""
    if account and account != ENVIRONMENT and account not in named:
        close = nearest(account, named) or "Run `aircall-mcp accounts add`."
        return f"careful: there is no account `{account[:60]}` in the vault of this home. {close}"
    if not named or account == ENVIRONMENT:
        return (
            "The key is not in there, and not in a vault: run `aircall-mcp accounts add`, or set"
            " AIRCALL_API_ID and AIRCALL_API_TOKEN in the environment of the server."
        )
    whose = f"The key of `{account}`" if account else f"The key ({', '.join(named)})"
    try:
        with open_vault(settings) as vault:
            needed = UNLOCKING.get(vault.status().kind)
    except (CredentialError, StoreError) as error:
        return f"{whose} is in the vault, which does not open now: {error.message}"
    besides = f" Set {needed} where the client starts: it opens the vault." if needed else ""
    return f"{whose} is in the vault, where the server finds it.{besides}"


command.help = (command.help or "").format(clients=", ".join(CLIENTS))
