"""A real terminal: a command on a pty of some width, and a person who types when asked."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PATIENCE = 60.0
"""Seconds to wait for something that must come."""

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


@dataclass(frozen=True, slots=True)
class Shown:
    """What stood on the terminal in the end: `raw` with its colours, `text` without."""

    code: int
    raw: str

    @property
    def text(self) -> str:
        return _STYLE.sub("", self.raw).replace("\r\n", "\n")

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


WITHOUT_POWER = """
import ctypes, os, sys
if os.geteuid() == 0:  # root writes everywhere, unless it gives up that right (CAP_DAC_OVERRIDE)
    if ctypes.CDLL(None, use_errno=True).prctl(24, 1, 0, 0, 0):
        sys.exit("this root keeps its rights")
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Goes on as the program that it is given, whom the modes of files bind, whoever runs the tests.
Linux."""


def on_terminal(
    *words: str,
    typed: Sequence[tuple[str, str]] = (),
    columns: int = 80,
    variables: Mapping[str, str] | None = None,
    until: str | None = None,
    piped: str | None = None,
) -> Shown:
    """`aircall-mcp WORDS` on a terminal. Each of `typed` is what must be shown before, and the line
    that is typed then, if any; what was shown for one is not looked at again for the next.

    With `until` Control-C is pressed once that is shown; `piped` is what comes by stdin instead of
    the keyboard.
    """
    process, screen = pty.fork()
    if process == 0:
        # Before the command can ask; and Control-C ends it also where the tests run unattended.
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if piped is not None:
            reading, writing = os.pipe()
            os.write(writing, piped.encode())
            os.close(writing)
            os.dup2(reading, 0)
        environment = {**os.environ, "TERM": "xterm-256color", **(variables or {})}
        for told in ("COLUMNS", "LINES"):  # whoever runs the tests may have a width of their own
            environment.pop(told, None)
        os.execve(sys.executable, [sys.executable, "-m", "aircall_mcp", *words], environment)
    waiting = [*typed, *([(until, "\x03")] if until is not None else [])]
    shown, seen, end = "", 0, time.monotonic() + PATIENCE
    try:
        while True:
            ready, _, _ = select.select([screen], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"nothing more came; so far: {shown}")
            try:
                part = os.read(screen, 65536)
            except OSError:  # how Linux says that nobody writes any more
                break
            if not part:
                break
            shown += part.decode("utf-8", "replace")
            while waiting and (place := _STYLE.sub("", shown).find(waiting[0][0], seen)) >= 0:
                seen = place + len(waiting[0][0])
                _, line = waiting.pop(0)
                if line:
                    os.write(screen, line.encode() if line == "\x03" else f"{line}\n".encode())
    finally:
        os.close(screen)  # which hangs up on whoever is still there
        _, status = os.waitpid(process, 0)
    assert not waiting, f"never asked: {waiting}; shown: {shown}"
    return Shown(os.waitstatus_to_exitcode(status), shown)
