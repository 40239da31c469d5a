"""`aircall-mcp serve`."""

from __future__ import annotations

from typing import Any

import click

from . import options


@click.command("serve")
@click.option("--transport", type=click.Choice(["stdio", "http"]), help="stdio unless told.")
@click.option("--host", help="127.0.0.1 unless told; loopback only.")
@click.option("--port", type=click.IntRange(1, 65535), help="8000 unless told.")
@options.upstream
@options.selection
def command(**flags: Any) -> None:
    """Serve MCP over stdio (default) or streamable HTTP at /mcp.

    Starts without a key, too: the tools are listed, and each call says which command to run.
    """
    import anyio

    from ..app import log_to_file
    from ..server import AircallServer

    house = options.house(**flags)
    if failed := log_to_file(house):
        click.echo(f"aircall-mcp: no log is kept ({failed})", err=True)
    settings = house.settings
    server = AircallServer(house.desk, call_timeout=settings.call_timeout)
    if settings.transport == "stdio":
        from ..stdio import serve

        anyio.run(serve, server, house.desk)
    else:
        from ..http import serve as serve_http

        click.echo(f"aircall-mcp: MCP at http://{settings.host}:{settings.port}/mcp", err=True)
        anyio.run(serve_http, server, settings.host, settings.port)
