"""What a shell completes: by the shell's own script, in a real shell where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from aircall_mcp.cli import group

BIN = Path(sys.executable).parent
SHELL = """
source "$1"
words=("${@:2}")
COMP_WORDS=("${words[@]}"); COMP_CWORD=$((${#words[@]} - 1))
_aircall_mcp_completion aircall-mcp
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script(shell: str) -> str:
    printed = CliRunner().invoke(group, ["completion", shell])
    assert printed.exit_code == 0, printed.output
    assert printed.stderr == ""
    return printed.stdout


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("completion") / "aircall-mcp.bash"
    file.write_text(script("bash"))
    return file


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("ser",), {"serve"}),
        (("accounts", "re"), {"remove"}),
        (("run", "aircall_list_ta"), {"aircall_list_tags"}),
        (("describe", "list_ta"), {"list_tags"}),
        (("tools", "--toolsets", "calls,ta"), {"calls,tags"}),
        (("serve", "--allow", "reach,exp"), {"reach,exposes"}),
        (("events", "list", "--kinds", "call.ended,call.hu"), {"call.ended,call.hungup"}),
        (("config", "vs"), {"vscode"}),
        (("accounts", "remove", ""), {""}),
    ],
)
def test_bash_completes_commands_operations_and_words_in_lists(
    bash: Path, words: tuple[str, ...], offered: set[str]
) -> None:
    done = subprocess.run(
        ["bash", "-c", SHELL, "bash", str(bash), "aircall-mcp", *words],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.stderr == ""
    assert set(done.stdout.splitlines()) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script_of_its_own_that_asks_this_command(shell: str) -> None:
    assert f"_AIRCALL_MCP_COMPLETE={shell}_complete" in script(shell)


def test_a_home_that_is_broken_completes_nothing_and_says_nothing(home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("= 1")
    asked = {"_AIRCALL_MCP_COMPLETE": "bash_complete", "COMP_WORDS": "aircall-mcp accounts test ",
             "COMP_CWORD": "3"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "aircall_mcp"],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **asked},
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_which_shell_is_meant_is_asked_where_it_is_not_clear() -> None:
    unclear = CliRunner().invoke(group, ["completion"], env={"SHELL": "/bin/tcsh"})
    assert unclear.exit_code == 2
    assert "bash, zsh, fish" in unclear.output
    own = CliRunner().invoke(group, ["completion"], env={"SHELL": "/usr/bin/fish"})
    assert own.stdout == script("fish")
