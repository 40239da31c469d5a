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
