"""Who is measured, each started alike against the same upstream: the floor, we, and two others.

The floor (`floor.py`) is the least that serves the same tools. The others make their tools of our
API description (`peers.py`), and name them in their own way.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import peers
from measure import Json, Wire, sandbox

HERE = Path(__file__).parent
PRODUCT = [sys.executable, "-m", "aircall_mcp"]
FLOOR = [sys.executable, str(HERE / "floor.py")]
US = "aircall-mcp"
BUDGET = "1000000"
"""Requests a minute: no limit may stand in the way of a figure."""
ROUTES = {
    "aircall_get_call": ["GET", "/v1/calls/{call_id}"],
    "aircall_list_calls": ["GET", "/v1/calls"],
    "aircall_add_call_comment": ["POST", "/v1/calls/{call_id}/comments"],
}
TOOLS = {"read": "get_call", "list": "list_calls", "effect": "add_call_comment"}


@dataclass(frozen=True)
class Contender:
    """How to start one. `named` says what it calls our tools, and `renamed` their arguments."""

    name: str
    start: partial[Wire]
    named: Callable[[str], str] = "aircall_{}".format
    renamed: dict[str, str] = field(default_factory=dict[str, str])

    def call(self, kind: str, arguments: Json) -> Json:
        """The parameters of tools/call."""
        given = {self.renamed.get(name, name): value for name, value in arguments.items()}
        return {"name": self.named(TOOLS[kind]), "arguments": given}


class Bench:
    """All with the same upstream, and homes that each starts with anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Bytecode is kept, as in an installation; settings of the person who runs this are not.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRCALL_", "PYTHONDONT"))}
        self.environment = {**kept, "AIRCALL_MCP_HOME": str(folder / "home")}
        self._homes = count()
        self._settled: dict[str, Contender] = {}
        listed = subprocess.check_output([*PRODUCT, "tools", "--json"], env=self.environment)
        self._tools: list[Json] = json.loads(listed)["tools"]

    def upstream(self, *flags: str) -> Any:
        command = [*PRODUCT, "sandbox", "--requests-per-minute", BUDGET, *flags]
        return sandbox(command, self.environment)

    def floor(self, upstream: Json) -> Contender:
        port = upstream["base_url"].rpartition(":")[2]
        plan = self.folder / f"plan-{port}.json"
        plan.write_text(json.dumps({**upstream, "tools": self._tools, "routes": ROUTES}), "utf-8")
        return Contender("floor", partial(Wire, [*FLOOR, str(plan)], self.environment))

    def ours(self, upstream: Json, *flags: str) -> Contender:
        """We, in a home that nobody has used."""
        environment = {
            **self.environment,
            "AIRCALL_MCP_HOME": str(self.folder / f"home-{next(self._homes)}"),
            "AIRCALL_MCP_BASE_URL": upstream["base_url"],
            "AIRCALL_API_ID": upstream["api_id"],
            "AIRCALL_API_TOKEN": upstream["api_token"],
            "AIRCALL_MCP_REQUESTS_PER_MINUTE": "100000",
        }
        start = partial(Wire, [*PRODUCT, "serve", *flags], environment)
        return Contender(" ".join([US, *flags]), start)

    def settled(self, upstream: Json) -> Contender:
        """We, where we were before: the first start keeps what the next ones answer with."""
        found = self.ours(upstream)
        home = self.folder / f"home-{next(self._homes) - 1}"
        wire = found.start()
        wire.initialize()
        wire.ask("tools/list", {})
        until = time.monotonic() + 30
        while not list(home.glob("instant/*.jsonl")) and time.monotonic() < until:
            time.sleep(0.1)
        wire.close()
        return found

    def at_work(self, upstream: Json) -> Contender:
        """We, in a home that is new but for the openings that an earlier start kept there: they are
        made once, in the second after a first start, and are no part of a call."""
        address = upstream["base_url"]
        if address not in self._settled:
            self._settled[address] = self.settled(upstream)
        found = self.ours(upstream)
        before, home = (
            Path(one.start.args[1]["AIRCALL_MCP_HOME"]) for one in (self._settled[address], found)
        )
        home.mkdir(mode=0o700)
        shutil.copytree(before / "instant", home / "instant")
        return found

    def others(self, upstream: Json) -> list[Contender]:
        """Those that can be had here; of the rest it is said why they are missing."""
        makers = {
            "fastmcp": (peers.fastmcp, str),
            "openapi-mcp-server": (peers.node_peer, peers.node_name),
        }
        found: list[Contender] = []
        for name, (command, named) in makers.items():
            try:
                start = partial(Wire, command(upstream), self.environment, said=subprocess.DEVNULL)
                found.append(Contender(name, start, named, {"call_id": "id"}))
                wire = found[-1].start()
                wire.initialize()
                wire.ask("tools/call", found[-1].call("list", {"per_page": 1}))
                wire.close()
            except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
                print(f"without {name}: {error}", file=sys.stderr)
                found = [one for one in found if one.name != name]
        return found
