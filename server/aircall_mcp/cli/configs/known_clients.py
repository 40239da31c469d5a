"""The known MCP clients: how each is configured to start this server, and in which file.

A config names this very interpreter by its absolute path, since clients start servers with a path
of their own, and never holds a secret: keys come from the vault, the environment or prompts.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal
from urllib.parse import urlsplit

from ...ground.config import Surface
from ...ground.secrets import LOOPBACK
from ...protocol.bearer import VARIABLE
from . import jsonc, places, toml, yaml
from .places import Machine

Piece = tuple[tuple[str, ...], Any]
"""Where something stands in a file, and what."""

NAME = "aircall"
"""How our server is called in every client."""
WRITTEN = (
    "AIRCALL_MCP_HOME",
    "AIRCALL_MCP_BASE_URL",
    "AIRCALL_MCP_CA_BUNDLE",
    "AIRCALL_MCP_VAULT_KEY_FILE",
)
"""The variables that are written down where they are set: without them the server would look into
another home, or ask another host. None holds a secret."""
HOW: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        ("type", "command", "cmd", "args", "url", "serverUrl", "httpUrl", "uri"), frozenset[str]()
    ),
    **dict.fromkeys(("env", "environment", "envs"), frozenset(WRITTEN)),
    "headers": frozenset(("Authorization",)),
    "bearer_token_env_var": frozenset[str](),
}
"""The members by which a client knows how to start or reach a server: these are ours, and of those
that hold variables the ones named here. All others are the person's, or the client's."""
KEYS = {"AIRCALL_API_ID": "aircall-api-id", "AIRCALL_API_TOKEN": "aircall-api-token"}
"""What VS Code asks for, where no vault has it."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a client starts this server, or where it reaches one that runs: then `url` is its own.

    `asks` for the API key where no vault has it.
    """

    command: str
    args: Sequence[str]
    variables: Mapping[str, str]
    asks: bool = False
    url: str | None = None

    @property
    def entry(self) -> dict[str, Any]:
        """What most clients want to read."""
        entry: dict[str, Any] = {"command": self.command, "args": list(self.args)}
        return entry | ({"env": dict(self.variables)} if self.variables else {})


@dataclass(frozen=True, slots=True)
class Client:
    """One MCP client. `surface`: full where it defers or groups tools itself, else tasks, since it
    shows its model all tools at once.

    `file` says where its config belongs, `where` is that on a machine (None: nobody can write it),
    `key` what the servers stand under there, `format` how the file is read and changed. `entry`
    writes how our server is started, `reached` where it is found, and `keyed` which variable has
    its key (None: the client can name none, so it starts a server of its own); `own` is the
    client's own command for the same. A client is there if its file or the folder of that is, its
    `mark` in the person's home, or its `program` on the path.
    """

    name: str
    title: str
    surface: Surface
    file: str
    where: Callable[[Machine], Path] | None = None
    key: str = "mcpServers"
    format: ModuleType = jsonc
    entry: Callable[[Start], dict[str, Any]] = lambda start: start.entry
    reached: Callable[[str], dict[str, Any]] | None = None
    keyed: Mapping[str, Any] | None = None
    own: Callable[[Start, Literal["macos", "linux", "windows"]], str] | None = None
    program: str = ""
    mark: str = ""
    depth: int = 1
    """How many folders above its file there are only where the client is."""
    steps: Callable[[Start, str], str] | None = None
    afterwards: str = "Restart it, or reload its MCP servers."

    @property
    def at(self) -> tuple[str, str]:
        return (self.key, NAME)

    def pieces(self, start: Start) -> list[Piece]:
        """What belongs into the file, and where."""
        if start.url and self.reached:
            return [(self.at, self.reached(start.url) | dict(self.key_named(start.url)))]
        entry = self.entry(start)
        if self.name != "vscode" or not start.asks:
            return [(self.at, entry)]
        inputs = [
            {"type": "promptString", "id": key, "description": variable, "password": True}
            for variable, key in KEYS.items()
        ]
        asked = {variable: f"${{input:{key}}}" for variable, key in KEYS.items()}
        entry["env"] = {**start.variables, **asked}
        return [(("inputs",), inputs), (self.at, entry)]

    def key_named(self, url: str) -> Mapping[str, Any]:
        """How the file names the key of the server at `url`, which is ours where it is loopback."""
        return (self.keyed or {}) if is_loopback(url) else {}

    def reaches(self, url: str) -> bool:
        """Whether it is connected to the server at `url`, instead of starting one of its own."""
        if self.reached is None:
            return self.steps is not None
        return self.keyed is not None or not is_loopback(url)

    def ours(self) -> list[tuple[str, str]]:
        """Every place in the file where something of ours may stand."""
        inputs = [("inputs", key) for key in KEYS.values()] if self.name == "vscode" else []
        return [self.at, *inputs]

    def is_there(self, machine: Machine) -> bool:
        """Whether this machine has the client, as far as its files and the path tell."""
        if self.where is None:
            return False
        file = self.where(machine)
        folder = file.parents[self.depth - 1]
        if file.exists() or (self.depth and folder != machine.home and folder.is_dir()):
            return True
        if self.mark and (machine.home / self.mark).is_dir():
            return True
        return bool(self.program) and machine.has_command(self.program)


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def text_for(client: Client, start: Start, platform: places.Platform = "linux") -> str:
    """A whole file that holds nothing but our server, or the steps to take on such a machine."""
    if client.steps is not None:
        return client.steps(start, platform)
    text = ""
    for path, value in client.pieces(start):
        text = client.format.put(text, path, value)
    return text.rstrip("\n")


def start_for(
    client: Client,
    *,
    sandbox: bool = False,
    ask: bool = False,
    account: str | None = None,
    allow: Sequence[str] = (),
    surface: str | None = None,
    read_only: bool = False,
    toolsets: Sequence[str] = (),
    in_vault: bool = False,
    variables: Mapping[str, str] | None = None,
    url: str | None = None,
) -> Start:
    """How `client` is to start this server, or at which `url` it reaches one.

    `in_vault` says that the key is there, so that no client has to ask for it; `variables` of the
    environment are written down, and are no secrets. A `surface` of None is the one that fits.
    """
    args = ["-m", "aircall_mcp", "serve"]
    if surface or client.surface != "full":
        args += ["--surface", surface or client.surface]
    if toolsets:
        args += ["--toolsets", ",".join(toolsets)]
    if read_only:
        args.append("--read-only")
    if sandbox:
        args.append("--sandbox")
    if ask:
        args.append("--ask")
    if account:
        args += ["--account", account]
    if allow:
        args += ["--allow", ",".join(allow)]
    return Start(sys.executable, args, variables or {}, not (sandbox or in_vault), url)


def _typed(start: Start) -> dict[str, Any]:
    return {"type": "stdio", **start.entry}


def _opencode(start: Start) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "local", "command": [start.command, *start.args]}
    entry |= {"environment": dict(start.variables)} if start.variables else {}
    return entry | {"enabled": True}


def _goose(start: Start) -> dict[str, Any]:
    return {
        "type": "stdio",
        "name": NAME,
        "description": "The Aircall phone system",
        "enabled": True,
        "cmd": start.command,
        "args": list(start.args),
        "envs": dict(start.variables),
        "timeout": 300,
    }


def _goose_reached(url: str) -> dict[str, Any]:
    about = {"name": NAME, "description": "The Aircall phone system", "enabled": True}
    return {"type": "streamable_http", **about, "uri": url, "timeout": 300}


def _bearer(reference: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {reference}"}}


CLAUDE, CURSOR = _bearer(f"${{{VARIABLE}}}"), _bearer(f"${{env:{VARIABLE}}}")
GEMINI, OPENCODE = _bearer(f"${VARIABLE}"), _bearer(f"{{env:{VARIABLE}}}")


def _header(start: Start, form: Mapping[str, Any]) -> list[str]:
    """The flags by which a client's own command is told the header, if it is to bring one."""
    named = form["headers"]["Authorization"]
    return ["--header", f"Authorization: {named}"] if is_loopback(start.url or "") else []


