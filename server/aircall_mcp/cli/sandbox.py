"""`aircall-mcp sandbox`."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from contextlib import ExitStack
from typing import Any, NoReturn

import click

from ..errors import StoreError
from ..ground.home import home_in
from ..storage.sandboxes import Sandboxes
from . import screen


@click.command("sandbox")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 = any free one.")
@click.option(
    "--data", type=click.Choice(["small", "empty", "large"]), default="small", show_default=True
)
@click.option("--requests-per-minute", type=click.IntRange(1), default=120, show_default=True)
@click.option("--latency-ms", type=click.IntRange(0, 60_000), default=0)
@click.option("--fault", "faults", multiple=True, metavar="KIND=RATE", help="Such as http-500=0.1.")
@click.option(
    "--oauth",
    type=click.Choice(["permanent", "expiring"]),
    default="permanent",
    help="Kind of tokens it issues.",
)
@click.option(
    "--users-v1",
    is_flag=True,
    help="Also the user routes that were announced to end on 2026-09-30.",
)
@click.option(
    "--deliver-to",
    metavar="URL",
    help="Really post webhooks, to this base URL, as through a tunnel.",
)
@click.option("--webhook-failures", type=click.IntRange(1), default=50, show_default=True)
@click.option("--webhook-duplicates", type=click.FloatRange(0, 1), default=0.0, metavar="RATE")
@click.option("--webhook-disorder", type=click.FloatRange(0, 1), default=0.0, metavar="RATE")
def command(
    port: int,
    data: str,
    requests_per_minute: int,
    latency_ms: int,
    faults: tuple[str, ...],
    oauth: str,
    users_v1: bool,
    deliver_to: str | None,
    webhook_failures: int,
    webhook_duplicates: float,
    webhook_disorder: float,
) -> None:
    """Serve the sandbox on a port of its own, until interrupted.

    The first line on stdout is JSON: base_url and the keys that fit.
    """
    from ..ground.asgi import listen
    from ..sandbox import Sandbox
    from ..spec import document

    listening = listen("127.0.0.1", port)
    base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    sandbox = Sandbox(
        document(),
        data=data,  # type: ignore[arg-type]  # click checked the choice
        requests_per_minute=requests_per_minute,
        latency=latency_ms / 1000,
        faults=_rates(faults),
        base_url=base_url,
        users_v1=users_v1,
        oauth=oauth,  # type: ignore[arg-type]  # as above
    )
    app = sandbox
    if deliver_to is not None:
        from ..sandbox.deliveries import Deliveries

        app = Deliveries(
            sandbox,
            route=deliver_to,
            failures=webhook_failures,
            duplicates=webhook_duplicates,
            disorder=webhook_disorder,
        )
    signal.signal(signal.SIGTERM, _end)
    with ExitStack() as announced:
        try:
            here = Sandboxes(home_in(os.environ))
            sandbox.proof = announced.enter_context(here.announced(base_url))
        except StoreError as error:
            screen.say(
                f"aircall-mcp: servers treat this as the real host: {error.message} {error.hint}"
            )
        keys = ("api_id", "api_token", "client_id", "client_secret")
        known = {key: getattr(sandbox, key) for key in keys}
        click.echo(json.dumps({"base_url": base_url, **known}))
        if sys.stdout.isatty():
            screen.say(
                "\nThe sandbox answers there. A command that uses it needs"
                " AIRCALL_MCP_BASE_URL, AIRCALL_API_ID and AIRCALL_API_TOKEN set to these."
                " Control-C ends it."
            )
        _serve(app, listening)


def _end(number: int, _frame: object) -> NoReturn:
    """Told to end, so that what was entered is left."""
    sys.exit(128 + number)


def _serve(app: Any, listening: socket.socket) -> None:
    """Until interrupted or told to end."""
    import asyncio

    from ..ground.asgi import serve

    # An error of the app is answered, and of no interest to whoever reads stdout and stderr.
    asyncio.run(serve(app, listening, log_level="critical"))


def _rates(faults: tuple[str, ...]) -> dict[str, float]:
    rates: dict[str, float] = {}
    for fault in faults:
        kind, _, rate = fault.partition("=")
        try:
            rates[kind] = float(rate)
        except ValueError:
            raise click.UsageError(f"--fault {fault!r} must be KIND=RATE.") from None
    return rates
