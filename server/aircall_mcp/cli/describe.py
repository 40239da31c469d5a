"""`aircall-mcp describe`."""

from __future__ import annotations

import json

import click

from . import options


@click.command("describe")
@click.argument("operation", nargs=-1, required=True)
@options.as_json
def command(operation: tuple[str, ...], as_json: bool) -> None:
    """Everything about OPERATION: a tool name, an operationId or METHOD /path."""
    from ..offer import offers_for
    from ..offer.tools import description_of

    registry = offers_for(options.settings()).registry
    found = registry.find(" ".join(operation))
    about = description_of(found, registry.ids)
    if as_json:
        options.print_json(about)
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"[bold]{found.tool}[/]  [dim]{found.route.strip()}[/]\n{about['description']}\n")
    facts = Table(box=None, show_header=False)
    for key in (
        "effect",
        "stakes",
        "stakes_of_arguments",
        "repeatable",
        "needs_add_on",
        "needs_first",
        "not_to_confuse",
        "deprecated",
    ):
        if about.get(key):
            value = about[key]
            facts.add_row(f"[dim]{key}[/]", value if isinstance(value, str) else json.dumps(value))
    console.print(facts)
    arguments = Table(title="\nArguments", title_justify="left", box=None, header_style="bold")
    for column in ("name", "type", "needed", "meaning"):
        arguments.add_column(column, overflow="fold")
    for parameter in found.parameters:
        schema = parameter.schema
        kind = schema["type"]
        if "enum" in schema:
            kind = " | ".join(json.dumps(option) for option in schema["enum"])
        needed = "yes" if parameter.required else ""
        arguments.add_row(parameter.name, kind, needed, schema.get("description", ""))
    console.print(arguments)
    example = json.dumps(about["example"], ensure_ascii=False)
    console.print("\n[dim]Example[/] ", end="")
    console.print(f"aircall-mcp run {found.id} --sandbox --args '{example}'", markup=False)
