"""Flags that several commands share, and how commands print JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..ground.config import SURFACES, Settings, settings_from
from ..ground.secrets import Scrubbed, scrubber_for
from . import completion

if TYPE_CHECKING:
    from ..app import App

ID = click.IntRange(1, 2**63 - 1)
"""An id of Aircall's."""

Command = TypeVar("Command", bound=Callable[..., Any])

_SELECTION = (
    click.option(
        "--surface",
        type=click.Choice(SURFACES),
        help="All tools; those for whole tasks and search; or only search and what performs its"
        " results.",
    ),
    click.option(
        "--toolsets", metavar="A,B", help="Only these toolsets.", shell_complete=completion.toolsets
    ),
    click.option(
        "--tools",
        metavar="A,B",
        help="Only these tools, or these in addition.",
        shell_complete=completion.tools,
    ),
    click.option(
        "--exclude-tools",
        metavar="A,B",
        help="Without these tools.",
        shell_complete=completion.tools,
    ),
    click.option(
        "--read-only",
        is_flag=True,
        default=None,
        help="Only tools that read; wins over all others.",
    ),
    click.option(
        "--include-deprecated", is_flag=True, default=None, help="Also what Aircall has retired."
    ),
)

_UPSTREAM = (
    click.option(
        "--sandbox",
        is_flag=True,
        default=None,
        help="The built-in sandbox: no account, no phone rings.",
    ),
    click.option(
        "--account",
        metavar="NAME",
        help="Act for this account.",
        shell_complete=completion.accounts,
    ),
    click.option(
        "--ask",
        is_flag=True,
        default=None,
        help="Ask for a person's yes in the sandbox, too.",
    ),
    click.option(
        "--allow",
        metavar="A,B",
        help="Allowed without a person's yes: reach, delete, exposes, administers.",
        shell_complete=completion.allowances,
    ),
)

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


def _with(options: tuple[Callable[[Command], Command], ...]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def selection(command: Command) -> Command:
    """The flags that choose what is on offer."""
    return _with(_SELECTION)(command)


def upstream(command: Command) -> Command:
    """The flags that choose which Aircall, and what may be done to it."""
    return _with(_UPSTREAM)(command)


def settings(**flags: Any) -> Settings:
    return settings_from(flags)


def app(**flags: Any) -> App:
    """Everything under these flags. Open it with `async with`."""
    from ..app import open_app  # not for commands that need none of it: `stop` is in a hurry

    return open_app(settings_from(flags))


def print_json(value: Any) -> None:
    """One document of JSON, which every reader of JSON takes."""
    click.echo(json_text(value, indent=2))


def json_text(value: Any, indent: int | None = None) -> str:
    """`value` as people read it, or in ASCII where stdout has not all of its letters. What nobody
    sees is left out, and so are the secrets of the environment."""
    value = scrubber_for(os.environ).json(value)
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except (UnicodeError, LookupError):
        return json.dumps(value, indent=indent, allow_nan=False)
    return text


def scrubbed(text: str) -> Scrubbed:
    """`text` without the secrets of the environment: a person may have typed one of them."""
    return scrubber_for(os.environ).text(text)
