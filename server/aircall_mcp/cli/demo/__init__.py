"""`aircall-mcp demo`: a demo in the sandbox, through a real MCP client over stdio."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory

import click

from .. import screen
from .operator import operator
from .outbound import outbound
from .review import review
from .sms import outside, sms
from .teller import Teller

IN_ONE = {"outbound": outbound, "review": review, "operator": operator}
"""Those that need nothing but the server and the sandbox inside it."""
JOURNEYS = {name: told.__doc__ for name, told in {**IN_ONE, "sms": sms}.items()}


@click.command("demo")
@click.argument("journey", type=click.Choice(list(JOURNEYS)), default="outbound")
def command(journey: str) -> None:
    """A demo in the sandbox, through a real MCP client over stdio, step by step."""
    import anyio

    teller = Teller()
    screen.show(f"aircall-mcp demo {journey}: {JOURNEYS[journey]}", rest="   ", style="magenta")

    async def run() -> None:
        with TemporaryDirectory(prefix="aircall-mcp-demo-") as home:
            if journey == "sms":
                async with (
                    outside(os.path.join(home, "home")) as world,  # noqa: PTH118 - for an environment
                    _connected(teller, world.environment, "serve", "--allow", "exposes"),
                ):
                    await sms(teller, world)
            else:
                environment = {**os.environ, "AIRCALL_MCP_HOME": home}
                async with _connected(teller, environment, "serve", "--sandbox"):
                    await IN_ONE[journey](teller)

    anyio.run(run)
    screen.show("\nDone. The same server in your client, still in the sandbox:", style="green")
    screen.show("aircall-mcp setup --sandbox", first="   ")
    screen.show("With your own company: aircall-mcp setup. One client: config --help.", rest="   ")


@asynccontextmanager
async def _connected(
    teller: Teller, environment: dict[str, str], *words: str
) -> AsyncGenerator[None]:
    from mcp import Client, StdioServerParameters

    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "aircall_mcp", *words, "--surface", "tasks"],
        env=environment,
    )
    async with Client(server) as client:
        screen.show(f"connected over stdio, protocol {client.protocol_version}")
        teller.client = client
        yield
