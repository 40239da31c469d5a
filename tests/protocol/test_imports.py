"""What a client waits for is loaded before it is answered; this holds how much that is."""

from __future__ import annotations

import json
import subprocess
import sys

ALLOWED = {
    "aircall_mcp",
    "aircall_mcp.__main__",
    "aircall_mcp.errors",
    "aircall_mcp.ground",
    "aircall_mcp.ground.extras",  # a tool without its extra is not listed
    "aircall_mcp.ground.home",
    "aircall_mcp.ground.private_files",
    "aircall_mcp.ground.visible",
    "aircall_mcp.protocol",
    "aircall_mcp.protocol.instant",
    "aircall_mcp.protocol.opening",
    "aircall_mcp.protocol.ready",
}
"""Of ours; whoever adds one says why a first answer needs it."""
MOST_MODULES = 140
"""In all, Python's own among them: 0.1 s on a busy machine."""

BEGUN = """
import json, sys
import aircall_mcp.__main__
from aircall_mcp.protocol.instant import begin
from aircall_mcp.protocol.ready import ready_for
ready_for(["serve"], {"AIRCALL_MCP_HOME": sys.argv[1]})
print(json.dumps(sorted(sys.modules)))
"""


def test_the_first_answers_need_few_modules(tmp_path: object) -> None:
    told = subprocess.check_output([sys.executable, "-c", BEGUN, str(tmp_path)])
    modules: list[str] = json.loads(told)
    ours = {name for name in modules if name.partition(".")[0] == "aircall_mcp"}
    assert ours <= ALLOWED, sorted(ours - ALLOWED)
    heavy = {"mcp", "mcp_types", "pydantic", "click", "anyio", "asyncio", "httpx2", "sqlite3"}
    assert not heavy & set(modules)
    assert len(modules) <= MOST_MODULES, len(modules)


LATER = ("scripts", "search", "sandbox", "workflows", "events.log", "events.tools")
"""Packages and modules of ours that the first call of one of their own tools loads."""
LIGHT = {
    "aircall_mcp.workflows",
    "aircall_mcp.workflows.choices",
    "aircall_mcp.workflows.workflows",
    "aircall_mcp.workflows.yeses",
}
MOST_OF_OURS = 175

STARTED = """
import json, sys
import aircall_mcp.cli.serve
from aircall_mcp.app import open_app
from aircall_mcp.ground.config import settings_from
from aircall_mcp.protocol.mcp_server import AircallServer
environment = {"AIRCALL_MCP_HOME": sys.argv[1]}
app = open_app(settings_from({}, environment), environment)
AircallServer(app.desk, news=app.news, choices=app.choices)
print(json.dumps(sorted(sys.modules)))
"""


def test_a_start_loads_no_tool_that_nobody_calls(tmp_path: object) -> None:
    told = subprocess.check_output([sys.executable, "-c", STARTED, str(tmp_path)])
    ours = {name for name in json.loads(told) if name.partition(".")[0] == "aircall_mcp"}
    loaded = {name for name in ours - LIGHT
              for later in LATER if f"{name}.".startswith(f"aircall_mcp.{later}.")}  # fmt: skip
    assert loaded == set()
    assert len(ours) <= MOST_OF_OURS, len(ours)
