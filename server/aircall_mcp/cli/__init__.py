"""Words a person types, turned into calls on the house.

Every command has `--help`, exits 0 on success, 1 when the thing asked for failed and 2 for wrong
usage or settings. `--json` prints one JSON document on stdout and nothing else there. Commands are
imported when they are used, so that `serve` starts as fast as it can.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from importlib import import_module
from typing import cast

import click

from .. import __version__
from ..errors import AircallMCPError, NotOffered, SettingsError, SpecError
from ..ground.secrets import scrubber_for

COMMANDS = {
    "serve": "Serve MCP over stdio or HTTP.",
    "demo": "A journey against the sandbox, told step by step.",
    "tools": "What tools/list answers.",
    "search": "Find the operation for a need in plain words.",
    "describe": "Everything about one operation.",
    "run": "Perform one operation, as a model would.",
    "accounts": "Aircall accounts: add, login, list, test, remove, default.",
    "vault": "Where the credentials lie: init, status, rotate, check.",
    "sandbox": "The small Aircall on a real port.",
    "events": "What Aircall told us.",
    "webhooks": "Our subscription at Aircall, and the receiver of its events.",
    "forward": "Where events are passed on.",
    "openapi": "The API description itself.",
    "config": "The config of an MCP client for this server.",
    "doctor": "Look at everything and say what to do.",
}


class Lazy(click.Group):
    """A group that knows its commands' names and one-liners before it imports any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        return import_module(f".{cmd_name}", __name__).command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aircall-mcp")
def group() -> None:
    """The Aircall phone system in the hands of an AI model, safely.

    Start with `aircall-mcp demo`: no account, no key, no phone rings.
    """


def main() -> None:
    """The `aircall-mcp` command: our errors become one line and a next step, never a traceback."""
    try:
        # Commands give back nothing; click gives back the code of an `Exit` that they raised.
        sys.exit(group(standalone_mode=False))
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        _complain(shown.getvalue().rstrip())
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe had enough; Python's own complaint at exit would be noise.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        cause = _innermost(error)
        if isinstance(cause, AircallMCPError):
            _complain(click.style("error: ", fg="red", bold=True) + cause.message)
            if cause.hint:
                _complain(click.style("  next: ", fg="cyan") + cause.hint)
            sys.exit(2 if isinstance(cause, SettingsError | SpecError | NotOffered) else 1)
        _record(error)
        _complain(
            click.style("bug: ", fg="red", bold=True)
            + f"{type(cause).__name__}. `aircall-mcp doctor` looks at the installation"
            " and names the log file."
        )
        sys.exit(1)


def _complain(text: str) -> None:
    """On stderr, without the secrets of the environment: a person may have typed one of them."""
    click.echo(scrubber_for(os.environ).text(text), err=True)


def _record(error: Exception) -> None:
    """Into the log file, which a command that does not serve has not opened yet."""
    root = logging.getLogger()
    if not root.handlers:
        from ..ground.config import settings_from
        from ..ground.logs import write_to

        try:
            write_to(settings_from().log_file, "info", scrubber_for(os.environ).text)
        except SettingsError:
            root.addHandler(logging.NullHandler())
    logging.getLogger(__name__).critical("a bug", exc_info=error)


def _innermost(error: BaseException) -> BaseException:
    """The first cause inside groups, which say nothing by themselves."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error
