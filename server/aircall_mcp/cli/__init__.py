"""The command line: what a person types, turned into calls of the app.

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
from ..ground.secrets import Scrubbed, scrubber_for
from . import screen

COMMANDS = {
    "setup": "Guided set-up: account, permissions, client.",
    "serve": "Serve MCP over stdio or HTTP.",
    "demo": "A demo in the sandbox, step by step.",
    "tools": "The tools that a client sees.",
    "search": "Find the operation for a need in plain words.",
    "describe": "Everything about one operation.",
    "run": "Perform one operation, as a model would.",
    "stubs": "Typed stubs of all operations and tools.",
    "accounts": "Aircall accounts: add, login, list, test, remove, default.",
    "vault": "Where credentials are kept: init, status, rotate, check.",
    "sandbox": "The sandbox on a port of its own.",
    "events": "Events that Aircall reported.",
    "webhooks": "Our webhooks at Aircall, and the receiver of its events.",
    "forward": "Where events are forwarded.",
    "approve": "Pending approvals: say yes or no.",
    "lease": "Yeses in advance: a number of calls or texts, for some time.",
    "policy": "What a model may do, has to ask for, and may not do.",
    "suppress": "Numbers that nobody calls or texts from here.",
    "openapi": "The API description itself.",
    "config": "The config of an MCP client for this server.",
    "completion": "Completion of commands and names in your shell.",
    "activity": "What was done: when, by whom, to whom, and how it ended.",
    "stop": "The emergency brake: every process only reads, from now on.",
    "resume": "Release the emergency brake.",
    "doctor": "Check everything and say what to do.",
}


class Lazy(screen.Commands):
    """A group that knows its commands' names and one-liners before it imports any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        return import_module(f".{cmd_name}", __name__).command

    def lines(self, ctx: click.Context) -> list[tuple[str, str]]:
        del ctx
        return list(COMMANDS.items())


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aircall-mcp")
def group() -> None:
    """The Aircall phone system in the hands of an AI model, safely.

    Start with `aircall-mcp demo`: no account, no key, no phone rings. Then `aircall-mcp setup`.
    """
    from ..ground.config import unknown_variables

    for name, hint in unknown_variables(os.environ):
        screen.say(f"careful: {name} is not a known variable. {hint}".rstrip())


def main(begun: object = None) -> None:
    """The `aircall-mcp` command: our errors become one line and a next step, never a traceback.

    `begun` is for `serve`: the opening of a session that is being answered.
    """
    _speak()
    try:
        # Commands give back nothing; click gives back the code of an `Exit` that they raised.
        sys.exit(group(prog_name="aircall-mcp", standalone_mode=False, obj=begun))
    except click.exceptions.NoArgsIsHelpError as asked:
        screen.out(asked.format_message(), err=True)
        sys.exit(asked.exit_code)
    except click.UsageError as wrong:
        if wrong.ctx is not None:
            screen.say(_scrubbed(wrong.ctx.get_usage()))
            screen.say(f"Try `{wrong.ctx.command_path} --help`.\n")
        _complain(*screen.plainly(wrong))
        sys.exit(wrong.exit_code)
    except click.ClickException as error:
        _complain(error.format_message(), "")
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        screen.say("\nStopped.")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe had enough; Python's own complaint at exit would be noise.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        cause = _innermost(error)
        if isinstance(cause, AircallMCPError):
            _complain(cause.message, cause.hint)
            sys.exit(2 if isinstance(cause, SettingsError | SpecError | NotOffered) else 1)
        bug = click.style("bug: ", fg="red", bold=True)
        screen.say(f"{bug}{type(cause).__name__}. {_record(error)}")
        sys.exit(1)


def _speak() -> None:
    """What a stream cannot say is written as an escape, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _complain(message: str, hint: str) -> None:
    """Without the secrets of the environment: a person may have typed one of them."""
    screen.error(_scrubbed(message), _scrubbed(hint))


def _scrubbed(text: str) -> Scrubbed:
    return scrubber_for(os.environ).text(text)


def _record(error: Exception) -> str:
    """Into the log file, which only a command that serves has opened; where that is, in words."""
    from ..ground.config import log_in
    from ..ground.home import home_in
    from ..ground.logs import write_to

    file = log_in(home_in(os.environ))
    failed = "" if logging.getLogger().handlers else write_to(file, "info", _scrubbed)
    logging.getLogger(__name__).critical("a bug", exc_info=error)
    return f"No log is kept ({failed})." if failed else f"What happened is in {file}."


def _innermost(error: BaseException) -> BaseException:
    """The first cause inside groups, which say nothing by themselves."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error
