"""`aircall-mcp serve`."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from ..errors import AircallMCPError
from ..protocol.bearer import FILE, digest_in
from . import options, screen

if TYPE_CHECKING:
    from ..app import App
    from ..console import Console
    from ..ground.config import Settings
    from ..protocol.instant import Instant

log = logging.getLogger(__name__)

WAITING = (
    "aircall-mcp: waiting for an MCP client to speak JSON-RPC here. Clients start this command by"
    " themselves: `aircall-mcp config CLIENT` prints what they need, and `aircall-mcp demo` shows a"
    " client at work. Control-C ends it."
)
"""What a person hears who typed `serve`."""
BEFORE_POLLING = 5.0
"""Seconds after the start before anything is asked that no client asked for."""
BEFORE_REHEARSAL = 1.0
"""Seconds after the start before the answers of the next start are made."""
OBJECTS = 10_000
"""Objects that come to be and stay, after which those in circles are looked for."""
CLOSE_SECONDS = 6.0
"""How long effects that were sent have to be finished and journaled."""


@click.command("serve")
@click.option("--transport", type=click.Choice(["stdio", "http"]), help="Default: stdio.")
@click.option("--host", help="Default: 127.0.0.1. Loopback only.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: 8000.")
@click.option(
    "--no-token",
    is_flag=True,
    default=None,
    help="Over HTTP: no key, so everybody on this machine can act as you.",
)
@click.option(
    "--webhooks-port", type=click.IntRange(1, 65535), help="Also receive Aircall's events there."
)
@click.option(
    "--poll/--no-poll",
    default=None,
    help="Poll the list of calls if no webhook reports them. Default: on.",
)
@click.option(
    "--no-instant",
    is_flag=True,
    default=None,
    help="Over stdio: answer only after everything is loaded.",
)
@click.option(
    "--page",
    type=click.Choice(["off", "named", "opened"]),
    help="A page on this machine for pending approvals. Default: named in the answer.",
)
@options.upstream
@options.selection
@click.pass_obj
def command(begun: Instant | None, **flags: Any) -> None:
    """Serve MCP over stdio (default) or streamable HTTP at /mcp.

    Over HTTP clients send a key, which is in the home and made at the first start;
    `aircall-mcp config CLIENT --url` says how.

    Starts without an Aircall key, too: tools are listed, and each call says which command to run.
    """
    import anyio

    from ..protocol.deferred import deferred

    with deferred():
        from ..protocol.mcp_server import AircallServer

    from ..app import log_to_file

    app = options.app(**flags)
    if failed := log_to_file(app):
        screen.say(f"aircall-mcp: no log is kept ({failed})")
    settings, home = app.settings, app.settings.home
    key = key_of(app.settings)
    page = None if settings.page == "off" else _page(app)
    server = AircallServer(
        app.desk,
        call_timeout=settings.call_timeout,
        news=app.news,
        choices=app.choices,
        page=None if page is None else page.address,
    )

    # What was made up to here stays to the end. To look through it whenever an answer made many
    # objects would hold the loop for 60 ms.
    gc.freeze()
    # A page of calls is some 3,000 objects that go as they came: to look for circles among them
    # several times a page finds none.
    gc.set_threshold(OBJECTS)
    gc.enable()

    async def run() -> None:
        try:
            async with anyio.create_task_group() as tasks:
                if settings.webhooks_port is not None:
                    tasks.start_soon(_listen, app, settings.webhooks_host, settings.webhooks_port)
                if page is not None:
                    tasks.start_soon(page.keep)
                if settings.poll and not settings.sandbox:
                    tasks.start_soon(_poll, app)
                if settings.transport == "stdio":
                    from ..protocol.stdio import serve

                    if begun is None and sys.stdin.isatty():
                        screen.say(WAITING)
                    if begun is None and not settings.no_instant:
                        tasks.start_soon(_make_ready, app)
                    await serve(server, app.aclose, begun)
                else:
                    from ..protocol.http import serve as serve_http

                    await serve_http(server, settings.host, settings.port, key=key, ready=announce)
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await app.aclose(CLOSE_SECONDS)

    def announce() -> None:
        whom = "everybody on this machine" if key is None else f"whoever has {home / FILE}"
        screen.say(
            f"aircall-mcp: MCP at http://{settings.host}:{settings.port}/mcp, for {whom}."
            " Control-C ends it."
        )

    if begun is None and sys.platform != "win32":
        # Until the transport listens to signals there is nothing to finish. What Python makes of
        # an interrupt would wait for the thread that reads stdin, which waits for the client.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    anyio.run(run)


async def _make_ready(app: App) -> None:
    """Keep what a server that is started so answers to an opening, for the next start."""
    import anyio

    from ..protocol import ready
    from ..protocol.mcp_server import AircallServer
    from ..protocol.rehearsal import answers_of

    await anyio.sleep(BEFORE_REHEARSAL)
    home = app.settings.home
    try:
        made_of = ready.inputs_of(sys.argv[1:], os.environ, home)
        if made_of is None:
            return
        answers = await answers_of(AircallServer(app.desk, news=app.news))
        if ready.inputs_of(sys.argv[1:], os.environ, home) == made_of:
            await anyio.to_thread.run_sync(ready.keep, answers, home, made_of)
    except (AircallMCPError, OSError) as error:
        log.info("the next start is not instant: %s", error)


def key_of(settings: Settings) -> bytes | None:
    """The digest of the key that clients must bring; None where they need none."""
    if settings.transport == "stdio" or settings.no_token:
        return None
    return digest_in(settings.home)


def _page(app: App) -> Console:
    """The page for what waits. It opens when something does."""
    from ..console import Console
    from ..ground.browser import open_browser

    opened = open_browser if app.settings.page == "opened" else None
    return Console(app.safety, app.settings.home, show=opened)


async def _poll(app: App) -> None:
    """Look at the lists of calls beside the serving, when the start is over, where no webhook tells
    of them."""
    import anyio

    await anyio.sleep(BEFORE_POLLING)
    try:
        await app.events.poll()
    except Exception as bug:
        # As below: left alone it would end the serving.
        log.critical("calls are not polled here", exc_info=bug)


async def _listen(app: App, host: str, port: int) -> None:
    """Take in events beside the serving, which goes on where that is not possible: another server
    of the same owner may listen there already, and all of them read one log.
    """
    from .webhooks import listening_at

    try:
        await app.events.serve(host, port, ready=lambda: screen.say(listening_at(host, port)))
    except AircallMCPError as error:
        log.warning("events are not received here: %s", error.message)
        said = options.scrubbed(f"{error.message} {error.hint}".rstrip())
        screen.say(f"aircall-mcp: events are not received here: {said}")
    except Exception as bug:
        # Left alone it would end the serving.
        log.critical("events are not received here", exc_info=bug)
        screen.say(f"aircall-mcp: events are not received here: {type(bug).__name__}")
