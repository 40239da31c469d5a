from __future__ import annotations

import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.cli import group
from aircall_mcp.cli.configs.known_clients import CLIENTS, Client, start_for, text_for
from aircall_mcp.ground.secrets import Secret

from ..canaries import CANARIES
from ..vaults import vault_at

LOCAL = [client for client in CLIENTS.values() if client.name not in ("chatgpt", "claude-ai")]
REMOTE = [client for client in CLIENTS.values() if client not in LOCAL]
CANARY = "a-token-that-must-stay-here"

every_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=lambda client: client.name)
local_clients = pytest.mark.parametrize("client", LOCAL, ids=lambda client: client.name)


def config_for(client: Client, **choices: Any) -> str:
    return text_for(client, start_for(client, **choices))


KEYS = {
    "codex": "mcp_servers", "vscode": "servers", "zed": "context_servers", "opencode": "mcp",
    "goose": "extensions",
}  # fmt: skip


def server_of(client: Client, **choices: Any) -> dict[str, Any]:
    """The one server entry, wherever this client wants it, in the words of most."""
    text = config_for(client, **choices)
    read = {"codex": tomllib.loads, "goose": yaml.safe_load}.get(client.name, json.loads)
    parsed: Any = read(text)
    (key,) = [key for key in parsed if key != "inputs"]
    assert key == KEYS.get(client.name, "mcpServers")
    assert list(parsed[key]) == ["aircall"]
    entry = parsed[key]["aircall"]
    if client.name == "opencode":
        entry["command"], *entry["args"] = entry["command"]
    entry["command"] = entry.pop("cmd", None) or entry["command"]
    entry["env"] = entry.get("env") or entry.get("envs") or entry.get("environment")
    return entry


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
        "gemini-cli", "opencode", "cline", "jetbrains", "goose", "chatgpt", "claude-ai",
    ]  # fmt: skip
    assert all(client.title and client.file for client in CLIENTS.values())
    assert os.fspath(sys.executable)


@local_clients
def test_a_key_that_is_in_the_vault_is_asked_for_by_nobody(client: Client) -> None:
    text = config_for(client, account="paris", in_vault=True)
    assert "AIRCALL_API" not in text
    assert "inputs" not in text


@local_clients
def test_the_home_is_written_down_where_it_is_not_the_usual_one(client: Client) -> None:
    home = '/a "quoted" home'
    server = server_of(client, variables={"AIRCALL_MCP_HOME": home})
    assert server["env"]["AIRCALL_MCP_HOME"] == home
    assert "AIRCALL_MCP_HOME" not in config_for(client)


@pytest.fixture
def paris(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vault with the account `paris`, opened by a key in the environment."""
    monkeypatch.setenv("AIRCALL_MCP_VAULT_KEY", CANARIES["vault key"])
    vault = vault_at(home, {"AIRCALL_MCP_VAULT_KEY": CANARIES["vault key"]})
    vault.create("environment")
    key = ApiKey(api_id=Secret("the-api-id-1234"), api_token=Secret("the-api-token-5678"))
    Accounts(vault).add(Account(name="paris", credential=key))


def ran(*words: str) -> tuple[str, str]:
    result = CliRunner().invoke(group, ["config", *words])
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


@pytest.mark.usefixtures("paris")
def test_config_knows_that_the_key_is_in_the_vault_and_what_opens_it(home: Path) -> None:
    for words in (("vscode",), ("vscode", "--account", "paris"), ("codex", "--account", "paris")):
        out, said = ran(*words)
        assert "AIRCALL_API" not in out + said
        assert str(home) in out
        assert "is in the vault, where the server finds it." in said
        assert "Set AIRCALL_MCP_VAULT_KEY in the client's environment" in said
        assert CANARIES["vault key"] not in out + said


@pytest.mark.usefixtures("paris")
def test_config_says_that_an_account_is_not_there_and_which_is_nearest() -> None:
    out, said = ran("vscode", "--account", "pariss")
    assert "inputs" in out
    assert "there is no account `pariss`" in said
    assert "Did you mean `paris`?" in said


@pytest.mark.usefixtures("paris")
def test_of_the_environment_s_own_account_the_key_is_still_asked_for() -> None:
    out, said = ran("vscode", "--account", "env")
    assert "inputs" in out
    assert "set AIRCALL_API_ID and AIRCALL_API_TOKEN" in said


def test_without_a_vault_config_says_both_ways() -> None:
    out, said = ran("vscode")
    assert "inputs" in out
    assert "accounts add" in said
    assert "AIRCALL_API_TOKEN" in said
