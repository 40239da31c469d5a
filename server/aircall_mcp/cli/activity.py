"""`aircall-mcp activity`: what was done, in people's words."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from ..errors import ArgumentError, quoted
from ..ground.clock import Clock
from ..ground.home import home_in
from ..ground.times import iso
from . import options, screen

if TYPE_CHECKING:
    from ..gateway.journal import Intent
    from ..ground.operation import Operation

_AGO = re.compile(r"([0-9]{1,6}(?:\.[0-9]+)?)\s*([mhd])")
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86_400.0}

NOT_RECORDED = "Reads are not recorded, nor is what the built-in sandbox does (`--sandbox`)."


@click.command("activity")
@click.option("--since", metavar="WHEN", help="Since: 30m, 2h, 7d, or an ISO time. Default: today.")
@options.as_json
def command(since: str | None, as_json: bool) -> None:
    """What was done at Aircall: when, by which client, what, to whom, and how it ended.

    The journal keeps thirty days: no texts, and of numbers and ids only the ends.
    """
    import anyio

    start = start_of(since, time.time())
    found = anyio.run(begun_since, start)
    if as_json:
        options.print_json({"since": iso(start), "effects": told(found)})
    elif not found:
        screen.say(f"Nothing was done since {here(start)}. {NOT_RECORDED}")
    else:
        show(found)


async def begun_since(wall: float) -> Sequence[Intent]:
    """The effects that began at or after `wall` (UNIX seconds) in this home, newest first."""
    from ..app import open_journal

    with open_journal(home_in(os.environ), Clock()) as journal:
        return [] if journal is None else await journal.since(wall)


def start_of(since: str | None, now: float, zone: tzinfo | None = None) -> float:
    """The moment that `since` means, in UNIX seconds: the midnight before `now` where it is None.

    A time without an offset is of `zone`, the system's own unless told. Raises `ArgumentError`.
    """
    today = datetime.fromtimestamp(now, zone)
    if since is None:
        return today.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    if ago := _AGO.fullmatch(since.strip()):
        return now - float(ago[1]) * _SECONDS[ago[2]]
    try:
        moment = datetime.fromisoformat(since.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ArgumentError(
            f"--since: `{quoted(since)}` is not a time.",
            hint="Write 30m, 2h, 7d, or a time like 2026-11-28T09:00.",
        ) from None


def told(intents: Sequence[Intent]) -> list[dict[str, Any]]:
    """Each effect as JSON, in the order given."""
    operations = _operations()
    return [
        {
            "at": iso(one.wall),
            "interface": one.asking.interface,
            "client": one.asking.client,
            "account": one.asking.account,
            "operation": one.operation,
            "what": _title(one, operations),
            "to": one.asking.destination,
            "outcome": one.outcome,
            "status": one.status or None,
            "in_words": in_words(one),
        }
        for one in intents
    ]


def show(intents: Sequence[Intent], zone: tzinfo | None = None) -> None:
    """A table of them; a column that says nothing is left out."""
    operations = _operations()
    accounts = {one.asking.account for one in intents}
    head = ["when", "asked by", "what", "to", "outcome"]
    rows = [
        [here(one.wall, zone), _asker(one), _title(one, operations), one.asking.destination,
         in_words(one)]
        for one in intents
    ]  # fmt: skip
    if len(accounts) > 1:
        head.insert(2, "account")
        for row, one in zip(rows, intents, strict=True):
            row.insert(2, one.asking.account)
    screen.table(head, rows)


def here(wall: float, zone: tzinfo | None = None) -> str:
    """A moment as the clock of this machine shows it."""
    return datetime.fromtimestamp(wall, zone).strftime("%Y-%m-%d %H:%M:%S")


def in_words(one: Intent) -> str:
    """What became of it."""
    status = f" ({one.status})" if one.status else ""
    match one.outcome:
        case "pending" | "sent":
            return "under way"
        case "done":
            return f"done{status}"
        case "over":
            return f"done{status}, and over since" if one.status else "over"
        case "failed":
            return f"refused{status}, not done" if status else "not done"
        case "not_sent":
            return "not sent"
        case "unknown":
            return "not known whether it was done"


def _asker(one: Intent) -> str:
    """The way it came in by, and what the client calls itself."""
    way = _WAYS.get(one.asking.interface, one.asking.interface)
    return f"{one.asking.client} ({way})" if one.asking.client else way


_WAYS = {"cli": "a command", "mcp": "MCP", "webhooks": "this server itself", "": "not recorded"}


def _operations() -> Mapping[str, Operation]:
    from .. import spec
    from ..offer import Registry

    return Registry.of(spec.load()).ids


def _title(one: Intent, operations: Mapping[str, Operation]) -> str:
    known = operations.get(one.operation)
    return known.title if known else one.operation
