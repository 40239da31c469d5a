"""`aircall-mcp resume`: the emergency brake released."""

from __future__ import annotations

import os

import click

from ..errors import ArgumentError
from ..ground.home import home_in
from ..ground.times import iso
from . import options, screen


@click.command("resume")
@options.as_json
def command(as_json: bool) -> None:
    """Release the emergency brake: effects begin again, and events that waited are forwarded.

    What was refused meanwhile is not done later: whoever wants it asks again. It needs a terminal,
    so that a model with a shell cannot release it.
    """
    from ..safety import Brake

    brake = Brake(home_in(os.environ))
    if brake.holds() and not screen.attended():
        raise ArgumentError(
            "There is no terminal, so the emergency brake stays pulled.",
            hint="Run it in a terminal yourself.",
        )
    stood = brake.release()
    if as_json:
        since = None if stood is None or stood.since is None else iso(stood.since)
        options.print_json({"resumed": stood is not None, "was_stopped_since": since})
    elif stood is None:
        screen.say("The emergency brake was not pulled; nothing was changed.")
    else:
        since = f" (pulled {iso(stood.since)})" if stood.since is not None else ""
        screen.say(
            f"Resumed: the emergency brake{since} is released in every process of"
            f" {brake.path.parent}. Events that waited are forwarded."
        )
