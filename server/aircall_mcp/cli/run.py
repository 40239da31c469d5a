"""`aircall-mcp run`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import click

from . import completion, options, screen

if TYPE_CHECKING:
    from ..desk import Desk, Outcome


@click.command("run")
@click.argument("operation", shell_complete=completion.operations)
@click.option(
    "--arg", "pairs", multiple=True, metavar="K=V", help="One argument; V is JSON or text."
)
@click.option("--args", "given", metavar="JSON", help="All arguments as one JSON object.")
@options.upstream
@options.as_json
def command(
    operation: str, pairs: tuple[str, ...], given: str | None, as_json: bool, **flags: Any
) -> None:
    """Perform OPERATION as the model would: same validation, policy, budget and answer."""
    import anyio

    app = options.app(include_deprecated=True, **flags)
    name = app.desk.registry.find(operation).tool
    arguments = arguments_of(pairs, given)

    async def perform() -> Outcome:
        async with app:
            return await answered(app.desk, name, arguments, _confirm)

    result = anyio.run(perform)
    if as_json or not sys.stdout.isatty():
        options.print_json(result.payload)
    elif result.is_error:
        _tell(result.payload["error"])
    else:
        show(result.payload)
    if result.is_error:
        raise click.exceptions.Exit(1)


def show(payload: dict[str, Any]) -> None:
    """An answer on a terminal: JSON, and figures of calls as bars."""
    from rich.console import Console

    from .bars import bars_of

    console, data = Console(), payload.get("data")
    bars = bars_of(cast("dict[str, Any]", data), console.width) if isinstance(data, dict) else None
    if bars is None:
        console.print_json(data=payload)
        return
    console.print(bars)
    for said in (payload["data"].get("covers"), payload["page"].get("why")):
        if said:
            console.print(said, style="dim", markup=False)


async def answered(
    desk: Desk, name: str, arguments: dict[str, Any], confirm: Callable[[str], bool | None]
) -> Outcome:
    """Call `name`; what a person must say yes to is put to `confirm`, and done if that says yes.
    None is nobody's answer, and it goes on waiting for one."""
    from ..desk import Failure, Question
    from ..errors import Declined
    from ..ground.caller import Caller
    from ..offer.tools import error_of

    outcome = await desk.call(name, arguments, Caller(interface="cli"))
    if not isinstance(outcome, Question) or (yes := confirm(outcome.preview)) is None:
        return outcome
    # Nobody need wait to be asked again who calls themselves.
    await desk.answer(outcome.approval, yes=yes, grade=2, way="terminal", heard=0)
    if not yes:
        return Failure(error_of(Declined()))
    return await desk.call(name, arguments, Caller(interface="cli"))


def _tell(error: dict[str, Any]) -> None:
    """The same for a person: what happened, and the next step."""
    screen.error(error["message"], error.get("hint", ""))
    if "retry_after_seconds" in error:
        screen.next_step(f"Try again in {error['retry_after_seconds']:g} seconds.")


def _confirm(preview: str) -> bool | None:
    """Ask on the terminal; where there is none, nobody is asked and nothing is done."""
    if not screen.attended():
        return None
    screen.preview(preview)
    return screen.confirmed("Do it?")


def arguments_of(pairs: tuple[str, ...], given: str | None) -> dict[str, Any]:
    arguments: Any = {}
    if given is not None:
        try:
            arguments = json.loads(given)
        except ValueError:
            raise click.UsageError("--args must be one JSON object.") from None
        if not isinstance(arguments, dict):
            raise click.UsageError("--args must be one JSON object.")
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--arg {pair!r} must be K=V.")
        try:
            arguments[key] = json.loads(text)
        except ValueError:
            arguments[key] = text
    return cast("dict[str, Any]", arguments)
