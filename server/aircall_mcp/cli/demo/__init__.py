"""`aircall-mcp demo`: a journey against the sandbox, through a real MCP client over stdio."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.console import Console

from ..known_clients import CLIENTS, config_for
from .outbound import outbound
from .sms import outside, sms
from .teller import Teller

JOURNEYS = {"outbound": outbound.__doc__, "sms": sms.__doc__}


@click.command("demo")
@click.argument("journey", type=click.Choice(list(JOURNEYS)), default="outbound")
def command(journey: str) -> None:
    """A journey against the sandbox, through a real MCP client over stdio, told step by step."""
    import anyio

    console = Console(highlight=False)
    console.print(f"[bold magenta]aircall-mcp demo {journey}[/]: {JOURNEYS[journey]}")

    async def run() -> None:
        with TemporaryDirectory(prefix="aircall-mcp-demo-") as home:
            if journey == "sms":
                async with (
                    outside(os.path.join(home, "home")) as world,  # noqa: PTH118 - for an environment
                    _connected(console, world.environment, "serve", "--allow", "exposes") as client,
                ):
                    await sms(Teller(client, console), world)
            else:
                environment = {**os.environ, "AIRCALL_MCP_HOME": home}
                async with _connected(console, environment, "serve", "--sandbox") as client:
                    await outbound(Teller(client, console), client)

    anyio.run(run)
    console.print("\n[bold green]Done.[/] The same server in your client, still in the sandbox:")
    for name in ("claude-desktop", "cursor"):
        chosen = CLIENTS[name]
        console.print(f"\n[bold]{chosen.title}[/] [dim]{chosen.file}[/]")
        console.print(config_for(chosen, sandbox=True), markup=False, soft_wrap=True)
    console.print("\n[dim]Others: aircall-mcp config --help. A real account: see the README.[/]")


@asynccontextmanager
async def _connected(
    console: Console, environment: dict[str, str], *words: str
) -> AsyncGenerator[Any]:
    from mcp import Client, StdioServerParameters

    server = StdioServerParameters(
        command=sys.executable, args=["-m", "aircall_mcp", *words], env=environment
    )
    async with Client(server) as client:
        console.print(f"[dim]connected over stdio, protocol {client.protocol_version}[/]")
        yield client
