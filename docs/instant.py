"""Writes the ready answers that stand in the package; `--check` fails where they are stale.

python docs/instant.py [--check]
"""

from __future__ import annotations

import sys
from tempfile import TemporaryDirectory

import anyio

from aircall_mcp.app import open_app
from aircall_mcp.ground.config import settings_from
from aircall_mcp.protocol.mcp_server import AircallServer
from aircall_mcp.protocol.ready import FILE, packed, sources
from aircall_mcp.protocol.rehearsal import answers_of


async def made() -> bytes:
    """Those of a server where nothing was chosen and nothing is there."""
    with TemporaryDirectory() as home:
        environment = {"AIRCALL_MCP_HOME": home}
        async with open_app(settings_from({}, environment), environment) as app:
            return packed(await answers_of(AircallServer(app.desk, news=app.news)), sources())


def main() -> None:
    answers = anyio.run(made)
    if "--check" not in sys.argv:
        FILE.write_bytes(answers)
    elif FILE.read_bytes() != answers:
        sys.exit(f"{FILE} is stale: run `make specs`.")


if __name__ == "__main__":
    main()
