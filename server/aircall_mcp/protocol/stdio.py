"""Serve MCP over stdin and stdout, and end when nobody listens any more.

The wire is taken from the process before anything else can print on it: file descriptor 1 leads to
stderr while serving. Lines are bounded; what is no JSON-RPC message is answered, so that no client
waits for ever. The process ends on EOF, SIGINT, SIGTERM, a closed stdout or a dead parent: within
2 s when idle, within 6 s when a call is in flight. Only the renewal of a grant may take longer, up
to 20 s more: the token that was asked for is the only one that works from then on.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, cast

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCResponse, jsonrpc_message_adapter
from pydantic import ValidationError

from .framed import line_of
from .frames import END, PARSE_ERROR, Refusal, id_in, message_in
from .instant import LONGEST_LINE, Instant, taken_wire
from .mcp_server import AircallServer

log = logging.getLogger(__name__)

DISCOVER = "server/discover"
DRAIN_SECONDS = 5.0
WATCH_SECONDS = 0.5
AHEAD = 16
"""Messages that are read before the first of them is taken."""
LARGEST_PIPE = 256 * 1024
"""Bytes on their way to a client that is not reading at the moment."""


async def serve(
    server: AircallServer,
    close: Callable[[float], Awaitable[None]],
    begun: Instant | None = None,
) -> None:
    """Serve until the client is gone, then end the process: it does not return.

    `close` lets go of all that the server rests on, in the seconds it is given; only the renewal of
    a grant outlasts them. `begun` is the opening of the session, where it is being answered.
    """
    ended = anyio.Event()
    code = 0

    def end(reason: str, exit_code: int = 0) -> None:
        nonlocal code
        if not ended.is_set():
            log.info("ending: %s", reason)
            code = exit_code
            ended.set()

    with taken_wire(begun) as (wire_in, wire_out):
        async with anyio.create_task_group() as tasks:
            lines = _Lines(wire_in, wire_out, partial(end, "stdout is closed"), begun)
            parent = os.getppid() if begun is None else begun.parent
            tasks.start_soon(_watch_signals, end)
            tasks.start_soon(_watch_wire, wire_out.fileno(), parent, end)

            async def serve_wire() -> None:
                while True:
                    both = cast("Any", lines)
                    await server.run(both, both, server.create_initialization_options())
                    if not lines.begun_anew:
                        break
                end("stdin is closed")

            tasks.start_soon(serve_wire)
            await ended.wait()
            with anyio.CancelScope(shield=True):
                until = anyio.current_time() + DRAIN_SECONDS + 0.5
                await lines.drained()
                await close(until - anyio.current_time())
            logging.shutdown()
            # A thread may still wait in read(0); only this ends the process for certain.
            os._exit(code)


@dataclass(frozen=True, slots=True)
class _Line:
    """A message as it came, its method, and the id of the call that it makes or cancels;
    `answered` is what its client was told already."""

    text: str
    method: Any
    calls: str | int | None
    cancels: str | int | None
    answered: bytes = b""


class _Lines:
    """stdin as bounded lines and stdout as whole lines: both streams that the SDK serves on, with
    no task between them and it. `broken` is called when nobody takes what is written."""

    def __init__(
        self,
        wire_in: BinaryIO,
        wire_out: BinaryIO,
        broken: Callable[[], None],
        begun: Instant | None = None,
    ) -> None:
        self._out = wire_out
        self._broken = broken
        _widen(wire_out.fileno())
        self._loop = asyncio.get_running_loop()
        self._begun = begun
        self._told = b""
        self._anew: _Line | None = None
        self._only_discovered: bool | None = None
        self._heard = anyio.Event()
        self._lock = threading.Lock()
        self._waiting = anyio.Lock()
        self._calls: set[str | int] = set()
        self._idle: anyio.Event | None = None
        """There while somebody waits for it."""
        self._ahead = threading.Semaphore(AHEAD)
        self._come = asyncio.Queue[_Line | None]()
        """None is the end."""
        threading.Thread(target=self._read, args=(wire_in,), daemon=True).start()

    async def __aenter__(self) -> _Lines:
        return self

    async def __aexit__(self, *_: object) -> None:
        """The wire outlasts a session on it."""

    async def aclose(self) -> None:
        """As above."""

    def __aiter__(self) -> _Lines:
        return self

    async def receive(self) -> SessionMessage | Exception:
        try:
            return await anext(self)
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    async def __anext__(self) -> SessionMessage | Exception:
        if self._told:
            await self._heard.wait()  # so that what comes next meets the state that was negotiated
        line, self._anew = self._anew, None
        if line is None:
            line = await self._come.get()
            if line is None:
                self._come.put_nowait(None)  # for whoever asks once more
                # The SDK drops what is under way when the lines end; so they end after it.
                await self.drained()
                raise StopAsyncIteration
            self._ahead.release()
        if line.method == "initialize" and self._only_discovered:
            self._anew, self._only_discovered = line, None
            await self.drained()
            raise StopAsyncIteration
        self._only_discovered = line.method == DISCOVER and self._only_discovered is not False
        if line.calls is not None:
            self._calls.add(line.calls)
        if line.cancels is not None:
            self._answered(line.cancels)
        self._told = line.answered
        try:
            return SessionMessage(jsonrpc_message_adapter.validate_json(line.text, by_name=False))
        except ValidationError as fault:  # which the SDK passes over
            return fault

    @property
    def begun_anew(self) -> bool:
        """Whether the lines ended because a client did not wait for its discovery, and goes on with
        an older version: the AI SDK waits for a second, in which not every computer starts us."""
        return self._anew is not None

    async def send(self, item: SessionMessage, /) -> None:
        """Write a message, behind those that wait for room. Raises `BrokenResourceError`."""
        message = item.message
        raw = line_of(message) + b"\n"
        if self._told:
            self._hear(raw)
            return
        try:
            if self._waiting.locked() or not self._written_at_once(raw):
                async with self._waiting:
                    await anyio.to_thread.run_sync(self._write, raw, abandon_on_cancel=True)
        except (OSError, ValueError):
            self._broken()
            raise anyio.BrokenResourceError from None
        if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
            self._answered(message.id)

    async def drained(self) -> None:
        """Wait until every call is answered on the wire, or `DRAIN_SECONDS`."""
        with anyio.move_on_after(DRAIN_SECONDS, shield=True):
            while self._calls:
                self._idle = self._idle or anyio.Event()
                await self._idle.wait()
        self._calls.clear()  # nobody waits for the same ones twice

    def _answered(self, request_id: str | int) -> None:
        self._calls.discard(request_id)
        if self._idle is not None and not self._calls:
            self._idle.set()
            self._idle = None

    def _write(self, raw: bytes) -> None:
        with self._lock:
            self._out.write(raw)
            self._out.flush()

    def _written_at_once(self, raw: bytes) -> bool:
        """Write what surely waits for nobody: to hand it to a thread costs more than that."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if len(raw) > _room_in(self._out.fileno()):
                return False
            self._out.write(raw)
            self._out.flush()
            return True
        finally:
            self._lock.release()

    def _hear(self, raw: bytes) -> None:
        """What the SDK says to what was answered before it was there: not said again."""
        if raw != self._told:
            log.warning("the ready answers differ from those of this server")
        self._told = b""
        self._heard.set()

    def _lines(self, wire_in: BinaryIO) -> Iterator[bytes]:
        """All that is read from the wire, once its opening is over."""
        if self._begun is not None:
            self._begun.attach()
            told, line = self._begun.handed_over()
            for said, answer in told:
                method = json.loads(said)["method"]
                self._take(_Line(said.decode(), method, None, None, answer))
            if not line:
                return
            yield line
        while line := wire_in.readline(LONGEST_LINE + 1):
            yield line

    def _take(self, line: _Line) -> None:
        """Hand it to the loop, in the order in which it came. Raises `RuntimeError` without one."""
        self._ahead.acquire()
        self._loop.call_soon_threadsafe(self._come.put_nowait, line)

    def _read(self, wire_in: BinaryIO) -> None:
        with suppress(RuntimeError, OSError):
            for line in self._lines(wire_in):
                if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                    end = line[-END:]
                    while (rest := wire_in.readline(65_536)) and not rest.endswith(b"\n"):
                        end = (end + rest)[-END:]
                    told = "The message is over 4 MiB."
                    self._refuse(Refusal(id_in(line, (end + rest)[-END:]), PARSE_ERROR, told))
                elif line.strip():
                    try:
                        self._take(_read(line))
                    except Refusal as refusal:
                        self._refuse(refusal)
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._come.put_nowait, None)

    def _refuse(self, refusal: Refusal) -> None:
        self._write(json.dumps(refusal.answer).encode() + b"\n")


