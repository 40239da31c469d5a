"""The config files of MCP clients: what each of them reads to start this server.

A config names this very interpreter by its absolute path, since clients start servers with a path
of their own, and never holds a secret: keys come from the owner's environment or prompts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Surface = Literal["full", "search"]


@dataclass(frozen=True, slots=True)
class Start:
    """How a client starts this server. `asks` for the API key where no vault has it."""

    command: str
    args: Sequence[str]
    variables: Mapping[str, str]
    asks: bool

    @property
    def entry(self) -> dict[str, Any]:
        """What most clients want to read."""
        entry: dict[str, Any] = {"command": self.command, "args": list(self.args)}
        return entry | ({"env": dict(self.variables)} if self.variables else {})


@dataclass(frozen=True, slots=True)
class Client:
    """One MCP client. `surface`: full where it defers or groups tools itself, else the small one.

    `file` is where the config belongs; `entry` writes it.
    """

    name: str
    title: str
    surface: Surface
    file: str
    entry: Callable[[Start], str]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _mcp_servers(start: Start) -> str:
    return _json({"mcpServers": {"aircall": start.entry}})


def _vscode(start: Start) -> str:
    server: dict[str, Any] = {"type": "stdio", **start.entry}
    if not start.asks:
        return _json({"servers": {"aircall": server}})
    keys = {"AIRCALL_API_ID": "aircall-api-id", "AIRCALL_API_TOKEN": "aircall-api-token"}
    inputs = [
        {"type": "promptString", "id": key, "description": variable, "password": True}
        for variable, key in keys.items()
    ]
    asked = {variable: f"${{input:{key}}}" for variable, key in keys.items()}
    server["env"] = {**start.variables, **asked}
    return _json({"inputs": inputs, "servers": {"aircall": server}})


def _codex(start: Start) -> str:
    lines = ["[mcp_servers.aircall]", f"command = {json.dumps(start.command)}"]
    lines.append(f"args = [{', '.join(map(json.dumps, start.args))}]")
    if start.variables:
        pairs = (f"{name} = {json.dumps(value)}" for name, value in start.variables.items())
        lines.append(f"env = {{ {', '.join(pairs)} }}")
    return "\n".join(lines)


def _zed(start: Start) -> str:
    return _json({"context_servers": {"aircall": start.entry}})


def _remote(_start: Start) -> str:
    return (
        "This client reaches servers from the internet, not from your machine.\n"
        "1. On a machine of yours: aircall-mcp serve --transport http --port 8000\n"
        "   It listens on loopback only, and has no authentication of its own.\n"
        "2. Put an HTTPS proxy or tunnel in front that authenticates, passes Host as\n"
        "   127.0.0.1:8000, and leads to http://127.0.0.1:8000/mcp.\n"
        "3. Add that HTTPS address as a custom connector (an MCP server) in the client's settings."
    )


CLIENTS: dict[str, Client] = {
    client.name: client
    for client in (
        Client("claude-desktop", "Claude Desktop", "search",
               "claude_desktop_config.json (Settings > Developer > Edit Config)", _mcp_servers),
        Client("claude-code", "Claude Code", "full", ".mcp.json of the project", _mcp_servers),
        Client("cursor", "Cursor", "full", "~/.cursor/mcp.json or .cursor/mcp.json", _mcp_servers),
        Client("vscode", "VS Code", "full", ".vscode/mcp.json", _vscode),
        Client("windsurf", "Windsurf", "search", "~/.codeium/windsurf/mcp_config.json",
               _mcp_servers),
        Client("codex", "Codex CLI", "search", "~/.codex/config.toml", _codex),
        Client("zed", "Zed", "search", "settings.json of Zed", _zed),
        Client("gemini-cli", "Gemini CLI", "search", "~/.gemini/settings.json", _mcp_servers),
        Client("chatgpt", "ChatGPT", "search", "Settings > Apps & Connectors", _remote),
        Client("claude-ai", "claude.ai", "search", "Settings > Connectors", _remote),
    )
}  # fmt: skip


def config_for(
    client: Client,
    *,
    sandbox: bool = False,
    account: str | None = None,
    allow: Sequence[str] = (),
    in_vault: bool = False,
    variables: Mapping[str, str] | None = None,
) -> str:
    """The text that belongs into `client.file` (or, for remote clients, the steps to take).

    `in_vault` says that the key is there, so that no client has to ask for it; `variables` of the
    environment are written down, and are no secrets.
    """
    args = ["-m", "aircall_mcp", "serve"]
    if client.surface != "full":
        args += ["--surface", client.surface]
    if sandbox:
        args.append("--sandbox")
    if account:
        args += ["--account", account]
    if allow:
        args += ["--allow", ",".join(allow)]
    return client.entry(Start(sys.executable, args, variables or {}, not (sandbox or in_vault)))
