"""Somebody put something else in the place of each file of the home, before its owner used it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from aircall_mcp.cli import group
from aircall_mcp.errors import AircallMCPError

from ..foreign import announced
from ..harness import sandbox_with

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform == "win32", reason="there are no modes"),
]

KEPT = b'surface = "search"\n'
"""What stands in the file outside: as settings it would be taken."""
GIVEN = {
    "accounts add": "sandbox-api-id\nsandbox-api-token\n",
    "forward add": "https://hooks.slack.com/services/a\n",
}
"""What is typed at hidden questions."""
TAG = json.dumps({"name": "VIP", "color": "#123456"})


def typed(*words: str) -> str:
    """What a person reads who types `words`."""
    result = CliRunner().invoke(group, [*words], input=GIVEN.get(" ".join(words[:2])))
    error = result.exception
    if isinstance(error, AircallMCPError):
        return f"{result.output}{error.message} {error.hint}"
    assert isinstance(error, SystemExit | None), result.output + repr(error)
    return result.output


@pytest.fixture
def used(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with all that a company uses, over a sandbox that listens."""
    with announced(sandbox_with()) as url:
        monkeypatch.setenv("AIRCALL_MCP_BASE_URL", url)
        typed("vault", "init", "--key", "file")
        typed("accounts", "add", "acme")
        (home / "config.toml").write_text('log_level = "info"\n')
        (home / "policy.toml").write_text('[effects]\nreach = "ask"\n')
        for words in COMMANDS:
            typed(*words)
        yield home


COMMANDS = (
    ("run", "create_tag", "--args", TAG), ("vault", "check"), ("vault", "rotate"),
    ("accounts", "list"), ("events", "list"), ("forward", "list"), ("webhooks", "status"),
    ("suppress", "list"), ("policy", "show"), ("approve", "--list"), ("activity",),
    ("forward", "add", "--kinds", "call.*", "--to", "slack:support"), ("doctor",),
)  # fmt: skip

MENDS = ("rm", "mv", "chmod 600", "cp -p")

Plant = Callable[[Path, Path], None]


def link(file: Path, outside: Path) -> None:
    file.symlink_to(outside)


def second_name(file: Path, outside: Path) -> None:
    file.hardlink_to(outside)


def pipe(file: Path, _outside: Path) -> None:
    os.mkfifo(file, 0o600)


def directory(file: Path, _outside: Path) -> None:
    file.mkdir(0o700)


def open_to_all(file: Path, outside: Path) -> None:
    shutil.copyfile(outside, file)
    file.chmod(0o666)


PLANTS: tuple[Plant, ...] = (link, second_name, pipe, directory, open_to_all)


def files_of(home: Path) -> list[Path]:
    """All that may be opened there; the lock of a renewal, and what a crash leaves, as well."""
    there = [one for one in home.rglob("*") if one.is_file()]
    beside = [one.with_name(one.name + "-journal") for one in there if one.suffix == ".db"]
    more = (home / one for one in ("forwarding.db", "usage.db", "http.key", "log/server.log"))
    return sorted({*there, *beside, *more})


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_no_file_outside_is_touched_and_each_refusal_says_what_to_do(
    used: Path, tmp_path: Path, plant: Plant, full: bool
) -> None:
    files, refused = files_of(used), 0
    if not full and plant is not link:
        files = files[PLANTS.index(plant) :: len(PLANTS)]
    for file in files:
        outside = tmp_path / "outside"
        outside.write_bytes(KEPT)
        outside.chmod(0o600)
        away = tmp_path / "away"
        away.unlink(missing_ok=True)
        if file.exists():
            file.rename(away)
        file.parent.mkdir(0o700, exist_ok=True)
        plant(file, outside)
        for words in COMMANDS if full else (*COMMANDS[:4], *COMMANDS[7:9]):
            said = " ".join(typed(*words).split())
            if str(file) in said and "good" not in said and "✓" not in said:
                refused += 1
                assert any(f"un: {mends} " in said for mends in MENDS), (file, words, said)
        assert outside.read_bytes() == KEPT, file
        assert stat.S_IMODE(outside.stat().st_mode) == 0o600, file
        shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink(True)
        if away.exists():
            away.rename(file)
    assert refused >= (len(files) if full else 1)
    print(f"home, {plant.__name__}: {refused} refused, 0 files outside touched")
