from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aircall_mcp.cli import COMMANDS
from aircall_mcp.ground import command

HINT = "A person runs `aircall-mcp approve 4f1c`; the package aircall-mcp stays, ~/aircall-mcp too."


def test_every_command_is_known_for_one() -> None:
    assert set(COMMANDS) == command.WORDS


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A command beside an interpreter, in a folder whose name a shell must quote."""
    folder = tmp_path / "my venv"
    folder.mkdir()
    ours = folder / "aircall-mcp"
    ours.write_text("#!/bin/sh\n", "utf-8")
    ours.chmod(0o755)
    return ours


@pytest.mark.parametrize("elsewhere", ["", "another"])
def test_a_command_that_the_shell_does_not_find_is_named_by_its_path(
    beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: str
) -> None:
    monkeypatch.setattr(sys, "executable", str(beside.with_name("python")))
    if elsewhere:
        (tmp_path / elsewhere).mkdir()
        other = tmp_path / elsewhere / "aircall-mcp"
        other.write_text("#!/bin/sh\n", "utf-8")
        other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / (elsewhere or "nothing")))
    assert command.runnable(HINT) == HINT.replace("`aircall-mcp approve", f"`'{beside}' approve")
    monkeypatch.setenv("PATH", str(beside.parent))
    assert command.runnable(HINT) == HINT


def test_a_hint_can_be_run_as_it_stands(tmp_path: Path) -> None:
    """From another folder, with nothing of ours on the PATH."""
    asked = [sys.executable, "-m", "aircall_mcp", "run", "list_tags"]
    bare = {**os.environ, "PATH": os.defpath}
    done = subprocess.run(
        asked, env=bare, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    path = Path(sys.executable).with_name("aircall-mcp")
    assert f"`{path} " in said, said
    again = subprocess.run(
        [str(path), "accounts", "--help"], cwd=tmp_path, capture_output=True, check=False
    )
    assert again.returncode == 0
