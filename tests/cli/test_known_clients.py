from __future__ import annotations

import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.cli.known_clients import CLIENTS, Client, config_for

LOCAL = [client for client in CLIENTS.values() if client.name not in ("chatgpt", "claude-ai")]
REMOTE = [client for client in CLIENTS.values() if client not in LOCAL]
CANARY = "a-token-that-must-stay-here"

every_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=lambda client: client.name)
local_clients = pytest.mark.parametrize("client", LOCAL, ids=lambda client: client.name)


def server_of(client: Client, **choices: Any) -> dict[str, Any]:
    """The one server entry, wherever this client wants it."""
    text = config_for(client, **choices)
    parsed: Any = tomllib.loads(text) if client.name == "codex" else json.loads(text)
    (key,) = [key for key in parsed if key != "inputs"]
    assert key == {"codex": "mcp_servers", "vscode": "servers", "zed": "context_servers"}.get(
        client.name, "mcpServers"
    )
    assert list(parsed[key]) == ["aircall"]
    return parsed[key]["aircall"]


@local_clients
@pytest.mark.parametrize("sandbox", [True, False])
def test_a_config_parses_and_starts_this_very_interpreter(client: Client, sandbox: bool) -> None:
    server = server_of(client, sandbox=sandbox, account="main")
    assert server["command"] == sys.executable
    assert Path(server["command"]).is_absolute()
    assert server["args"][:3] == ["-m", "aircall_mcp", "serve"]
    assert ("--sandbox" in server["args"]) is sandbox
    assert server["args"][-2:] == ["--account", "main"]


@local_clients
def test_what_the_owner_allows_is_written_by_name_and_nothing_else(client: Client) -> None:
    assert "--allow" not in server_of(client)["args"]
    args = server_of(client, allow=("reach", "exposes"))["args"]
    assert args[-2:] == ["--allow", "reach,exposes"]


@local_clients
def test_the_surface_fits_the_client(client: Client) -> None:
    args = server_of(client)["args"]
    full = {"claude-code", "cursor", "vscode"}
    assert (client.surface == "full") == (client.name in full)
    assert ("--surface" in args) == (client.name not in full)


@every_client
def test_no_secret_of_the_environment_is_in_a_config(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AIRCALL_API_ID", "AIRCALL_API_TOKEN", "AIRCALL_ACCESS_TOKEN"):
        monkeypatch.setenv(name, CANARY)
    for sandbox in (True, False):
        assert CANARY not in config_for(client, sandbox=sandbox)


def test_vscode_asks_for_the_key_itself_and_hides_it() -> None:
    parsed = json.loads(config_for(CLIENTS["vscode"]))
    assert all(asked["password"] is True for asked in parsed["inputs"])
    assert parsed["servers"]["aircall"]["env"] == {
        "AIRCALL_API_ID": "${input:aircall-api-id}",
        "AIRCALL_API_TOKEN": "${input:aircall-api-token}",
    }
    assert "inputs" not in json.loads(config_for(CLIENTS["vscode"], sandbox=True))


@pytest.mark.parametrize("client", REMOTE, ids=lambda client: client.name)
def test_who_reaches_servers_from_the_internet_is_told_the_steps(client: Client) -> None:
    steps = config_for(client)
    assert "--transport http" in steps
    assert "authenticates" in steps


def test_every_named_client_is_there() -> None:
    assert list(CLIENTS) == [
        "claude-desktop", "claude-code", "cursor", "vscode", "windsurf", "codex", "zed",
        "gemini-cli", "chatgpt", "claude-ai",
    ]  # fmt: skip
    assert all(client.title and client.file for client in CLIENTS.values())
    assert os.fspath(sys.executable)
