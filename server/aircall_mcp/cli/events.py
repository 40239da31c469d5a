"""`aircall-mcp events`: the events that Aircall reported."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import click

from ..app import App, open_app
from ..ground.config import settings_from
from ..ground.times import iso
from ..ground.visible import clean
from . import completion, screen
from .options import ID, as_json, json_text, print_json
from .vault import passphrase

if TYPE_CHECKING:
    from ..events.event import Event
    from ..events.events import Events
    from ..events.query import Query


T = TypeVar("T")


@click.group("events", cls=screen.Commands)
def group() -> None:
    """Events that Aircall reported, by webhook or polling."""


command = group


def _filters(command: Any) -> Any:
    for option in (
        click.option("--contact", "contact_id", type=ID, metavar="ID", help="One contact."),
        click.option("--user", "user_id", type=ID, metavar="ID", help="One user."),
        click.option("--call", "call_id", type=ID, metavar="ID", help="One call."),
        click.option("--number", metavar="+33…", help="Anybody's phone number."),
        click.option(
            "--kinds",
            metavar="A,B",
            help="Such as call.ended,message.*",
            shell_complete=completion.kinds,
        ),
    ):
        command = option(command)
    return command


@group.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--after", type=click.IntRange(0), metavar="N", help="After event N, oldest first.")
@click.option("--before", type=click.IntRange(1), metavar="N", help="Before event N.")
@as_json
def listed(
    as_json: bool, limit: int, after: int | None, before: int | None, **filters: Any
) -> None:
    """The newest events, newest first."""
    query = _query(filters, limit=limit, after=after, before=before)

    def work(ours: Events) -> list[Event]:
        ours.log.check_kinds(query.kinds)
        return ours.log.read(query)

    found = with_events(work)
    if as_json:
        print_json({"events": [_plain(event) for event in found]})
        return
    for event in found:
        _show(event)
    if not found and any(filters.values()):
        screen.say("No event matches.")
    elif not found:
        screen.say("No events yet. next: aircall-mcp webhooks status")


@group.command()
@_filters
@as_json
def tail(as_json: bool, **filters: Any) -> None:
    """Each event as it comes in, until interrupted; with --json one document per line."""

    async def follow(app: App) -> None:
        log = app.events.log
        log.check_kinds(_query(filters, limit=1).kinds)
        after = log.latest()
        if sys.stdout.isatty():
            screen.say("Waiting for events. Control-C ends it.")
        while True:
            newest = await log.beyond(after)
            for event in log.read(_query(filters, limit=1000, after=after, before=newest + 1)):
                if as_json:
                    click.echo(json_text(_plain(event)))
                else:
                    _show(event)
            after = newest

    performed(follow)


@group.command()
@click.option("--number", required=True, metavar="+33…", help="The person's phone number.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def erase(number: str, yes: bool, as_json: bool) -> None:
    """Erase a person: all events about this number, its calls and its contacts."""
    if not yes:
        click.confirm(f"Erase everything about {number} for good?", abort=True, err=True)
    erased = with_events(lambda ours: ours.log.erase(number))
    if as_json:
        print_json({"erased": erased})
    else:
        gone = f"{erased} events were erased." if erased else f"There was nothing about {number}."
        screen.say(gone)


def performed(work: Callable[[App], Awaitable[T]], flags: Mapping[str, Any] | None = None) -> T:
    """What `work` gives with everything opened for a person, and closed again."""

    async def perform() -> T:
        async with open_app(settings_from(flags), ask=passphrase) as app:
            return await work(app)

    return anyio.run(perform)


def with_events(work: Callable[[Events], T]) -> T:
    """The same of work that waits for nothing but a disk."""

    async def perform(app: App) -> T:
        return work(app.events)

    return performed(perform)


def _query(
    filters: Mapping[str, Any], *, limit: int, after: int | None = None, before: int | None = None
) -> Query:
    from ..events.kinds import named
    from ..events.query import Query

    return Query(
        kinds=tuple(named(filters["kinds"])),
        number=filters["number"],
        call_id=filters["call_id"],
        user_id=filters["user_id"],
        contact_id=filters["contact_id"],
        after=after,
        before=before,
        limit=limit,
    )


def _plain(event: Event) -> dict[str, Any]:
    names = ("sequence", "webhook", "kind", "built", "received", "call_id", "data")
    raw = {"raw": event.raw} if event.raw else {}
    return {name: getattr(event, name) for name in names} | event.mark | raw


def _show(event: Event) -> None:
    screen.show(_line(event), rest=" " * 10)


def _line(event: Event) -> str:
    about = f"  call {event.call_id}" if event.call_id else ""
    words = event.data.get("body") or ""
    text = f"  {clean(json_text(words))}" if words else ""
    when = iso(event.built or event.received)
    untrusted = "" if event.trusted else "  not to be trusted"
    odd = "".join(f"  {word}: {why}" for word, why in event.mark.items() if word != "trusted")
    return f"{event.sequence:>8}  {when}  {event.kind}{about}{untrusted}{odd}{text}"