def _widen(wire_out: int) -> None:
    """Let the pipe hold a whole answer, where that is allowed: the text and what is structured, in
    which a sign may take two bytes."""
    if sys.platform != "linux":
        return
    import fcntl

    with suppress(OSError):  # no pipe, or as many as the system gives to one user
        if fcntl.fcntl(wire_out, fcntl.F_GETPIPE_SZ) < LARGEST_PIPE:
            fcntl.fcntl(wire_out, fcntl.F_SETPIPE_SZ, LARGEST_PIPE)


def _room_in(wire_out: int) -> int:
    """Bytes that may be written without waiting: an empty pipe takes as many as it holds. 0 where
    that cannot be told."""
    if sys.platform != "linux":
        return 0
    import fcntl
    import termios

    try:
        waiting = fcntl.ioctl(wire_out, termios.FIONREAD, b"\0\0\0\0")
        return 0 if any(waiting) else fcntl.fcntl(wire_out, fcntl.F_GETPIPE_SZ)
    except OSError:  # no pipe
        return 0


def _read(line: bytes) -> _Line:
    """One message. Raises `Refusal` for what the SDK would drop without a word."""
    message, line = message_in(line)
    method, request_id = message.get("method"), message.get("id")
    cancelled: Any = cast("dict[str, Any]", message.get("params") or {}).get("requestId")
    return _Line(
        line.decode(),
        method,
        calls=request_id if method in ("tools/call", DISCOVER) else None,
        cancels=cancelled
        if method == "notifications/cancelled" and isinstance(cancelled, str | int)
        else None,
    )


async def _watch_signals(end: Callable[..., None]) -> None:
    if sys.platform == "win32":
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
        return
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            end(signal.Signals(number).name, 128 + number)


async def _watch_wire(wire_out: int, parent: int, end: Callable[..., None]) -> None:
    """A client that dies without closing stdin leaves a closed stdout or another parent behind."""
    if sys.platform == "win32":
        return
    import select

    poll = select.poll()
    poll.register(wire_out, 0)
    while True:
        await anyio.sleep(WATCH_SECONDS)
        if any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0)):
            end("stdout is closed")
        if os.getppid() != parent:
            end("the parent is gone")
