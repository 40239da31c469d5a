"""A home in which nothing can be written: every command says so once, with what helps."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from ..forked import forked
from ..terminal import WITHOUT_POWER
from .shell import KEY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="gives up the rights of root"),
]

REMEDY = "Make its directory writable for you, or set AIRCALL_MCP_HOME to one that is."
KEYS = {"AIRCALL_API_ID": "an-api-id", "AIRCALL_API_TOKEN": "an-api-token"}
TAG = json.dumps({"name": "VIP", "color": "#123456"})


def run(*commands: tuple[str, ...], **variables: str) -> list[subprocess.CompletedProcess[str]]:
    return forked(*commands, given=KEY, first=WITHOUT_POWER, **variables)


@pytest.fixture(params=["there", "not there"])
def shut(home: Path, request: pytest.FixtureRequest) -> Generator[Path]:
    """A home that is read-only, or that would have to be made in a directory that is."""
    closed = home if request.param == "there" else home.parent
    closed.mkdir(exist_ok=True)
    closed.chmod(0o500)
    yield home
    closed.chmod(0o700)


WRITING = (
    ("accounts", "add", "--key", "file"),
    ("accounts", "add"),
    ("accounts", "login", "--key", "passphrase"),
    ("vault", "init", "--key", "file"),
    ("vault", "init", "--key", "passphrase"),
    ("forward", "add", "--kinds", "call.*", "--to", "slack:support"),
    ("webhooks", "register", "--public-url", "https://events.example.com"),
    ("webhooks", "serve"),
    ("run", "create_tag", "--args", TAG),
)


@pytest.mark.usefixtures("shut")
def test_what_would_write_says_it_once_with_the_remedy() -> None:
    for done in run(*WRITING, **KEYS):
        said = f"{done.args}\n{done.stdout}{done.stderr}"
        assert done.returncode == 1, said
        assert said.count("Permission denied") - said.count("no log is kept") == 1, said
        assert said.count(REMEDY) == 1, said
        assert "Traceback" not in said
        assert "bug: " not in said
        assert (
            "passphrase must have at least" not in said
        )  # nobody is asked for what cannot be kept


READING = (
    ("tools", "--toolsets", "tags"), ("search", "tags"), ("config", "cursor"),
    ("run", "list_tags", "--sandbox"), ("accounts", "list"), ("events", "list"),
    ("forward", "list"), ("forward", "status"), ("webhooks", "status"),
)  # fmt: skip


@pytest.mark.usefixtures("shut")
def test_what_only_reads_goes_on() -> None:
    for done in run(*READING):
        assert done.returncode == 0, f"{done.args}\n{done.stdout}{done.stderr}"
        assert "bug: " not in done.stderr


def test_doctor_says_that_it_cannot_be_written_and_sends_nobody_to_itself(shut: Path) -> None:
    [done] = run(("doctor", "--json", "--sandbox"))
    assert done.returncode == 1
    findings = {one["what"]: one for one in json.loads(done.stdout)["findings"]}
    assert findings["home"]["state"] == "bad"
    assert findings["home"]["said"] == f"{shut} cannot be written: Permission denied"
    assert findings["home"]["next"] == REMEDY
    assert "aircall-mcp doctor" not in done.stdout


def test_a_home_below_a_file_is_no_home(home: Path) -> None:
    home.write_text("a file")
    inside = {"AIRCALL_MCP_HOME": str(home / "below")}
    looked, done = run(
        ("doctor", "--json", "--sandbox"), ("accounts", "add", "--key", "file"), **inside, **KEYS
    )
    findings = json.loads(looked.stdout)["findings"]
    assert [one["state"] for one in findings if one["what"] == "home"] == ["bad"]
    assert done.returncode == 1
    assert "A part of its path is a file" in done.stderr
