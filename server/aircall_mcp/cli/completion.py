"""`aircall-mcp completion`: what a shell completes with the tabulator key, and with what."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from ..errors import AircallMCPError

SHELLS = ("bash", "zsh", "fish")
WHERE = {
    "bash": "~/.bashrc",
    "zsh": "~/.zshrc, below `autoload -Uz compinit && compinit`",
    "fish": "~/.config/fish/config.fish",
}
LINE = {
    "bash": 'eval "$(aircall-mcp completion bash)"',
    "zsh": 'eval "$(aircall-mcp completion zsh)"',
    "fish": "aircall-mcp completion fish | source",
}

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


@click.command("completion")
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS), required=False)
def command(shell: str | None) -> None:
    """Print what makes SHELL (bash, zsh or fish) complete commands, operations and names.

    Put one line into the file your shell reads when it starts, for bash into ~/.bashrc:

      eval "$(aircall-mcp completion bash)"
    """
    from . import group, screen

    if shell is None:
        own = Path(os.environ.get("SHELL", "")).name
        if own not in SHELLS:
            raise click.UsageError(f"Name one of these shells: {', '.join(SHELLS)}.")
        shell = own
    found = get_completion_class(shell)
    if found is None:
        raise RuntimeError(f"click completes no {shell}")
    screen.out(found(group, {}, "aircall-mcp", "_AIRCALL_MCP_COMPLETE").source())
    if sys.stdout.isatty():
        screen.say(f"\nFor every shell that you start, put this into {WHERE[shell]}:")
        screen.out(f"\n  {LINE[shell]}\n", err=True)


def _completing(
    known: Callable[[], Iterable[tuple[str, str]]], *, listed: bool = False
) -> Complete:
    """Completes with what `known` gives, each with a word about it; `listed` takes commas."""

    def complete(
        _context: click.Context, _parameter: click.Parameter, typed: str
    ) -> list[CompletionItem]:
        before, comma, word = typed.rpartition(",") if listed else ("", "", typed)
        try:
            return [
                CompletionItem(f"{before}{comma}{name}", help=about)
                for name, about in known()
                if name.startswith(word)
            ]
        except AircallMCPError:
            return []  # whoever presses a key asked for no lecture

    return complete


def _operations() -> Iterable[tuple[str, str]]:
    from ..offer import Registry
    from ..spec import load

    for operation in Registry.of(load()).known:
        yield operation.id, operation.summary
        yield operation.tool, operation.summary


def _toolsets() -> Iterable[tuple[str, str]]:
    from ..offer import Registry
    from ..spec import load

    return ((one.name, one.description) for one in Registry.of(load()).toolsets)


def _kinds() -> Iterable[tuple[str, str]]:
    from ..events.kinds import GROUPS, KINDS

    return ((kind, "") for kind in (*GROUPS, *KINDS))


def _accounts() -> Iterable[tuple[str, str]]:
    from ..app import names_of
    from ..ground.config import settings_from

    return ((name, "") for name in names_of(settings_from()))


def _stakes() -> Iterable[tuple[str, str]]:
    return ((word, "") for word in ("reach", "delete", "exposes", "administers"))


operations = _completing(_operations)
toolsets = _completing(_toolsets, listed=True)
tools = _completing(_operations, listed=True)
kinds = _completing(_kinds, listed=True)
accounts = _completing(_accounts)
allowances = _completing(_stakes, listed=True)
