"""`aircall-mcp tools`."""

from __future__ import annotations

from typing import Any

import click

from . import options


@click.command("tools")
@options.selection
@options.as_json
def command(as_json: bool, **flags: Any) -> None:
    """What tools/list answers under this selection; `--json` is its wire form."""
    from ..offer import offers_for

    offer = offers_for(options.settings(**flags)).to()
    if as_json:
        options.print_json({"tools": list(offer.tools)})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for column in ("tool", "effect", "stakes", "what it does"):
        table.add_column(column, overflow="fold", no_wrap=column == "tool")
    colours = {"read": "green", "write": "yellow", "reach": "magenta", "delete": "red"}
    for operation in offer:
        effect = f"[{colours[operation.effect]}]{operation.effect}[/]"
        stakes = "" if operation.stakes == "none" else operation.stakes
        if operation.at_stake:  # `describe` names the arguments
            stakes = f"{stakes} ({', '.join(sorted({*operation.at_stake.values()}))})".strip()
        table.add_row(operation.tool, effect, stakes, operation.summary)
    console = Console()
    console.print(table)
    console.print(f"[dim]{len(offer)} tools[/]")
