"""Nothing that leaves a process, and no file, shows a secret; and we would see it if it did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.accounts import Account, Accounts, Grant
from aircall_mcp.ground.secrets import Secret

from .canaries import CANARIES, sightings, sightings_under, spellings
from .cli.shell import GROUPS
from .served import served
from .vaults import vault_at


@pytest.mark.plants_canaries
@pytest.mark.parametrize("kind", CANARIES)
def test_the_scan_finds_every_spelling(kind: str, tmp_path: Path) -> None:
    written = dict(spellings(kind, CANARIES[kind]))
    assert len(written) >= 7
    for spelling, text in written.items():
        assert (kind, spelling) in sightings(b"\x00noise " + text + b" more noise")
        file = tmp_path / "deep" / "file.bin"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(os.urandom(1000) + text)
        assert ("deep/file.bin", kind, spelling) in sightings_under(tmp_path)
        file.unlink()
    assert sightings(b"nothing to see") == set()


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An Aircall that knows every key, and otherwise complains with all it has been told."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["path"] == "/v1/ping":
        status, answer = 200, {"ping": "pong"}
    elif scope["path"] == "/v1/oauth/token" and b"refresh_token" not in body:
        status = 200
        answer = {
            "access_token": CANARIES["access token"],
            "refresh_token": CANARIES["refresh token"],
            "expires_in": 3600,
        }
    else:
        told = [value.decode("latin-1") for _, value in scope["headers"]]
        status, answer = 400, {"error": "Bad Request", "troubleshoot": f"{told} {body.decode()}"}
    content = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@pytest.fixture
def aircall() -> Iterator[str]:
    with served(echo) as url:
        yield url


class Watched:
    """Runs commands, and remembers every byte they said."""

    def __init__(self, home: Path, aircall: str, **variables: str) -> None:
        self.said = b""
        self._environment = {
            **os.environ, "AIRCALL_MCP_HOME": str(home), "AIRCALL_MCP_BASE_URL": aircall,
            "AIRCALL_MCP_LOG_LEVEL": "debug", "PYTHONPATH": os.pathsep.join(sys.path), **variables,
        }  # fmt: skip

    def __call__(self, *words: str, given: str = "") -> int:
        done = subprocess.run(
            [sys.executable, *words],
            input=given.encode(), env=self._environment, capture_output=True, check=False,
        )  # fmt: skip
        self.said += done.stdout + done.stderr
        return done.returncode


KEY = f"{CANARIES['api id']}\n{CANARIES['api token']}\n"


def test_no_command_and_no_file_shows_a_secret(home: Path, aircall: str) -> None:
    watched = Watched(home, aircall, AIRCALL_MCP_VAULT_KEY=CANARIES["vault key"])
    groups = ["-c", GROUPS]
    assert watched(*groups, "accounts", "add", "paris", given=KEY) == 0
    for words in (
        ("accounts", "add", "paris"), ("accounts", "list"), ("accounts", "list", "--json"),
        ("accounts", "test", "paris"), ("accounts", "default", "nobody"),
        ("vault", "status"), ("vault", "check", "--json"), ("vault", "rotate"),
        ("accounts", "add", KEY.replace("\n", " ").split()[0][:10]),
    ):  # fmt: skip
        watched(*groups, *words, given=KEY)
    assert b"paris" in watched.said
    assert sightings(watched.said) == set()
    assert sightings_under(home) == set()


@pytest.mark.plants_canaries  # that Aircall does, in its own words
def test_an_aircall_that_repeats_what_it_was_told_is_not_repeated(home: Path, aircall: str) -> None:
    watched = Watched(
        home, aircall, AIRCALL_API_ID=CANARIES["api id"], AIRCALL_API_TOKEN=CANARIES["api token"]
    )
    assert watched("-m", "aircall_mcp", "run", "get_company", "--json") >= 0
    assert b"refused" in watched.said
    report = home / "report.toml"
    assert watched("-m", "aircall_mcp", "doctor", "--probe", "--output", str(report)) == 0
    assert "get_company" in report.read_text("utf-8")
    assert sightings(watched.said) == set()
    assert sightings_under(home) == set()


def test_a_vault_with_everything_in_it(home: Path) -> None:
    environment = {"AIRCALL_MCP_VAULT_PASSPHRASE": CANARIES["passphrase"]}
    vault = vault_at(home, environment)
    vault.create("passphrase")
    grant = Grant(
        access_token=Secret(CANARIES["access token"]),
        refresh_token=Secret(CANARIES["refresh token"]),
        client_id=Secret(CANARIES["api id"]),
        client_secret=Secret(CANARIES["client secret"]),
    )
    Accounts(vault).add(Account(name="paris", credential=grant))
    vault.write("hook", "webhook", {"token": Secret(CANARIES["webhook token"])})
    shown = f"{vault.read('hook', 'webhook')} {Accounts(vault).load('paris')} {vault.status()}"
    vault.remove("hook")
    vault.close()
    assert sightings(shown.encode()) == set()
    assert sightings_under(home) == set()


PLANTED = {
    "on_standard_output": "print(SECRET)",
    "on_standard_error": "print(SECRET, file=sys.stderr)",
    "in_the_log": "logging.getLogger('x').warning(SECRET)",
    "read_by_capsys": "print(SECRET); assert capsys.readouterr().out",
    "in_a_file": "(tmp_path / 'deep').mkdir(); (tmp_path / 'deep' / 'file').write_text(SECRET)",
    "in_a_common_file": "(tmp_path_factory.mktemp('common') / 'file').write_text(SECRET)",
    "in_the_name_of_a_file": "(tmp_path / SECRET).touch()",
    "said_by_a_process": "subprocess.run(SAY, capture_output=True, check=True)",
    "said_to_one_pipe": "subprocess.run(SAY, stdout=subprocess.PIPE, check=True)",
    "said_in_lines": "\n".join(
        (
            "with subprocess.Popen(SAY, stdout=subprocess.PIPE, text=True) as process:",
            "        process.stdout.readline()",
        )
    ),
    "said_to_asyncio": "\n".join(
        (
            "async def hear():",
            "        process = await asyncio.create_subprocess_exec(*SAY, stdout=subprocess.PIPE)",
            "        await process.communicate()",
            "    asyncio.run(hear())",
        )
    ),
    "on_a_socket": "\n".join(
        (
            "one, two = socket.socketpair()",
            "    one.sendall(b'GET /mcp HTTP/1.1\\r\\nauthorization: ' + SECRET.encode())",
            "    one.close(), two.close()",
        )
    ),
}


PLAIN = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-o", "addopts=")


@pytest.fixture
def watched(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite of its own under the same watch."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    pytester.makeconftest(
        "from tests.watch import Watch\n"
        "def pytest_configure(config): config.pluginmanager.register(Watch())\n"
    )
    return pytester


@pytest.mark.plants_canaries
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "by workers"])
def test_the_watch_over_the_tests_sees_each(
    watched: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    """Tests that pass but for the watch."""
    watched.makepyfile(
        "import asyncio, logging, socket, subprocess, sys\n"
        f"SECRET = {CANARIES['access token']!r}\n"
        "SAY = [sys.executable, '-c', f'print({SECRET!r})']\n"
        + "".join(
            f"def test_{place}(capsys, tmp_path, tmp_path_factory):\n    {code}\n"
            for place, code in PLANTED.items()
        )
    )
    done = watched.runpytest_subprocess(*PLAIN, *workers)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.assert_outcomes(passed=len(PLANTED), errors=len(PLANTED) - 1)
    for place in PLANTED:
        if place != "in_a_common_file":
            done.stdout.fnmatch_lines([f"ERROR *::test_{place}*"])
    done.stdout.fnmatch_lines(["A canary sang in *common*"])


@pytest.mark.plants_canaries
def test_a_credential_may_be_where_it_belongs(watched: pytest.Pytester) -> None:
    watched.makepyfile(
        "import socket\n"
        f"SECRET = {CANARIES['access token']!r}\n"
        "def test():\n"
        "    one, two = socket.socketpair()\n"
        "    head = b'GET /v1/company HTTP/1.1\\r\\nAuthorization: Bearer '\n"
        "    one.sendall(head + SECRET.encode())\n"
        "    one.close(), two.close()\n"
    )
    done = watched.runpytest_subprocess(*PLAIN)
    assert done.ret == pytest.ExitCode.OK
