"""Watches every byte that the tests see leave: no canary may sing in any of them.

Canaries are the secrets of the suite. What is read: standard output and error and the log of the
tests, whatever comes out of the processes they start, every byte on every socket of theirs, and
every file they leave behind. A credential may be where it belongs: in the `Authorization` of a
request to Aircall, in the exchange of tokens, and in what Aircall itself says of its webhooks.
"""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

import pytest

from .canaries import sightings

_TO_AIRCALL = re.compile(rb"^(GET|POST|PUT|PATCH|DELETE) /(v[12]|oauth)/", re.MULTILINE)
_TO_US = re.compile(rb"^POST /webhooks/aircall/", re.MULTILINE)
_AUTHORIZATION = re.compile(rb"(?i)^authorization: .*?$", re.MULTILINE)
_FIELDS = re.compile(
    rb'"(token|access_token|refresh_token|client_secret)":\s*"[^"]*"'
    rb"|(refresh_token|client_id|client_secret)=[^&\s]*"
)
_ITS_KEYS = re.compile(rb'^\{"base_url": .*?\}$', re.MULTILINE)
"""What `aircall-mcp sandbox` says first: how to get in."""
_LEFT = "canaries left"


class Watch:
    """A plugin of pytest: remembers bytes by where they went, and looks through them after each
    test. A test marked `plants_canaries` may.
    """

    def __init__(self) -> None:
        self._pipes: defaultdict[int, bytearray] = defaultdict(bytearray)
        self._sockets: WeakKeyDictionary[socket.socket, bytearray] = WeakKeyDictionary()
        self._streams: list[bytearray] = []
        self._printed: list[str] = []
        self._looked_at: set[Path] = set()
        self._undo: list[Callable[[], None]] = []
        self._of_workers: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "teardown":
            given = getattr(item, "funcargs", {})
            home = given["pytester"].path if "pytester" in given else given.get("tmp_path")
            found = sorted(set(self._sightings(report.sections, home)))
            if found and item.get_closest_marker("plants_canaries") is None:
                report.outcome = "failed"
                report.longrepr = "A canary sang:\n" + "\n".join(found)
        return report

    def pytest_sessionstart(self) -> None:
        read, send, sendall = os.read, socket.socket.send, socket.socket.sendall
        recv, recv_into = socket.socket.recv, socket.socket.recv_into

        readouterr = cast("Callable[[Any], Any]", pytest.CaptureFixture.readouterr)  # pyright: ignore[reportUnknownMemberType]  # of any text

        def printed(fixture: pytest.CaptureFixture[Any]) -> Any:
            captured = readouterr(fixture)
            self._printed += [str(captured.out), str(captured.err)]
            return captured

        def piped(fd: int, length: int, /) -> bytes:
            content = read(fd, length)
            self._pipes[fd] += content
            return content

        def sent(one: socket.socket, content: Any, *flags: Any) -> int:
            count = send(one, content, *flags)
            self._heard(one, bytes(memoryview(content)[:count]))
            return count

        def all_sent(one: socket.socket, content: Any, *flags: Any) -> None:
            sendall(one, content, *flags)
            self._heard(one, bytes(content))

        def received(one: socket.socket, size: int, *flags: Any) -> bytes:
            content = recv(one, size, *flags)
            self._heard(one, content)
            return content

        def received_into(one: socket.socket, buffer: Any, *more: Any) -> int:
            count = recv_into(one, buffer, *more)
            self._heard(one, bytes(memoryview(buffer)[:count]))
            return count

        begin = subprocess.Popen.__init__

        def begun(process: subprocess.Popen[Any], *arguments: Any, **more: Any) -> None:
            begin(process, *arguments, **more)
            process.stdout = _readable(process.stdout)
            process.stderr = _readable(process.stderr)

        self._replace(subprocess.Popen, "__init__", begun)
        self._replace(pytest.CaptureFixture, "readouterr", printed)
        self._replace(os, "read", piped)
        self._replace(socket.socket, "send", sent)
        self._replace(socket.socket, "sendall", all_sent)
        self._replace(socket.socket, "recv", received)
        self._replace(socket.socket, "recv_into", received_into)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        while self._undo:
            self._undo.pop()()
        given = getattr(session.config, "workeroutput", None)
        if given is not None:
            given[_LEFT] = [*self._left(session.config)]
            return
        # Where workers ran the tests, each has looked through what it left, and nobody else can.
        shared = session.config.pluginmanager.hasplugin("dsession")
        for line in self._of_workers if shared else self._left(session.config):
            print(f"\n{line}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker has ended; one that died has told nothing, and fails the tests by that."""
        self._of_workers += getattr(node, "workeroutput", {}).get(_LEFT, [])

    def _left(self, config: pytest.Config) -> Iterator[str]:
        """Where a canary sang in what no test has to itself."""
        factory = getattr(config, "_tmp_path_factory", None)
        common = factory.getbasetemp() if factory is not None else None
        for path in _under(common) if common is not None else ():
            if not self._looked_at.isdisjoint(path.parents):
                continue
            if found := sightings(_content(path)):
                yield f"A canary sang in {path}: {sorted(found)}"

    def _sightings(self, sections: list[tuple[str, str]], home: Path | None) -> Iterator[str]:
        """Where a canary sang: the place, the kind and the spelling."""
        heard = [("pipe", bytes(content)) for content in self._pipes.values()]
        heard += [("socket", _beyond_what_belongs(content)) for content in self._streams]
        heard += [("output", text.encode("utf-8", "replace")) for text in self._printed]
        heard += [(title, text.encode("utf-8", "replace")) for title, text in sections]
        self._pipes.clear()
        self._streams.clear()
        self._sockets.clear()
        self._printed.clear()
        if home is not None:
            self._looked_at.add(home)
            heard += [(str(path.relative_to(home)), _content(path)) for path in _under(home)]
        for place, content in heard:
            for kind, spelling in sorted(sightings(_ITS_KEYS.sub(b"", content))):
                yield f"{kind}, {spelling}, in {place}"

    def _heard(self, one: socket.socket, content: bytes) -> None:
        if one not in self._sockets:
            self._sockets[one] = bytearray()
            self._streams.append(self._sockets[one])
        self._sockets[one] += content

    def _replace(self, owner: Any, name: str, tapped: Any) -> None:
        before = owner.__dict__.get(name)

        def undo() -> None:
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

        self._undo.append(undo)
        setattr(owner, name, tapped)


class _Pipe(io.RawIOBase):
    """The end of a pipe, read through `os.read`, where it is heard."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, buffer: Any, /) -> int:
        content = os.read(self._descriptor, len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._descriptor)


def _readable(stream: Any) -> Any:
    """The same pipe, heard; a text stream stays one."""
    if stream is None:
        return None
    pipe = io.BufferedReader(_Pipe(os.dup(stream.fileno())))
    encoding, errors = getattr(stream, "encoding", None), getattr(stream, "errors", None)
    stream.close()
    return pipe if encoding is None else io.TextIOWrapper(pipe, encoding, errors)


def _beyond_what_belongs(stream: bytearray) -> bytes:
    if _TO_AIRCALL.search(stream):
        return _FIELDS.sub(b"", _AUTHORIZATION.sub(b"", stream))
    if _TO_US.search(stream):
        return _FIELDS.sub(b"", stream)
    return bytes(stream)


def _under(home: Path) -> Iterator[Path]:
    for directory, directories, names in os.walk(home, onerror=None):
        # A program that a test installs is no leak: the sandbox's keys stand in its source.
        directories[:] = [name for name in directories if name != "site-packages"]
        yield from (Path(directory, name) for name in names)


def _content(path: Path) -> bytes:
    """Of a file that can be read: the tests leave sockets and broken links, too."""
    name = str(path).encode()
    return name + (path.read_bytes() if path.is_file() else b"")
