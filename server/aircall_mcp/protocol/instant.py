"""Answers the first messages of a session while everything else is still being imported.

A thread has the wire until a message comes that is not known by heart (`opening`). Then it hands
that over with all that was read and negotiated before, and never speaks again. What the session's
state rests on is told to the SDK anew, whose answer to it nobody hears twice.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from .opening import Opening
from .ready import ready_for

LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of one message; a longer line is refused without being kept."""
WATCH_MS = 500
TURNS = 0.0005
"""Seconds after which the import lets an answer through; five milliseconds are Python's own."""


class Instant:
    """An opening that is being answered on the wire of this process."""

    def __init__(self, ready: Mapping[str, bytes], wire: tuple[BinaryIO, BinaryIO]) -> None:
        self.wire = wire
        self.parent = os.getppid()
        self._opening = Opening(ready)
        self._rest = b""
        self._awaited = False
        self._over = threading.Event()
        self._turns = sys.getswitchinterval()
        sys.setswitchinterval(TURNS)
        gc.disable()  # what is imported stays
        threading.Thread(target=self._speak, daemon=True).start()
        if sys.platform != "win32":
            threading.Thread(target=self._watch, daemon=True).start()

    def attach(self) -> None:
        """From now on somebody waits for the rest, and sees to the end of the process."""
        sys.setswitchinterval(self._turns)
        self._awaited = True

    def handed_over(self) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Wait until a message comes that is not known here. What was read before and the session's
        state rests on, each with the answer it had, and that message; empty at the end."""
        self._over.wait()
        return self._opening.told, self._rest

    def _speak(self) -> None:
        reading, writing = self.wire
        try:
            while line := reading.readline(LONGEST_LINE + 1):
                if not line.strip():
                    continue
                answer = self._opening.answer(line) if line.endswith(b"\n") else None
                if answer is None:
                    break
                writing.write(answer)
                writing.flush()
            self._rest = line
        except OSError:  # nobody listens any more; whoever goes on with the wire sees it, too
            self._rest = b""
        if not self._rest and not self._awaited:
            os._exit(0)  # nothing was begun that would have to be finished
        self._over.set()

    def _watch(self) -> None:
        """A client that is gone, or its host, may have left stdin open."""
        poll = select.poll()
        poll.register(self.wire[1].fileno(), 0)
        while not self._awaited:
            gone = poll.poll(WATCH_MS) or os.getppid() != self.parent
            if gone and not self._awaited:
                os._exit(0)


def begin(argv: Sequence[str], environment: Mapping[str, str]) -> Instant | None:
    """Take the wire and answer on it, where `argv` starts a server on stdio whose answers are
    ready; None where it has to be started first."""
    if argv[:1] != ["serve"] or "--no-instant" in argv or sys.stdin is None or sys.stdin.isatty():
        return None
    ready = ready_for(argv, environment)
    if ready is None:
        return None
    for number in (signal.SIGINT, signal.SIGTERM):  # there is nothing to finish yet
        signal.signal(number, lambda number, _: os._exit(128 + number))
    return Instant(ready, take_wire())


def take_wire() -> tuple[BinaryIO, BinaryIO]:
    """stdin and stdout for the protocol alone; stray prints go to stderr."""
    sys.stdout.flush()
    wire_in, wire_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(wire_in, "rb"), os.fdopen(wire_out, "wb")


@contextmanager
def taken_wire(begun: Instant | None) -> Generator[tuple[BinaryIO, BinaryIO]]:
    """The wire of `begun`, or the one that this process was given."""
    reading, writing = take_wire() if begun is None else begun.wire
    with reading, writing:
        yield reading, writing