def _line(words: Sequence[str], platform: str) -> str:
    """One line for the person's shell."""
    return subprocess.list2cmdline(words) if platform == "windows" else shlex.join(words)


def _claude(start: Start, platform: str) -> str:
    words = ["claude", "mcp", "add", "--scope", "user"]
    if start.url:
        header = _header(start, CLAUDE)
        return _line([*words, "--transport", "http", NAME, start.url, *header], platform)
    named = [part for pair in _pairs(start) for part in ("--env", pair)]
    return _line([*words, NAME, *named, "--", start.command, *start.args], platform)


def _codex(start: Start, platform: str) -> str:
    words = ["codex", "mcp", "add", NAME]
    if start.url:
        key = ["--bearer-token-env-var", VARIABLE] if is_loopback(start.url) else []
        return _line([*words, "--url", start.url, *key], platform)
    named = [part for pair in _pairs(start) for part in ("--env", pair)]
    return _line([*words, *named, "--", start.command, *start.args], platform)


def _gemini(start: Start, platform: str) -> str:
    words = ["gemini", "mcp", "add", "--scope", "user"]
    if start.url:
        header = _header(start, GEMINI)
        return _line([*words, "--transport", "http", *header, NAME, start.url], platform)
    named = [part for pair in _pairs(start) for part in ("--env", pair)]
    return _line([*words, *named, NAME, start.command, "--", *start.args], platform)


def _code(start: Start, platform: str) -> str:
    keyed = CURSOR if start.url and is_loopback(start.url) else {}
    entry = {"url": start.url, **keyed} if start.url else start.entry
    return _line(["code", "--add-mcp", json.dumps({"name": NAME, **entry})], platform)


def _pairs(start: Start) -> list[str]:
    return [f"{name}={value}" for name, value in start.variables.items()]


