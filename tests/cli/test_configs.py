"""Twelve clients on three platforms: our server in their files, and out of them again."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.cli.configs import changes, jsonc, toml, yaml
from aircall_mcp.cli.configs.known_clients import CLIENTS, Client, start_for
from aircall_mcp.cli.configs.places import Machine, Platform
from aircall_mcp.errors import StoreError

LOCAL = [client for client in CLIENTS.values() if client.where]
PLATFORMS: tuple[Platform, ...] = ("linux", "macos", "windows")

every_client = pytest.mark.parametrize("client", LOCAL, ids=lambda client: client.name)
every_platform = pytest.mark.parametrize("platform", PLATFORMS)

SECRET = "ghp_somebody-elses-token"

WITH_COMMENTS = f"""// my settings
{{
    "theme": "dark", // as my eyes want it
    "KEY": {{
        /* the one for issues */
        "github": {{ "command": "npx", "args": ["gh"], "env": {{ "GITHUB_TOKEN": "{SECRET}" }} }}
    }},
    "zoom": 1.50,
}}
"""
IN_TOML = f"""# mine
model = "gpt-5.5"   # the large one

[mcp_servers.github]
command = 'npx'
env = {{ GITHUB_TOKEN = "{SECRET}" }}

[tui]
notifications = true
"""
IN_YAML = f"""# mine
GOOSE_PROVIDER:   openai   # aligned by hand
extensions:
    # the one for issues
    github:
        cmd: npx
        args: ["-y", gh]
        envs: {{GITHUB_TOKEN: {SECRET}}}
    developer:
        enabled: true
GOOSE_MODEL: 'gpt-5.5'
"""


def by_format(client: Client, *of: Any) -> Any:
    """What is meant for the client's format, of those for JSON, TOML and YAML."""
    return of[(jsonc, toml, yaml).index(client.format)]


def sample(client: Client) -> str:
    return by_format(client, WITH_COMMENTS, IN_TOML, IN_YAML).replace("KEY", client.key)


def machine_at(folder: Path, platform: Platform = "linux", **variables: str) -> Machine:
    return Machine(platform, folder / "person", variables)


def place(client: Client, machine: Machine) -> Path:
    assert client.where is not None
    return client.where(machine)


def laid(client: Client, machine: Machine, content: str | bytes) -> Path:
    file = place(client, machine)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(0o600)
    return file


def write(client: Client, machine: Machine, home: Path, **choices: Any) -> bytes:
    change = changes.written(client, start_for(client, **choices), machine)
    if change.needed:
        change.make(home)
    return change.file.read_bytes()


def remove(client: Client, machine: Machine, home: Path) -> bytes | None:
    change = changes.removed(client, machine, home)
    if change.needed:
        change.make(home)
    return change.file.read_bytes() if change.file.exists() else None


ROAMING = "AppData/Roaming"
SUPPORT = "Library/Application Support"
CLAUDE = "Claude/claude_desktop_config.json"
PLACES = {
    "claude-desktop": (f".config/{CLAUDE}", f"{SUPPORT}/{CLAUDE}", f"{ROAMING}/{CLAUDE}"),
    "claude-code": (".claude.json",) * 3,
    "cursor": (".cursor/mcp.json",) * 3,
    "vscode": (
        ".config/Code/User/mcp.json",
        f"{SUPPORT}/Code/User/mcp.json",
        f"{ROAMING}/Code/User/mcp.json",
    ),
    "windsurf": (".codeium/windsurf/mcp_config.json",) * 3,
    "codex": (".codex/config.toml",) * 3,
    "zed": (
        ".config/zed/settings.json",
        ".config/zed/settings.json",
        f"{ROAMING}/Zed/settings.json",
    ),
    "gemini-cli": (".gemini/settings.json",) * 3,
    "opencode": (".config/opencode/opencode.json",) * 3,
    "cline": (".cline/data/settings/cline_mcp_settings.json",) * 3,
    "jetbrains": (".junie/mcp/mcp.json",) * 3,
    "goose": (
        ".config/goose/config.yaml",
        ".config/goose/config.yaml",
        f"{ROAMING}/Block/goose/config/config.yaml",
    ),
}


