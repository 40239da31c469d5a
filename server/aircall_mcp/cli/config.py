"""`aircall-mcp config`."""

from __future__ import annotations

import click

from . import options
from .known_clients import CLIENTS, config_for


@click.command("config")
@click.argument("client", metavar="CLIENT", type=click.Choice(list(CLIENTS)))
@click.option("--sandbox", is_flag=True, help="For the built-in small Aircall.")
@click.option("--account", metavar="NAME", help="For this account.")
@click.option("--allow", metavar="A,B", help="Also allowed: reach, delete, exposes, administers.")
def command(client: str, sandbox: bool, account: str | None, allow: str | None) -> None:
    """Print CLIENT's own config for this server: this interpreter, no secret."""
    chosen = CLIENTS[client]
    click.echo(f"{chosen.title}: {chosen.file}", err=True)
    allowed = options.settings(allow=allow).allow if allow else ()
    click.echo(config_for(chosen, sandbox=sandbox, account=account, allow=allowed))
    if not sandbox:
        click.echo(
            "The key is not in there: set AIRCALL_API_ID and AIRCALL_API_TOKEN where the client"
            " starts.",
            err=True,
        )
