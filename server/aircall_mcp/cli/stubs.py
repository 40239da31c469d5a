"""`aircall-mcp stubs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import options

if TYPE_CHECKING:
    from ..offer.stubs import Language


@click.command("stubs")
@click.option(
    "--lang",
    type=click.Choice(["python", "typescript"]),
    default="python",
    show_default=True,
    help="The language of the stubs.",
)
def command(lang: Language) -> None:
    """Typed stubs of all operations and tools, in few words."""
    from ..offer import offers_for
    from ..offer.stubs import stubs_of

    known = offers_for(options.settings()).registry.known
    click.echo(stubs_of((one for one in known if not one.retired), lang), nl=False)