@every_client
@every_platform
def test_each_client_has_its_file_on_each_platform(
    client: Client, platform: Platform, tmp_path: Path
) -> None:
    machine = machine_at(tmp_path, platform)
    file = place(client, machine)
    assert file == machine.home / PLACES[client.name][PLATFORMS.index(platform)]
    assert not client.is_there(machine)
    laid(client, machine, "")
    assert client.is_there(machine)


@every_client
@every_platform
@pytest.mark.parametrize("there", ["nothing", "an empty file", "no server yet", "others"])
def test_written_twice_it_is_equal_and_removed_it_is_as_before(
    client: Client, platform: Platform, there: str, tmp_path: Path, home: Path
) -> None:
    machine = machine_at(tmp_path, platform)
    bare = by_format(client, '{\n\t"a": 1\n}', "a = 1", "a: 1")
    content = {"nothing": None, "an empty file": "", "no server yet": bare,
               "others": sample(client)}[there]  # fmt: skip
    if content is not None:
        laid(client, machine, content)
    once = write(client, machine, home, allow=("reach",))
    assert write(client, machine, home, allow=("reach",)) == once
    entry = changes.entry_of(client, machine)
    assert entry is not None
    assert "reach" in str(entry)
    assert str(sys.executable) in str(entry)
    assert remove(client, machine, home) == (None if content is None else content.encode())
    assert remove(client, machine, home) == (None if content is None else content.encode())


@every_client
def test_comments_order_and_every_byte_of_others_stay(
    client: Client, tmp_path: Path, home: Path
) -> None:
    machine = machine_at(tmp_path)
    laid(client, machine, sample(client))
    lines = write(client, machine, home).decode().splitlines()
    bare = [line.rstrip(",") for line in lines]
    for line in sample(client).splitlines():  # each is found behind the one before
        assert line.rstrip(",") in bare, line
        del bare[: bare.index(line.rstrip(",")) + 1]


@every_client
def test_another_choice_is_one_more_change_and_removed_it_is_as_before_the_first(
    client: Client, tmp_path: Path, home: Path
) -> None:
    machine = machine_at(tmp_path)
    file = laid(client, machine, sample(client))
    write(client, machine, home, variables={"AIRCALL_MCP_HOME": "/elsewhere"})
    second = write(client, machine, home, read_only=True, surface="search")
    assert b"--read-only" in second
    assert b"elsewhere" not in second
    kept = sorted(path for path in (home / "backups").rglob("*") if path.is_file())
    assert [path.name for path in kept] == ["0001", "0002"]
    assert kept[0].read_bytes() == sample(client).encode()
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert remove(client, machine, home) == sample(client).encode()


@every_client
def test_what_was_added_meanwhile_outlives_ours(client: Client, tmp_path: Path, home: Path) -> None:
    """The client itself writes into its file while we are in it."""
    machine = machine_at(tmp_path)
    more = by_format(client, '{"a": {"b": 1}}', "[a]\nb = 1\n", "a:\n  b: 1\n")
    file = laid(client, machine, more)
    write(client, machine, home)
    text = file.read_text()
    text = text.replace("{", '{"new": true, ', 1) if client.format is jsonc else text + (
        "\n[new]\nyes = true\n" if client.format is toml else "new: true\n")  # fmt: skip
    file.write_text(text)
    left = remove(client, machine, home)
    assert left is not None
    assert b"aircall" not in left
    there = client.format.read(left.decode())
    assert there["a"] == {"b": 1}
    assert there["new"]
    assert client.key not in there


@every_client
def test_what_a_person_added_to_ours_stays_in_it(
    client: Client, tmp_path: Path, home: Path
) -> None:
    machine = machine_at(tmp_path)
    file = laid(client, machine, "")
    write(client, machine, home, in_vault=True)
    mine = {"disabled": True, "timeout": 77}
    entry = {**(changes.entry_of(client, machine) or {}), **mine}
    variables = {"opencode": "environment", "goose": "envs"}.get(client.name, "env")
    entry[variables] = {"AIRCALL_API_TOKEN": "typed-by-hand"}
    file.write_text(client.format.put(file.read_text(), client.at, entry))
    write(client, machine, home, in_vault=True, allow=("delete",),
          variables={"AIRCALL_MCP_HOME": "/h"})  # fmt: skip
    now = changes.entry_of(client, machine)
    assert now is not None
    assert {key: now[key] for key in mine} == mine
    assert now[variables] == {"AIRCALL_API_TOKEN": "typed-by-hand", "AIRCALL_MCP_HOME": "/h"}
    assert "delete" in str(now)


