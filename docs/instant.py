"""Writes the ready answers that stand in the package; `--check` fails where they are stale.

python docs/instant.py [--check]
"""

from __future__ import annotations

import sys
from tempfile import TemporaryDirectory

import anyio

from aircall_mcp.app import open_app
from aircall_mcp.ground.config import settings_from
from aircall_mcp.offer import offers_for
from aircall_mcp.protocol.mcp_server import AircallServer
from aircall_mcp.protocol.ready import FILES, packed, sources
from aircall_mcp.protocol.rehearsal import answers_of


async def made(without: frozenset[str]) -> bytes:
    """Those of a server where nothing was chosen and nothing is there, `without` these extras."""
    with TemporaryDirectory() as home:
        environment = {"AIRCALL_MCP_HOME": home}
        settings = settings_from({}, environment)
        offers = offers_for(settings, without=without)
        async with open_app(settings, environment, offers=offers) as app:
            return packed(await answers_of(AircallServer(app.desk, news=app.news)), sources())


def main() -> None:
    for without, file in FILES.items():
        answers = anyio.run(made, without)
        if "--check" not in sys.argv:
            file.write_bytes(answers)
        elif file.read_bytes() != answers:
            sys.exit(f"{file} is stale: run `make specs`.")


if __name__ == "__main__":
    main()