PORT = 8000
"""Where a server is started that somebody reaches from the internet."""


def _steps(start: Start, platform: str) -> str:
    """How a client that reaches servers from the internet alone comes to this one, or to the one at
    the `url`. On the way there a server must lose none of the flags by which it is held.
    """
    lines = ["This client reaches servers from the internet, not from your machine."]
    add = "Add {} as a custom connector (an MCP server) in the client's settings."
    if start.url and not is_loopback(start.url):
        return "\n".join([*lines, add.format(start.url)])
    url = start.url or f"http://127.0.0.1:{PORT}/mcp"
    if start.url:
        lines += [f"1. Let the server at {url} run, with the flags that this client shall have."]
    else:
        served = ["--transport", "http", "--port", str(PORT)]
        words = [start.command, *start.args[:3], *served, *start.args[3:]]
        lines += ["1. On a machine of yours:", *_typed_with(start.variables, words, platform)]
    lines += [
        "   It listens on loopback only, and answers requests with the key in http.key of its",
        "   home.",
        "2. Put an HTTPS proxy or tunnel in front that authenticates, passes Host as",
        f"   {urlsplit(url).netloc}, adds the header `Authorization: Bearer` with that key, and",
        f"   leads to {url}.",
        f"3. {add.format('that HTTPS address')}",
    ]
    return "\n".join(lines)


def _typed_with(variables: Mapping[str, str], words: Sequence[str], platform: str) -> Sequence[str]:
    """The lines that a person's shell runs: in that of Windows a variable is set before."""
    line = _line(words, platform)
    if platform == "windows":
        return [*(f'   set "{name}={value}"' for name, value in variables.items()), f"   {line}"]
    return [
        f"   {' '.join([*(f'{one}={shlex.quote(to)}' for one, to in variables.items()), line])}"
    ]


CLIENTS: dict[str, Client] = {
    client.name: client
    for client in (
        Client("claude-desktop", "Claude Desktop", "tasks",
               "claude_desktop_config.json (Settings > Developer > Edit Config)",
               places.claude_desktop, afterwards="Quit it and start it again."),
        Client("claude-code", "Claude Code", "full",
               "~/.claude.json for you, or .mcp.json of a project", places.claude_code,
               entry=_typed, reached=lambda url: {"type": "http", "url": url}, keyed=CLAUDE,
               own=_claude, program="claude", mark=".claude",
               afterwards="A session that runs hears of it at its next start."),
        Client("cursor", "Cursor", "full", "~/.cursor/mcp.json or .cursor/mcp.json", places.cursor,
               reached=lambda url: {"url": url}, keyed=CURSOR, program="cursor"),
        Client("vscode", "VS Code", "full",
               "mcp.json of your profile (MCP: Open User Configuration), or .vscode/mcp.json",
               places.vscode, "servers", entry=_typed,
               reached=lambda url: {"type": "http", "url": url}, keyed=CURSOR, own=_code,
               program="code"),
        Client("windsurf", "Windsurf", "tasks", "~/.codeium/windsurf/mcp_config.json",
               places.windsurf, reached=lambda url: {"serverUrl": url}, keyed=CURSOR,
               program="windsurf"),
        Client("codex", "Codex CLI", "tasks", "~/.codex/config.toml", places.codex, "mcp_servers",
               toml, reached=lambda url: {"url": url},
               keyed={"bearer_token_env_var": VARIABLE}, own=_codex, program="codex"),
        Client("zed", "Zed", "tasks", "settings.json of Zed", places.zed, "context_servers",
               reached=lambda url: {"url": url}, program="zed"),
        Client("gemini-cli", "Gemini CLI", "tasks", "~/.gemini/settings.json", places.gemini_cli,
               reached=lambda url: {"httpUrl": url}, keyed=GEMINI, own=_gemini, program="gemini"),
        Client("opencode", "opencode", "tasks", "~/.config/opencode/opencode.json",
               places.opencode, "mcp", entry=_opencode,
               reached=lambda url: {"type": "remote", "url": url, "enabled": True}, keyed=OPENCODE,
               program="opencode"),
        Client("cline", "Cline", "tasks", "~/.cline/data/settings/cline_mcp_settings.json",
               places.cline, reached=lambda url: {"type": "streamableHttp", "url": url},
               program="cline", depth=3),
        Client("jetbrains", "JetBrains", "tasks",
               "~/.junie/mcp/mcp.json (Junie); for AI Assistant paste it under Settings > Tools >"
               " AI Assistant > Model Context Protocol", places.jetbrains, program="junie",
               depth=2),
        Client("goose", "Goose", "tasks", "~/.config/goose/config.yaml", places.goose,
               "extensions", yaml, entry=_goose, reached=_goose_reached, program="goose"),
        Client("chatgpt", "ChatGPT", "tasks", "Settings > Apps & Connectors", steps=_steps),
        Client("claude-ai", "claude.ai", "tasks", "Settings > Connectors", steps=_steps),
    )
}  # fmt: skip