FOREIGN = (
    ['[]', '"x"', '{"KEY": []}', '{"KEY": null}', '{"KEY": "x"}', '{"KEY": {"aircall": 1}}',
     '{"KEY": {}, "KEY": {}}', '{"KEY": {"aircall": {"command": "npx", "args": ["x"]}}}'],
    ['KEY = 1', 'KEY = []', 'KEY = {a = {command = "b"}}', '[[KEY]]\na = 1',
     '[KEY.aircall]\ncommand = "npx"'],
    ["- a", "KEY: 1", "KEY: [a]", "KEY: {a: {b: c}}", "{KEY: {}}",
     "KEY:\n  aircall:\n    cmd: npx", "a: 1\n---\nb: 2\n"],
)  # fmt: skip
BROKEN = (
    ["{", '{"a": 1,, }', "{'a': 1}", '{"a" 1}', '{"a": 1 "b": 2}', '{} x', "{/* }", "{a: 1}",
     '{"a": "\\x"}', "[" * 5000, '{"a": ' + "1" * 5000 + "}", '{"a": tru}'],
    ["[", "a = ", "[a]\n[a]\n", 'a = "b', "a = 1\na = 2"],
    ["a: [", "a: b: c", "\tb: 1", "a: &x\nb: *y", "a: !!python/object:os.system {}"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("client", "content"),
    [(client, content) for client in LOCAL
     for content in (*by_format(client, *FOREIGN), *by_format(client, *BROKEN))],
    ids=lambda one: one.name if isinstance(one, Client) else one[:20],
)  # fmt: skip
def test_a_broken_or_foreign_file_is_left_alone_with_an_error_that_says_so(
    client: Client, content: str, tmp_path: Path, home: Path
) -> None:
    machine = machine_at(tmp_path)
    content = content.replace("KEY", client.key)
    file = laid(client, machine, content)
    with pytest.raises(StoreError) as refused:
        write(client, machine, home)
    assert str(file) in refused.value.message
    assert f"aircall-mcp config {client.name}" in refused.value.hint
    assert file.read_text() == content
    assert not (home / "backups").exists()


@every_client
def test_bytes_that_are_no_text_are_left_alone(client: Client, tmp_path: Path, home: Path) -> None:
    machine = machine_at(tmp_path)
    file = laid(client, machine, b"\xff\xfe{\0}\0")
    for act in (write, remove):
        with pytest.raises(StoreError, match="not text in UTF-8"):
            act(client, machine, home)
    assert file.read_bytes() == b"\xff\xfe{\0}\0"


@every_client
def test_no_secret_of_the_environment_or_of_others_gets_into_a_file_or_a_difference(
    client: Client, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AIRCALL_API_ID", "AIRCALL_API_TOKEN", "AIRCALL_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "a-token-that-must-stay-here")
    machine = machine_at(tmp_path)
    laid(client, machine, sample(client))
    change = changes.written(client, start_for(client), machine)
    assert b"must-stay" not in (change.after or b"")
    assert "+" in change.diff()
    assert SECRET not in change.diff()
    assert "dark" not in change.diff()


@every_client
def test_a_url_is_written_where_the_client_takes_one(
    client: Client, tmp_path: Path, home: Path
) -> None:
    machine = machine_at(tmp_path)
    laid(client, machine, sample(client))
    write(client, machine, home)
    url = "http://127.0.0.1:8765/mcp"
    write(client, machine, home, url=url if client.reached else None)
    entry = changes.entry_of(client, machine)
    assert entry is not None
    by_url = client.name not in ("claude-desktop", "jetbrains")
    assert (url in entry.values()) == by_url
    assert ("aircall_mcp" in str(entry)) != by_url
    write(client, machine, home)
    assert "aircall_mcp" in str(changes.entry_of(client, machine))
    assert url not in str(changes.entry_of(client, machine))
    assert remove(client, machine, home) == sample(client).encode()


posix = pytest.mark.skipif(sys.platform == "win32", reason="links and modes")


@posix
def test_a_link_is_changed_at_its_target_and_stays_a_link(tmp_path: Path, home: Path) -> None:
    client, machine = CLIENTS["cursor"], machine_at(tmp_path)
    target = tmp_path / "dotfiles" / "mcp.json"
    target.parent.mkdir()
    target.write_text('{"mcpServers": {}}')
    target.chmod(0o640)
    link = place(client, machine)
    link.parent.mkdir(parents=True)
    link.symlink_to(target)
    change = changes.written(client, start_for(client), machine)
    assert (change.asked, change.file) == (link, target)
    change.make(home)
    assert link.is_symlink()
    assert "aircall" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(path.name for path in target.parent.iterdir()) == ["mcp.json"]


@posix
def test_a_circle_of_links_a_second_name_and_a_folder_are_left_alone(
    tmp_path: Path, home: Path
) -> None:
    client, machine = CLIENTS["cursor"], machine_at(tmp_path)
    file = place(client, machine)
    file.parent.mkdir(parents=True)
    file.symlink_to(file.parent / "other")
    (file.parent / "other").symlink_to(file)
    with pytest.raises(StoreError, match="cannot be read"):
        write(client, machine, home)
    file.unlink()
    laid(client, machine, "{}")
    os.link(file, tmp_path / "second")
    with pytest.raises(StoreError, match="hard link"):
        write(client, machine, home)
    file.unlink()
    file.mkdir()
    with pytest.raises(StoreError, match="not a plain file"):
        write(client, machine, home)


def test_a_file_that_changed_after_the_look_is_not_written_over(tmp_path: Path, home: Path) -> None:
    client, machine = CLIENTS["cursor"], machine_at(tmp_path)
    file = laid(client, machine, "{}")
    change = changes.written(client, start_for(client), machine)
    file.write_text('{"mine": 1}')
    with pytest.raises(StoreError, match="changed by somebody else"):
        change.make(home)
    assert file.read_text() == '{"mine": 1}'


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
@every_client
def test_lines_end_as_they_did_and_a_mark_at_the_start_stays(
    client: Client, newline: str, tmp_path: Path, home: Path
) -> None:
    machine = machine_at(tmp_path)
    mark = b"\xef\xbb\xbf"
    before = mark + sample(client).replace("\n", newline).encode()
    laid(client, machine, before)
    after = write(client, machine, home)
    assert after.startswith(mark)
    assert not after[3:].startswith(mark)
    assert after.count(b"\r\n") == (after.count(b"\n") if newline == "\r\n" else 0)
    assert remove(client, machine, home) == before


def test_the_packaged_claude_desktop_of_windows_reads_its_own_directory(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "windows")
    package = machine.home / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming"
    package.mkdir(parents=True)
    assert place(CLIENTS["claude-desktop"], machine) == package / CLAUDE


def test_variables_of_the_clients_lead_to_their_files(tmp_path: Path) -> None:
    there = {
        "claude-code": ("CLAUDE_CONFIG_DIR", ".claude.json"),
        "codex": ("CODEX_HOME", "config.toml"),
        "gemini-cli": ("GEMINI_CLI_HOME", ".gemini/settings.json"),
        "opencode": ("XDG_CONFIG_HOME", "opencode/opencode.json"),
        "zed": ("XDG_CONFIG_HOME", "zed/settings.json"),
        "goose": ("XDG_CONFIG_HOME", "goose/config.yaml"),
        "cline": ("CLINE_DIR", "data/settings/cline_mcp_settings.json"),
    }
    for name, (variable, rest) in there.items():
        machine = Machine("linux", tmp_path, {variable: str(tmp_path / "x")})
        assert place(CLIENTS[name], machine) == tmp_path / "x" / rest


def test_opencode_and_cline_keep_the_file_that_they_have(tmp_path: Path) -> None:
    machine = machine_at(tmp_path)
    jsonc_file = machine.home / ".config/opencode/opencode.jsonc"
    older = (
        machine.home / ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings"
        / "cline_mcp_settings.json"
    )  # fmt: skip
    for name, file in (("opencode", jsonc_file), ("cline", older)):
        file.parent.mkdir(parents=True)
        file.write_text("{}")
        assert place(CLIENTS[name], machine) == file


def test_a_program_on_the_path_is_a_client_that_is_there(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "codex"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    found = machine_at(tmp_path, PATH=str(program.parent))
    assert [client.name for client in LOCAL if client.is_there(found)] == ["codex"]
    (found.home / ".claude").mkdir(parents=True)
    assert [client.name for client in LOCAL if client.is_there(found)] == ["claude-code", "codex"]
