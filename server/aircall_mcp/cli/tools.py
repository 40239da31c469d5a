"""`aircall-mcp tools`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import options, screen

if TYPE_CHECKING:
    from ..ground.operation import Operation


@click.command("tools")
@options.selection
@options.as_json
def command(as_json: bool, **flags: Any) -> None:
    """The tools that a client sees with this selection; `--json` as tools/list answers it."""
    from ..offer import offers_for

    offer = offers_for(options.settings(**flags)).to()
    if as_json:
        options.print_json({"tools": list(offer.tools)})
        return
    if not len(offer):
        screen.say("This selection leaves no tool.")
        return
    screen.table(
        ("tool", "effect", "stakes", "what it does"),
        ((each.tool, screen.effect(each.effect), _stakes(each), each.summary) for each in offer),
    )
    screen.say(f"{len(offer)} tool{'s' * (len(offer) > 1)}")


def _stakes(operation: Operation) -> str:
    """In brackets what arguments can make of it; `describe` names them."""
    words = [] if operation.stakes == "none" else [operation.stakes]
    if operation.at_stake:
        words.append(f"({', '.join(sorted({*operation.at_stake.values()}))})")
    return " ".join(words)
