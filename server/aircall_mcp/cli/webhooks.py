"""`aircall-mcp webhooks`: our subscription at Aircall, and the receiver on a port of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import click

from ..config import settings_from
from ..errors import SettingsError
from .events import house_of_a_person, mailroom_of_a_person
from .options import as_json, print_json
from .vault import create_if_missing, vault_of

if TYPE_CHECKING:
    from ..mailroom import Mailroom
    from ..subscriptions import Subscription, Subscriptions

T = TypeVar("T")


@click.group("webhooks")
def group() -> None:
    """Have Aircall tell us what happens."""


command = group


@group.command()
@click.option("--public-url", metavar="URL", help="https URL under which Aircall reaches us.")
@click.option("--kinds", metavar="A,B", help="Only these events; all of them unless told.")
@click.option("--number", "number_id", type=int, metavar="ID",
              help="Instead: the texts of this number, which is in proxy mode.")  # fmt: skip
@click.option("--account", metavar="NAME", help="For this account.")
@as_json
def register(
    public_url: str | None, kinds: str | None, number_id: int | None, account: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Create the webhook at Aircall, keep its token, and verify it."""
    settings = settings_from({"public_url": public_url, "account": account})
    url = settings.public_url
    if not url:
        raise SettingsError(
            "Where Aircall reaches us is not known.",
            hint="Give --public-url https://…; docs/events.md shows how to have one.",
        )
    create_if_missing(
        vault_of(settings, os.environ), None, os.environ, lambda said: click.echo(said, err=True)
    )
    if number_id is not None:
        door = _with(account, lambda ours: ours.register_line(url, number_id))
        found = {"webhook": door.webhook, "url": door.url, "state": "active"}
    else:
        wanted = [kind for kind in (kinds or "").split(",") if kind]
        found = _told(_with(account, lambda ours: ours.register(url, wanted)))
    if as_json:
        print_json(found)
        return
    click.echo(f"{found['webhook']} is {found['state']}: {found['url']}", err=True)
    click.echo("next: aircall-mcp webhooks serve", err=True)


@group.command()
@click.option("--account", metavar="NAME", help="Of this account; of all, unless told.")
@as_json
def status(account: str | None, as_json: bool) -> None:
    """Compare what Aircall says with what we have; bring back what Aircall disabled."""

    async def look(ours: Subscriptions) -> tuple[list[Subscription], list[Subscription]]:
        return await ours.mend(), await ours.status()

    mended, found = _with(account, look)
    hearing = mailroom_of_a_person().events.hearing()
    names = {one.door.webhook for one in mended}
    if as_json:
        print_json(
            {
                "webhooks": [
                    {**_told(one), "brought_back": one.door.webhook in names} for one in found
                ],
                "listening_since": hearing.since,
                "last_heard_from": hearing.alive,
                "gaps": hearing.gaps,
            }
        )
    else:
        for one in found:
            back = " (was disabled, brought back)" if one.door.webhook in names else ""
            fault = f": {one.fault}" if one.fault else ""
            click.echo(f"{one.door.webhook}  {one.state}{back}{fault}  {one.door.url}")
        if not found:
            click.echo("No webhook of ours. next: aircall-mcp webhooks register", err=True)
    if any(one.state != "active" for one in found):
        raise click.exceptions.Exit(1)


@group.command()
@click.argument("webhook", required=False)
@click.option("--account", metavar="NAME", help="Of this account; of all, unless told.")
@as_json
def remove(webhook: str | None, account: str | None, as_json: bool) -> None:
    """Delete WEBHOOK, or all of ours, at Aircall and here. What was heard is kept."""
    gone = _with(account, lambda ours: ours.remove(webhook))
    if as_json:
        print_json({"removed": gone})
    else:
        click.echo(f"Removed: {', '.join(gone) or 'nothing'}.", err=True)


@group.command()
@click.option("--host", "webhooks_host", help="127.0.0.1 unless told.")
@click.option("--port", "webhooks_port", type=click.IntRange(1, 65535), help="8790 unless told.")
def serve(**flags: Any) -> None:
    """Receive events, pass them on, and look after our webhooks, until interrupted."""
    from ..app import log_to_file, open_house

    settings = settings_from(flags)
    house = open_house(settings)
    if failed := log_to_file(house):
        click.echo(f"aircall-mcp: no log is kept ({failed})", err=True)
    host, port = settings.webhooks_host, settings.webhooks_port or 8790
    click.echo(f"aircall-mcp: events at http://{host}:{port}/webhooks/aircall/", err=True)

    async def run() -> None:
        async with house:
            await _serve_until_told(house.mailroom, host, port)

    anyio.run(run)


async def _serve_until_told(mailroom: Mailroom, host: str, port: int) -> None:
    """What was taken in is still committed when the end is asked for."""
    if sys.platform == "win32":
        await mailroom.serve(host, port)
        return
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(mailroom.serve, host, port)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                tasks.cancel_scope.cancel()


def _with(account: str | None, work: Callable[[Subscriptions], Awaitable[T]]) -> T:
    house = house_of_a_person({"account": account})

    async def perform() -> T:
        async with house:
            return await work(house.mailroom.subscriptions(house.mailroom.account))

    return anyio.run(perform)


def _told(one: Subscription) -> dict[str, Any]:
    return {
        "webhook": one.door.webhook,
        "aircall_id": one.door.aircall_id,
        "url": one.door.url,
        "state": one.state,
        "kinds": list(one.kinds),
        **({"fault": one.fault} if one.fault else {}),
    }
