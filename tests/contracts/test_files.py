"""Whatever opens a path goes through `ground.private_files`, or says here why it need not."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import aircall_mcp

from ..foreign import announced
from ..harness import sandbox_with

PACKAGE = Path(aircall_mcp.__file__).parent
MODES = "ground/private_files.py"

OPENERS = frozenset({
    # a file's content
    "open", "fdopen", "open_code", "read_text", "read_bytes", "write_text", "write_bytes",
    "mmap", "memmap", "fromfile", "tofile", "loadtxt", "genfromtxt", "open_text", "open_binary",
    # a file that is made
    "touch", "mkfifo", "mknod", "symlink", "symlink_to", "link_to", "hardlink_to", "truncate",
    "mkdir", "makedirs", "chmod", "fchmod", "lchmod", "chown", "unlink", "rmdir", "removedirs",
    "TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "TemporaryDirectory", "mkstemp",
    "mkdtemp", "copyfile", "copy2", "copytree", "copyfileobj", "move", "rmtree", "renames",
    # others that open one
    "connect", "FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler",
    "WatchedFileHandler", "SocketHandler", "fileConfig", "FileIO", "load_cert_chain",
    "load_verify_locations", "create_default_context", "shelve", "dbm", "extractall",
})  # fmt: skip
"""The last name of whatever opens, makes or changes a file, called or handed on."""

NO_FILES = frozenset({
    "ground/browser.py: webbrowser.open", "events/opening.py: self._events.webhooks.open",
    "events/log.py: opener.open", "workflows/cards.py: opener.open",
    "gateway/intents.py: entry.open", "vault/records.py: key.open",
})  # fmt: skip
"""What is only called so."""

PRIVATE = frozenset({
    "storage/lock.py: self._modes.open", "storage/sqlite/database.py: self._modes.touch",
    "cli/configs/backups.py: self._modes.open", "safety/brake.py: self._modes.touch",
})  # fmt: skip
"""What is a method of `Modes`."""

ARGUED = {
    # in the home
    "ground/logs.py: logging.handlers.RotatingFileHandler": "its `_open` is `Modes.append`",
    "ground/logs.py: os.fdopen": "of the descriptor that `Modes.append` gave",
    "storage/sqlite/connection.py: sqlite3.connect": "after `Modes.directory`, `touch`, `examine`",
    "storage/sqlite/database.py: connect": "the same",
    "storage/state.py: left.unlink": "takes a name away and opens nothing",
    "cli/doctor.py: TemporaryFile": "a new file without a name, to see whether one can be written",
    "cli/configs/backups.py: os.fdopen": "of the descriptor that `Modes.open` gave",
    # not in the home
    "workflows/kpis.py: file.read_text": "calls in a file that whoever typed the command named",
    **dict.fromkeys(
        (
            f"cli/configs/changes.py: {what}"
            for what in (
                "self.file.unlink",
                "file.read_bytes",
                "file.parent.mkdir",
                "os.open",
                "os.fdopen",
                "os.fchmod",
                "beside.unlink",
            )
        ),
        "a client's file, with the mode that it has; a link is said and followed to its target",
    ),
    "cli/doctor.py: output.write_text": "the report of a probe, where a person said that it goes",
    "cli/demo/__init__.py: TemporaryDirectory": "a home of the demo's own, 0700, that goes with it",
    "cli/setup/handshake.py: TemporaryFile": "without a name: what a server says that is tried",
    "cli/screen.py: os.open": "the terminal of who types",
    "protocol/instant.py: os.open": "the null device",
    "protocol/instant.py: os.fdopen": "of stdin and stdout",
    "protocol/ready.py: file.read_bytes": "the package",
    "protocol/ready.py: path.read_bytes": "the package",
    "protocol/ready.py: (PACKAGE / '_compiled' / 'registry.json').read_bytes": "the package",
    "storage/state.py: Path('/proc/sys/kernel/random/boot_id').read_text": "the kernel's",
    "vault/place.py: mounts.read_text": "the kernel's",
    "ground/clients.py: ssl.create_default_context": "the certificates that the owner named",
    "gateway/connections.py: ssl.create_default_context": "the certificates that the owner named",
    "safety/policy_file.py: (resources.files('aircall_mcp.safety') / 'presets' /"
    " f'{name}.toml').read_bytes": "the package",
    "spec/__init__.py: files('aircall_mcp').joinpath('_compiled', name).read_text": "the package",
    "search/model.py: file.read_bytes": "the package",
    "search/model.py: file.open": "the package",
    "search/model.py: mmap": "of the descriptor that this gave",
}
"""Who opens a path without it, and why that is right."""

DEVELOPMENT = ("spec/compile.py", "spec/domains.py", "spec/results.py", "search/training/")
"""What runs in a checkout of the sources, and never where somebody uses the package."""


def opening(tree: ast.AST) -> Iterator[str]:
    """The expressions that open a path, as they are written."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in OPENERS:
                yield ast.unparse(node)
            case ast.Attribute(value=value, attr="replace" | "rename" | "remove" | "access") if (
                ast.unparse(value) in ("os", "shutil")
            ):
                yield ast.unparse(node)
            case _:
                pass


