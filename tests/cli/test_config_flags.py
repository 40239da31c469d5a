"""Each flag of `config` is in what is printed for each client, or refused with a reason."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from aircall_mcp.cli import group
from aircall_mcp.cli.config import command, of_the_http_key
from aircall_mcp.cli.configs.known_clients import CLIENTS, Client
from aircall_mcp.ground.config import settings_from

VALUES = {"--account": "acme", "--allow": "reach", "--surface": "search", "--toolsets": "calls"}
OTHERS = {"--write", "--remove", "--all", "--yes", "--for", "--url", "--help"}
"""What says where to, how, or of which server, and has tests of its own."""
FLAGS = {
    option.opts[0]: [] if option.is_flag else [VALUES[option.opts[0]]]
    for option in command.params
    if isinstance(option, click.Option) and option.opts[0] not in OTHERS
}
"""Every flag that says how the server is to be, read off the command itself."""
RUNNING = "http://127.0.0.1:8765/mcp"

every_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=lambda client: client.name)
remote = pytest.mark.parametrize("name", ["chatgpt", "claude-ai"])


def ran(*words: str) -> Result:
    return CliRunner().invoke(group, ["config", *words])


def printed(*words: str) -> str:
    done = ran(*words)
    assert done.exit_code == 0, done.output
    return done.stdout


@every_client
def test_every_flag_is_in_the_config_that_is_printed(client: Client, home: Path) -> None:
    words = [word for flag, value in FLAGS.items() for word in (flag, *value)]
    out = printed(client.name, *words)
    missing = [word for word in words if word not in out]
    assert not missing, f"{client.name} leaves out {missing}:\n{out}"


@every_client
def test_what_a_role_says_of_the_server_is_in_it(client: Client, home: Path) -> None:
    assert "--read-only" in printed(client.name, "--for", "analyst")


@every_client
def test_a_flag_for_a_server_that_runs_already_is_written_or_refused(
    client: Client, home: Path
) -> None:
    if not client.reaches(RUNNING):
        words = [word for flag, value in FLAGS.items() for word in (flag, *value)]
        out = printed(client.name, "--url", RUNNING, *words)
        assert [word for word in words if word not in out] == []
        return
    for flag, value in {**FLAGS, "--for": ["analyst"]}.items():
        done = ran(client.name, "--url", RUNNING, flag, *value)
        assert done.exit_code == 2, flag
        assert f"{flag} is for a server that a client starts" in done.output
        assert RUNNING not in done.stdout


@pytest.mark.parametrize("words", [("--all",), ("--all", "--remove"), ("cursor", "--remove")])
def test_a_flag_where_nothing_is_written_is_refused(words: tuple[str, ...], home: Path) -> None:
    for flag, value in {**FLAGS, "--for": ["analyst"], "--url": [RUNNING]}.items():
        done = ran(*words, flag, *value)
        assert done.exit_code == 2, flag
        assert flag in done.output


@remote
def test_the_steps_start_this_very_python_with_the_surface_that_fits(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRCALL_MCP_HOME", "/a home of ours")
    steps = printed(name, "--read-only")
    assert f"{sys.executable} -m aircall_mcp serve --transport http --port 8000" in steps
    assert "--surface tasks --read-only" in steps
    assert "AIRCALL_MCP_HOME=" in steps
    assert "/a home of ours" in steps


def test_the_line_for_the_key_is_one_of_the_system_s_own_shell(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRCALL_MCP_HOME", "/it's a home")
    said = of_the_http_key(settings_from(), "windows")
    assert "$env:AIRCALL_MCP_HTTP_KEY = Get-Content '/it''s a home" in said
    assert "export" not in said
    assert "export AIRCALL_MCP_HTTP_KEY=" in of_the_http_key(settings_from(), "macos")


@remote
def test_a_server_that_runs_is_not_started_again(name: str, home: Path) -> None:
    behind = printed(name, "--url", RUNNING)
    assert RUNNING in behind
    assert "127.0.0.1:8765" in behind.replace(RUNNING, "")
    assert "aircall_mcp serve" not in behind
    public = printed(name, "--url", "https://mcp.example.com/mcp")
    assert "https://mcp.example.com/mcp" in public
    assert "aircall_mcp serve" not in public
    assert "127.0.0.1" not in public
