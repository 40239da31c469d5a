"""`aircall-mcp stop`: the emergency brake."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AircallMCPError, StoreError
from ..ground.clock import Clock
from ..ground.home import home_in
from ..ground.times import iso
from ..safety import RESUME
from . import activity, options, screen

if TYPE_CHECKING:
    from ..gateway.journal import Intent, Journal
    from ..safety import Pulled

PATIENCE = 35.0
"""Seconds that effects under way are waited for: they take at most thirty, unless `call_timeout`
says more."""
LOOK = 0.2
"""Seconds between two looks at what is under way."""
HOUR = 3600.0


@click.command("stop")
@click.option("--reason", metavar="WORDS", default="", help="The reason, for whoever finds it on.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=PATIENCE,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for requests under way.",
)
@options.as_json
def command(reason: str, wait: float, as_json: bool) -> None:
    """Turn on the emergency brake: until `resume` no effect begins in any process of this home.

    Reading continues. Events are not forwarded meanwhile; they wait, and none is lost. The command
    waits for requests under way, and shows what was done in the last hour.
    """
    import anyio

    from ..safety import Brake

    # Before anything else is read or opened: a broken setting must not keep it from being pulled.
    brake = Brake(home_in(os.environ))
    already = brake.holds()
    try:
        pulled = brake.pull(by=_who(), reason=reason)
    except StoreError as error:
        raise StoreError(
            f"Nothing was stopped: {error.message}",
            hint=f"End the servers themselves, then try again. {error.hint}".rstrip(),
        ) from None
    screen.say(_pulled(pulled, brake.path.parent, already=already))
    trouble: AircallMCPError | None = None
    out: Sequence[Intent] = []
    done: Sequence[Intent] = []
    try:
        out, done = anyio.run(_looked, wait)
    except AircallMCPError as error:
        trouble = error  # it is pulled all the same
    if as_json:
        options.print_json(_json(brake.path.parent, pulled, already, out, done, trouble))
    else:
        _show(out, done, trouble)


def standing(*, say: bool) -> dict[str, Any]:
    """What a status says of the brake in JSON, nothing while it is released; said first where a
    person reads."""
    from ..safety import Brake

    pulled = Brake(home_in(os.environ)).pulled()
    if pulled is None:
        return {}
    if say:
        screen.error(f"{pulled}: only reads are done.", f"`{RESUME}` releases it.")
    return {"stopped": _fields(pulled)}


async def _looked(wait: float) -> tuple[Sequence[Intent], Sequence[Intent]]:
    """What is still out after at most `wait` seconds, and what began in the last hour."""
    from ..app import open_journal

    clock = Clock()
    await _called_off(home_in(os.environ), clock)
    with open_journal(home_in(os.environ), clock) as journal:
        if journal is None:
            return [], []
        return await settled(journal, wait, clock)


async def _called_off(home: Path, clock: Clock) -> None:
    """What waits for a person's yes, and every yes that is not used yet, is over."""
    from ..safety.safety import Safety

    with closing(Safety.of(home, clock=clock)) as safety:
        called_off = 0
        if safety.waits_in(home):
            called_off = await safety.call_off("the emergency brake")
        if called_off:
            screen.say(f"Cancelled pending approvals and unused yeses: {called_off}.")


async def settled(
    journal: Journal, wait: float, clock: Clock
) -> tuple[Sequence[Intent], Sequence[Intent]]:
    """Wait at most `wait` seconds until nothing is under way: what still is, and all that began in
    the last hour, newest first."""
    until = clock.monotonic() + wait
    while True:
        found = await journal.since(clock.wall() - HOUR)
        out = [one for one in found if one.under_way]
        if not out or clock.monotonic() >= until:
            return out, found
        await clock.sleep(LOOK)


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may know its user by number alone
        return ""


def _pulled(pulled: Pulled, home: Path, *, already: bool) -> str:
    was = " It was already pulled." if already else ""
    return (
        f"Stopped: {pulled}.{was} No effect begins in any process of {home}, nor in one that starts"
        " later. Reading continues; forwarding waits."
    )


def _show(out: Sequence[Intent], done: Sequence[Intent], trouble: AircallMCPError | None) -> None:
    if trouble is not None:
        screen.error(f"What is under way could not be checked: {trouble.message}", trouble.hint)
    elif out:
        screen.say(
            f"Still under way, and not waited for any longer: {len(out)}. They are listed first."
        )
        activity.show(out)
    else:
        screen.say("Nothing is under way any more.")
    if done:
        screen.say("In the last hour:")
        activity.show(done)
    elif trouble is None:
        screen.say(f"In the last hour nothing was done. {activity.NOT_RECORDED}")
    screen.next_step(f"`{RESUME}` lets effects through again.")


def _fields(pulled: Pulled) -> dict[str, Any]:
    since = None if pulled.since is None else iso(pulled.since)
    more = {"trouble": pulled.trouble} if pulled.trouble else {}
    return {"since": since, "by": pulled.by, "reason": pulled.reason, **more}


def _json(
    home: Path,
    pulled: Pulled,
    already: bool,
    out: Sequence[Intent],
    done: Sequence[Intent],
    trouble: AircallMCPError | None,
) -> dict[str, Any]:
    return {
        "stopped": True,
        "home": str(home),
        **_fields(pulled),
        "already": already,
        "still_out": activity.told(out),
        "last_hour": activity.told(done),
        **({"trouble": {"message": trouble.message, "hint": trouble.hint}} if trouble else {}),
    }