def found() -> set[str]:
    return {
        f"{file}: {expression}"
        for path in PACKAGE.rglob("*.py")
        if not (file := str(path.relative_to(PACKAGE).as_posix())).startswith(DEVELOPMENT)
        for expression in opening(ast.parse(path.read_text("utf-8")))
        if file != MODES
    }


def test_an_opening_is_seen_however_it_is_written() -> None:
    code = """
open(a); io.open(a); Path(a).open("rb"); map(Path.read_text, them); f = sqlite3.connect
from os import fdopen as x
class Log(logging.FileHandler): ...
os.replace(a, b); "text".replace("a", "b"); rules.remove(a)
"""
    assert set(opening(ast.parse(code))) == {
        "open", "io.open", "Path(a).open", "Path.read_text", "sqlite3.connect",
        "logging.FileHandler", "os.replace",
    }  # fmt: skip


def test_whatever_opens_a_path_goes_through_private_files_or_is_argued_for() -> None:
    known = NO_FILES | PRIVATE | ARGUED.keys() | {"cli/doctor.py: os.access"}
    assert found() - known == set()
    assert known - found() == set()  # nobody is excused in vain


def test_nobody_imports_what_opens_under_another_name() -> None:
    hidden = [
        f"{path.relative_to(PACKAGE)}: {alias.name} as {alias.asname}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if alias.asname and alias.name.rpartition(".")[2] in OPENERS | {"os", "shutil", "sqlite3"}
    ]
    assert hidden == []


HEARD = textwrap.dedent("""
    import json, os, sys
    home, heard = os.environ["AIRCALL_MCP_HOME"], []

    def listen(event, args):
        if event == "open" and isinstance(args[0], str) and args[0].startswith(home):
            heard.append([os.path.relpath(args[0], home), bool(args[2] & os.O_NOFOLLOW)])
        elif event == "sqlite3.connect" and "mode=rw" in str(args[0]):
            heard.append([os.path.relpath(str(args[0])[5:].partition("?")[0], home), True])

    sys.addaudithook(listen)
    from click.testing import CliRunner
    from aircall_mcp.cli import group
    for words, given in json.load(sys.stdin):
        done = CliRunner().invoke(group, words, input=given)
        if done.exit_code not in (0, 1):
            sys.exit(done.output + str(done.exception))
    print(json.dumps(heard))
""")


USED = {"config.toml", "vault.key", "vault.db", "vault.anchor", "vault.lock", "journal.db",
        "log/server.log", "log/server.log.1"}  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no O_NOFOLLOW")
def test_nothing_in_the_home_is_opened_otherwise_while_it_is_used(home: Path) -> None:
    """What the process itself tells of its openings, whatever the code looks like."""
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('log_level = "info"\n')
    key = "sandbox-api-id\nsandbox-api-token\n"
    taken = socket.create_server(("127.0.0.1", 0))  # so that serving opens its log, and ends
    typed = [
        (["vault", "init", "--key", "file"], ""),
        (["accounts", "add", "acme"], key),
        (["vault", "check"], ""), (["vault", "rotate"], ""), (["accounts", "list"], ""),
        (["run", "create_tag", "--arg", "name=x", "--arg", "color=#123456"], ""),
        (["events", "list"], ""), (["forward", "list"], ""), (["doctor"], ""),
        (["serve", "--transport", "http", "--port", str(taken.getsockname()[1])], ""),
    ]  # fmt: skip
    with announced(sandbox_with()) as url:
        done = subprocess.run(
            [sys.executable, "-c", HEARD], input=json.dumps(typed), capture_output=True, text=True,
            check=False, timeout=60, env={**os.environ, "AIRCALL_MCP_BASE_URL": url},
        )  # fmt: skip
    taken.close()
    assert done.returncode == 0, done.stdout + done.stderr
    heard = json.loads(done.stdout.splitlines()[-1])
    assert {name for name, _ in heard} >= USED
    # `.` is the doctor's file without a name.
    assert [name for name, safe in heard if not safe and name != "."] == []
