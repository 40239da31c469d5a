"""`aircall-mcp webhooks`: our webhooks at Aircall, and the receiver on a port of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import click

from ..errors import AircallMCPError, SettingsError
from ..ground.config import settings_from
from ..ground.times import iso
from . import completion, screen
from .events import performed, with_events
from .options import ID, as_json, print_json
from .stop import standing
from .vault import create_if_missing, vault_of

if TYPE_CHECKING:
    from ..app import App
    from ..events.events import Events
    from ..events.polled import Polling
    from ..events.registrations import Subscription
    from ..events.subscriptions import Subscriptions
    from ..events.webhooks import Untrusted, Webhook

    Status = tuple[list[Subscription], AircallMCPError | None, list[Subscription], list[Untrusted]]

T = TypeVar("T")


@click.group("webhooks", cls=screen.Commands)
def group() -> None:
    """Receive events from Aircall by webhook."""


command = group


@group.command()
@click.option("--public-url", metavar="URL", help="https URL under which Aircall reaches us.")
@click.option(
    "--kinds",
    metavar="A,B",
    help="Only these events. Default: all.",
    shell_complete=completion.kinds,
)
@click.option("--number", "number_id", type=ID, metavar="ID",
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
            "The public URL of this receiver is not known.",
            hint="Give --public-url https://…; docs/events.md shows how to get one.",
        )
    from ..events.kinds import named, spelled_out

    wanted = spelled_out(named(kinds))
    if kinds is not None and not wanted:
        raise click.UsageError("--kinds is empty; leave it out for all kinds.")
    create_if_missing(vault_of(settings), None, os.environ, screen.say)
    found: dict[str, Any]
    beside: Sequence[Webhook] = ()
    if number_id is not None:
        webhook = _with(account, lambda ours: ours.register_number(url, number_id))
        found = {"webhook": webhook.name, "url": webhook.url, "state": "active"}
    else:
        made = _with(account, lambda ours: ours.register(url, wanted))
        beside = made.beside
        found = _told(made) | {
            "replaces": list(made.replaces), "also_active": [_beside(one) for one in beside]
        }  # fmt: skip
    if as_json:
        print_json(found)
        return
    fault = f" ({found['fault']})" if "fault" in found else ""
    screen.say(f"{found['webhook']} is {found['state']}{fault}: {found['url']}")
    if found.get("replaces"):
        screen.say(f"It replaces {', '.join(found['replaces'])}.")
    for one in beside:
        _offer_to_remove(one)
    screen.say("next: aircall-mcp webhooks serve")


def _beside(webhook: Webhook) -> dict[str, Any]:
    from ..events.kinds import spelled_out

    kinds = list(webhook.kinds) or spelled_out(["*"])
    return {"webhook": webhook.name, "url": webhook.url, "kinds": kinds}


def _offer_to_remove(webhook: Webhook) -> None:
    """Say that it tells us, too, and end it if a person at a terminal says so."""
    kinds = ", ".join(webhook.kinds) or "all there is"
    screen.say(f"{webhook.name} is active, too: {kinds}. What both report is kept once.")
    if sys.stdin.isatty() and click.confirm("Remove it?", default=False, err=True):
        account = webhook.account or None
        gone = _with(account, lambda ours: ours.remove(webhook.name))
        screen.say(f"Removed: {', '.join(gone) or 'nothing'}.")
    else:
        screen.say(f"to end it: aircall-mcp webhooks remove {webhook.name}")


@group.command()
@click.option("--account", metavar="NAME", help="Of this account. Default: of all.")
@as_json
def status(account: str | None, as_json: bool) -> None:
    """Compare our webhooks with what Aircall says. Enable again what Aircall disabled, and
    replace what somebody changed."""

    async def look(ours: Subscriptions) -> Status:
        mended: list[Subscription] = []
        trouble: AircallMCPError | None = None
        try:
            mended = await ours.mend()
        except AircallMCPError as error:
            trouble = error
        return mended, trouble, await ours.status(), await ours.untrusted()

    mended, trouble, found, untrusted = _with(account, look)
    listened, polled = with_events(lambda ours: (ours.log.coverage(), ours.polling()))
    names = {one.webhook.name for one in mended if one.done == "brought back"}
    stopped = standing(say=not as_json)
    if as_json:
        print_json(
            {
                **stopped,
                "webhooks": [
                    {**_told(one), "brought_back": one.webhook.name in names} for one in found
                ],
                "not_trusted": [asdict(one) for one in untrusted],
                "listening_since": listened.since,
                "last_heard_from": listened.alive,
                "gaps": listened.gaps,
                "polling": [asdict(one) for one in polled],
                **(
                    {"trouble": {"message": trouble.message, "hint": trouble.hint}}
                    if trouble
                    else {}
                ),
            }
        )
    else:
        for one in found:
            back = " (was disabled, enabled again)" if one.webhook.name in names else ""
            fault = f": {one.fault}" if one.fault else ""
            line = f"{one.webhook.name}  {one.state}{back}{fault}  {one.webhook.url}"
            screen.show(line, rest="  ")
            if one.next:
                screen.say(f"next: {one.next}")
        for one in untrusted:
            screen.show(in_words(one), rest="  ")
        if not found:
            screen.say("No webhook of ours. next: aircall-mcp webhooks register")
        for one in polled:
            screen.say(polling_in_words(one))
        if trouble is not None:
            screen.say(f"error: {trouble.message}\n{trouble.hint}")
    if trouble is not None or any(one.state != "active" for one in found):
        raise click.exceptions.Exit(1)


def polling_in_words(polling: Polling) -> str:
    """That the list of calls is looked at, and since when it was last."""
    return (
        f"The list of the calls of {polling.account} is polled instead, last at"
        f" {iso(polling.alive)}: calls and voicemails are reported, texts are not."
    )


@group.command()
@click.argument("webhook", required=False)
@click.option("--account", metavar="NAME", help="Of this account. Default: of all.")
@as_json
def rotate(webhook: str | None, account: str | None, as_json: bool) -> None:
    """Renew the token of WEBHOOK, or of all. The new webhook is made before the old is deleted."""
    renewed = _with(account, lambda ours: ours.rotate(webhook))
    if as_json:
        told = [{**_told(one), "replaces": one.webhook.succeeds} for one in renewed]
        print_json({"webhooks": told})
        return
    for one in renewed:
        screen.say(f"{one.webhook.name} replaces {one.webhook.succeeds}: {one.state}")
    if not renewed:
        screen.say("No webhook of ours. next: aircall-mcp webhooks register")


@group.command()
@click.argument("webhook", required=False)
@click.option("--account", metavar="NAME", help="Of this account. Default: of all.")
@as_json
def remove(webhook: str | None, account: str | None, as_json: bool) -> None:
    """Delete WEBHOOK, or all of ours, at Aircall and here. Events are kept."""
    gone = _with(account, lambda ours: ours.remove(webhook))
    if as_json:
        print_json({"removed": gone})
    else:
        screen.say(f"Removed: {', '.join(gone) or 'nothing'}.")


@group.command()
@click.option("--host", "webhooks_host", help="Default: 127.0.0.1.")
@click.option("--port", "webhooks_port", type=click.IntRange(1, 65535), help="Default: 8790.")
def serve(**flags: Any) -> None:
    """Receive events, forward them, and repair our webhooks, until interrupted."""
    from ..app import log_to_file, open_app

    settings = settings_from(flags)
    app = open_app(settings)
    if failed := log_to_file(app):
        screen.say(f"aircall-mcp: no log is kept ({failed})")
    host, port = settings.webhooks_host, settings.webhooks_port or 8790

    async def run() -> None:
        async with app:
            await _serve_until_told(app.events, host, port)

    anyio.run(run)


async def _serve_until_told(events: Events, host: str, port: int) -> None:
    """What was taken in is still committed when the end is asked for."""

    async def serve() -> None:
        await events.serve(host, port, ready=lambda: screen.say(listening_at(host, port)))

    if sys.platform == "win32":
        await serve()
        return
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                tasks.cancel_scope.cancel()


def listening_at(host: str, port: int) -> str:
    """Said once that is true."""
    return f"aircall-mcp: events at http://{host}:{port}/webhooks/aircall/. Control-C ends it."


def _with(account: str | None, work: Callable[[Subscriptions], Awaitable[T]]) -> T:
    async def perform(app: App) -> T:
        return await work(app.events.subscriptions(app.events.account))

    return performed(perform, {"account": account})


def _told(one: Subscription) -> dict[str, Any]:
    return {
        "webhook": one.webhook.name,
        "aircall_id": one.webhook.aircall_id,
        "url": one.webhook.url,
        "state": one.state,
        "kinds": list(one.kinds),
        **({"fault": one.fault} if one.fault else {}),
        **({"next": one.next} if one.next else {}),
    }


def in_words(one: Untrusted) -> str:
    """What is not to be trusted, in a line."""
    until = iso(one.until) if one.until is not None else "now"
    replaced = f"; {one.replaced_by} replaces it" if one.replaced_by else ""
    return (
        f"{one.webhook} was changed or deleted at Aircall by somebody: what came in by it from"
        f" {iso(one.since)} to {until} is not to be trusted ({one.events} events){replaced}"
    )
