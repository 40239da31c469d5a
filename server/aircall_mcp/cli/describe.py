"""`aircall-mcp describe`."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any, cast

import click

from . import completion, options, screen

if TYPE_CHECKING:
    from ..ground.parameter import Parameter

FACTS = (
    "effect",
    "stakes",
    "stakes_of_arguments",
    "repeatable",
    "needs_add_on",
    "needs_first",
    "not_to_confuse",
    "deprecated",
)
LABEL = 21
"""Columns of a fact's name, and of what follows on the next line."""


@click.command("describe")
@click.argument("operation", nargs=-1, required=True, shell_complete=completion.operations)
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
    screen.show(f"{click.style(found.tool, bold=True)}  {found.route.strip()}".rstrip())
    screen.show(f"{about['description']}\n")
    for name in FACTS:
        if about.get(name):
            value = screen.effect(found.effect) if name == "effect" else _in_words(about[name])
            screen.show(value, first=f"{name:<{LABEL}}", rest=" " * LABEL)
    if found.parameters:
        screen.show("\nArguments")
        screen.table(
            ("name", "type", "needed", "meaning"), [_argument(each) for each in found.parameters]
        )
    screen.show("\nExample")
    screen.out(f"  {_command(found.id, about['example'])}")


def _in_words(value: Any) -> str:
    """A fact as text: names in a row, and what belongs to a name behind it."""
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return "\n".join(f"{name}: {_in_words(each)}" for name, each in pairs)
    if isinstance(value, list):
        return ", ".join(map(_in_words, cast("list[Any]", value)))
    return str(value)


def _argument(parameter: Parameter) -> tuple[str, str, str, str]:
    schema = parameter.schema
    kind = str(schema.get("type", "anything"))
    if "enum" in schema:
        kind = " | ".join(
            option if isinstance(option, str) else json.dumps(option) for option in schema["enum"]
        )
    needed = "yes" if parameter.required else ""
    return parameter.name, kind, needed, schema.get("description", "")


def _command(operation: str, example: Any) -> str:
    """What a shell takes: quotes in the example are not the end of it."""
    words = ["aircall-mcp", "run", operation, "--sandbox"]
    if example:
        words += ["--args", json.dumps(example, ensure_ascii=False)]
    return shlex.join(words)
