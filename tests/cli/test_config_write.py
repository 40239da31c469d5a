"""`config --write`, `--remove` and `--all`, as a person types them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from aircall_mcp.cli import main
from aircall_mcp.cli.policy import names
from aircall_mcp.cli.roles import ROLES
from aircall_mcp.safety.policy_file import PRESETS, policy_in, policy_of, preset_text

from ..terminal import Shown, on_terminal

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="a pty"),
    # The child of a fork is another program at once.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]

MINE = '{\n  "mcpServers": {\n    "other": {"command": "x", "env": {"A": "their-secret"}}\n  }\n}\n'


@pytest.fixture
def person(tmp_path: Path) -> Path:
    folder = tmp_path / "person"
    folder.mkdir()
    return folder


def config(
    person: Path, *words: str, typed: Sequence[tuple[str, str]] = (), columns: int = 80
) -> Shown:
    variables = {"HOME": str(person), "PATH": "/nowhere", "XDG_CONFIG_HOME": ""}
    return on_terminal("config", *words, typed=typed, variables=variables, columns=columns)


def laid(person: Path, content: str = MINE) -> Path:
    file = person / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.write_text(content)
    return file


def test_the_difference_is_shown_and_a_no_leaves_all_as_it_is(person: Path, home: Path) -> None:
    file = laid(person)
    shown = config(
        person, "cursor", "--write", "--sandbox", typed=[("Make this change? [Y/n]: ", "n")]
    )
    assert shown.code == 0, shown.text
    assert '+    "aircall": {' in shown.text
    assert "Not changed." in shown.text
    assert "their-secret" not in shown.raw
    assert file.read_text() == MINE
    assert not (home / "backups").exists()


def test_written_asked_once_equal_the_second_time_and_taken_out_again(
    person: Path, home: Path, ran: Ran
) -> None:
    file = laid(person)
    yes = [("Make this change? [Y/n]: ", "y")]
    shown = config(person, "cursor", "--write", "--sandbox", "--read-only", typed=yes)
    assert shown.code == 0, shown.text
    entry = json.loads(file.read_text())["mcpServers"]["aircall"]
    assert entry["args"][-2:] == ["--read-only", "--sandbox"]
    assert entry["env"] == {"AIRCALL_MCP_HOME": str(home)}
    (kept,) = (path for path in (home / "backups").rglob("*") if path.is_file())
    assert str(kept) in shown.text.replace("\n", "")
    assert kept.read_text() == MINE
    once = file.read_bytes()
    again = ran("cursor", "--write", "--sandbox", "--read-only", "--yes")
    assert "already has this entry" in again.stderr
    assert file.read_bytes() == once
    gone = config(person, "cursor", "--remove", typed=yes)
    assert gone.code == 0, gone.text
    assert '-    "aircall": {' in gone.text
    assert file.read_text() == MINE
    assert "no entry of ours" in ran("cursor", "--remove", "--yes").stderr


def test_a_link_is_said_and_its_target_changed(person: Path, tmp_path: Path, ran: Ran) -> None:
    target = tmp_path / "dotfiles.json"
    target.write_text("{}")
    file = person / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.symlink_to(target)
    assert f"the changed file is {target}" in ran("cursor", "--write", "--sandbox", "--yes").stderr
    assert "aircall" in target.read_text()
    assert file.is_symlink()


@dataclass(frozen=True, slots=True)
class Done:
    """How the command ended in this very process, where nobody can be asked."""

    returncode: int
    stdout: str
    stderr: str


Ran = Callable[..., Done]


@pytest.fixture
def ran(person: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ran:
    monkeypatch.setenv("HOME", str(person))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["aircall-mcp", "config", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run


def test_where_nobody_can_be_asked_nothing_is_changed_without_yes(person: Path, ran: Ran) -> None:
    file = laid(person)
    refused = ran("cursor", "--write")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert file.read_text() == MINE
    done = ran("cursor", "--write", "--yes")
    assert done.returncode == 0, done.stderr
    assert "their-secret" not in done.stderr + done.stdout
    assert "accounts add" in done.stderr


def test_all_says_who_is_there_writes_to_each_and_goes_on_past_one_that_is_broken(
    person: Path, ran: Ran
) -> None:
    cursor = laid(person, "{ broken")
    codex = person / ".codex" / "config.toml"
    codex.parent.mkdir()
    codex.write_text("# mine\n")
    listed = ran("--all")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["client", "cursor", "codex"]
    assert "line 1" in listed.stdout
    assert "not yet" in listed.stdout
    done = ran("--all", "--write", "--yes", "--sandbox")
    assert done.returncode == 1
    assert "aircall-mcp config cursor" in " ".join(done.stderr.split())
    assert cursor.read_text() == "{ broken"
    assert codex.read_text().startswith("# mine\n\n[mcp_servers.aircall]\n")
    assert "connected" in ran("--all").stdout
    assert ran("--all", "--remove", "--yes").returncode == 1
    assert codex.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Name a client, or use --all."),
        (("cursor", "--all"), "Name a client, or use --all."),
        (("cursor", "--write", "--remove"), "cannot be combined"),
        (("cursor", "--write", "--yes", "--toolsets", "calss"), "Did you mean `calls`?"),
        (("cursor", "--write", "--yes", "--allow", "reech"), "Did you mean `reach`?"),
        (("cursor", "--url", "http://me:secret-word@127.0.0.1:8000/mcp"), "holds no secret"),
        (("cursor", "--url", "file:///etc/passwd"), "--url is an address"),
        (("chatgpt", "--write", "--yes"), "aircall-mcp config chatgpt"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_touched(
    words: tuple[str, ...], said: str, person: Path, ran: Ran
) -> None:
    file = laid(person)
    refused = ran(*words)
    assert refused.returncode in (1, 2)
    assert said in " ".join(refused.stderr.split())
    assert "secret-word" not in refused.stderr
    assert file.read_text() == MINE


def test_what_the_client_does_by_itself_and_where_it_would_be_written_is_shown(
    person: Path, ran: Ran
) -> None:
    for client, begins in (
        ("claude-code", "claude mcp add --scope user aircall --env AIRCALL_MCP_HOME="),
        ("codex", "codex mcp add aircall --env AIRCALL_MCP_HOME="),
        ("gemini-cli", "gemini mcp add --scope user --env AIRCALL_MCP_HOME="),
        ("vscode", 'code --add-mcp \'{"name": "aircall", "command": '),
    ):
        said = ran(client, "--sandbox").stderr
        assert f"  {begins}" in said
        assert f"`--write` writes it into {person}" in said
    url = "http://127.0.0.1:8000/mcp"
    assert f"codex mcp add aircall --url {url}" in ran("codex", "--url", url).stderr
    desktop = ran("claude-desktop", "--url", url)
    assert "starts a server of its own" in desktop.stderr
    assert url not in desktop.stdout


def test_a_file_that_may_not_be_written_is_told_and_nothing_is_left_beside_it(
    person: Path, tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = laid(person)
    home = tmp_path / "taken"
    home.write_text("a file where the home should be")
    monkeypatch.setenv("AIRCALL_MCP_HOME", str(home))
    refused = ran("cursor", "--write", "--yes", "--sandbox")
    assert refused.returncode == 1
    assert "AIRCALL_MCP_HOME" in refused.stderr
    assert file.read_text() == MINE
    assert [path.name for path in file.parent.iterdir()] == ["mcp.json"]


def test_what_a_client_is_for_picks_its_tools_and_its_policy(
    person: Path, home: Path, ran: Ran
) -> None:
    file = laid(person)
    assert ran("cursor", "--write", "--for", "support", "--yes").returncode == 0
    args = json.loads(file.read_text())["mcpServers"]["aircall"]["args"]
    assert "messages" in args[args.index("--toolsets") + 1].split(",")
    assert policy_in(home, *names()) == policy_of(preset_text("support"), "policy.toml", *names())
    # Another role for another client: a policy that is there holds.
    shown = ran("cursor", "--write", "--for", "analyst", "--yes")
    assert "already existed and stays" in shown.stderr
    assert "--read-only" in json.loads(file.read_text())["mcpServers"]["aircall"]["args"]
    assert policy_in(home, *names()) == policy_of(preset_text("support"), "policy.toml", *names())


def test_each_preset_of_the_policy_is_a_role() -> None:
    assert set(ROLES) == set(PRESETS)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_a_policy_and_tools_that_there_are(role: str) -> None:
    operations, toolsets = names()
    assert set(ROLES[role].toolsets) <= set(toolsets)
    assert policy_of(preset_text(role), role, operations, toolsets).written
