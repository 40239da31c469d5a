"""The config files of MCP clients: what each of them reads to start this server.

A config names this very interpreter by its absolute path, since clients start servers with a path
of their own, and never holds a secret: keys come from the owner's environment or prompts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Surface = Literal["full", "search"]


@dataclass(frozen=True, slots=True)
class Client:
    """One MCP client. `surface`: full where it defers or groups tools itself, else the small one.

    `file` is where the config belongs; `entry` writes it from the command and its arguments.
    """

    name: str
    title: str
    surface: Surface
    file: str
    entry: Callable[[str, Sequence[str]], str]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _mcp_servers(command: str, args: Sequence[str]) -> str:
    return _json({"mcpServers": {"aircall": {"command": command, "args": list(args)}}})


def _vscode(command: str, args: Sequence[str]) -> str:
    server: dict[str, Any] = {"type": "stdio", "command": command, "args": list(args)}
    if "--sandbox" in args:
        return _json({"servers": {"aircall": server}})
    keys = {"AIRCALL_API_ID": "aircall-api-id", "AIRCALL_API_TOKEN": "aircall-api-token"}
    inputs = [
        {"type": "promptString", "id": key, "description": variable, "password": True}
        for variable, key in keys.items()
    ]
    server["env"] = {variable: f"${{input:{key}}}" for variable, key in keys.items()}
    return _json({"inputs": inputs, "servers": {"aircall": server}})


def _codex(command: str, args: Sequence[str]) -> str:
    listed = ", ".join(json.dumps(arg) for arg in args)
    return f"[mcp_servers.aircall]\ncommand = {json.dumps(command)}\nargs = [{listed}]"


def _zed(command: str, args: Sequence[str]) -> str:
    return _json({"context_servers": {"aircall": {"command": command, "args": list(args)}}})


def _remote(_command: str, _args: Sequence[str]) -> str:
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
) -> str:
    """The text that belongs into `client.file` (or, for remote clients, the steps to take)."""
    args = ["-m", "aircall_mcp", "serve"]
    if client.surface != "full":
        args += ["--surface", client.surface]
    if sandbox:
        args.append("--sandbox")
    if account:
        args += ["--account", account]
    if allow:
        args += ["--allow", ",".join(allow)]
    return client.entry(sys.executable, args)
