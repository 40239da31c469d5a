"""Take events in: `POST /webhooks/aircall/<webhook>`, an ASGI app for a port of its own.

Size, then token, then commit, then 200. What arrives together is committed together; nobody is told
200 before that, and whoever cannot be served hears 503 and when to come back. The app needs no key
and no vault: it knows tokens by their digests, and seals what it cannot read again.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import StoreError
from ..ground import asgi as hosting
from ..ground.weight import MOST_ASKED, values_in
from .log import HEARTBEAT, Door, EventLog, Retention, Told

log = logging.getLogger(__name__)

PREFIX = "/webhooks/aircall/"
LARGEST = 256 * 1024
"""Bytes of one event."""
OLDEST = 24 * 3600.0
"""Seconds after which an event is a replay: Aircall repeats for half of that."""
TOGETHER = 200
"""Events of one commit, at most."""
WAITING = 10_000
"""Events that may wait for a commit before others are sent away."""
COME_BACK = 5
"""Seconds after which to come back."""
RELOAD = 0.5
"""Seconds between two looks for a new webhook."""

_KIND = re.compile(r"[A-Za-z0-9_.:-]{1,100}")

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Turned(Exception):
    """Not taken in: the status to answer with, and why in one word."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Envelope(BaseModel):
    """What every event comes in: a webhook says `event`, a message callback `event_name`."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    token: str
    event: str | None = None
    event_name: str | None = None
    resource: str = ""
    timestamp: float = Field(0.0, allow_inf_nan=False)
    data: dict[str, Any]


@dataclass(slots=True)
class Tally:
    """What became of all requests so far."""

    stored: int = 0
    repeated: int = 0
    refused: int = 0
    put_off: int = 0


class Receiver:
    """The app, and the task that commits for it: `async with receiver:` around the serving.

    `clock` gives UNIX seconds. While it is up it notes that it listens, and drops what `retention`
    no longer keeps.
    """

    def __init__(
        self,
        events: EventLog,
        *,
        retention: Retention | None = None,
        clock: Callable[[], float] = time.time,
        together: int = TOGETHER,
        waiting: int = WAITING,
        heartbeat: float = HEARTBEAT,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._events = events
        self._retention = retention or Retention()
        self._clock = clock
        self._together = together
        self._heartbeat = heartbeat
        self._pause = pause
        self._queue: asyncio.Queue[tuple[Told, asyncio.Future[bool | None]]] = asyncio.Queue(
            waiting
        )
        self._doors: Mapping[str, bytes] = {}
        self._families: Mapping[str, str] = {}
        self._looked = float("-inf")
        self._looking = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._open = False
        self.tally = Tally()

    async def __aenter__(self) -> Receiver:
        started = self._clock()
        await self._events.aside(lambda: self._events.listening(started))
        self._open = True
        self._tasks = [
            asyncio.create_task(self._commit()),
            asyncio.create_task(self._keep_house(started)),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Commit what was taken in, then stop."""
        self._open = False
        await self._queue.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path == "/healthz":
            await _answer(send, 200 if self._open else 503, "ok" if self._open else "closed")
        elif not path.startswith(PREFIX):
            await _answer(send, 404, "nothing here")
        elif scope["method"] != "POST":
            await _answer(send, 405, "POST events here", [(b"allow", b"POST")])
        else:
            await self._take(path.removeprefix(PREFIX), scope, receive, send)

    async def _take(self, webhook: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _body(scope, receive)
            told = await self._admitted(webhook, body)
            await self._kept(told)
        except Turned as turned:
            put_off = turned.status == 503
            self.tally.put_off += put_off
            self.tally.refused += not put_off
            again = [(b"retry-after", str(COME_BACK).encode())] if put_off else []
            await _answer(send, turned.status, turned.why, again)
        else:
            await _answer(send, 200, "")  # without words it leaves in one piece

    async def _admitted(self, webhook: str, body: bytes) -> Told:
        if values_in(body) > MOST_ASKED:
            raise Turned(400, "too many values")
        try:
            envelope = Envelope.model_validate(json.loads(body, parse_constant=_no_number))
        except (ValueError, RecursionError) as error:
            fault = "envelope" if isinstance(error, ValidationError) else "JSON"
            raise Turned(400, f"no {fault}") from None
        if not await self._known(webhook, envelope.token):
            raise Turned(401, "unknown token")
        kind = envelope.event or envelope.event_name
        if kind is None or not _KIND.fullmatch(kind):
            raise Turned(400, "no event")
        now = self._clock()
        built = envelope.timestamp / 1000 if envelope.timestamp > 1e11 else envelope.timestamp
        if built and abs(now - built) > OLDEST:
            raise Turned(410, "too old" if built < now else "not yet")
        told = Told(
            webhook, kind, envelope.resource[:100], built, envelope.data,
            self._families.get(webhook, ""),
        )  # fmt: skip
        try:
            told.digest  # noqa: B018 - made here, where a fault turns away one event and not many
        except (ValueError, RecursionError):
            raise Turned(400, "no JSON") from None
        return told

    async def _known(self, webhook: str, token: str) -> bool:
        """Whether this is the token of that webhook. Every known token is compared, whatever
        happens to match.
        """
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        if _belongs(webhook, digest, self._doors):
            return True
        async with self._looking:
            if self._clock() - self._looked >= RELOAD:
                await self._look()
        return _belongs(webhook, digest, self._doors)

    async def _look(self) -> None:
        try:
            doors = await self._events.aside(self._events.doors)
        except StoreError:
            raise Turned(503, "try again") from None
        self._doors = {door.webhook: door.digest for door in doors}
        self._families = {door.webhook: door.family for door in doors}
        self._looked = self._clock()

    async def _kept(self, told: Told) -> None:
        """Wait until `told` is committed."""
        if not self._open:
            raise Turned(503, "closing")
        done: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait((told, done))
        except asyncio.QueueFull:
            raise Turned(503, "busy") from None
        try:
            new = await done
        except StoreError:
            raise Turned(503, "try again") from None
        if new is None:
            # It was known here still; the log knows better.
            self._doors = {name: one for name, one in self._doors.items() if name != told.webhook}
            raise Turned(401, "unknown token")
        self.tally.stored += new
        self.tally.repeated += not new

    async def _commit(self) -> None:
        """While one commit is on its way to the disk, the next one gathers."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._together and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._commit_batch(batch)

    async def _commit_batch(
        self, batch: Sequence[tuple[Told, asyncio.Future[bool | None]]]
    ) -> None:
        told = [one for one, _ in batch]
        try:
            news = await self._events.aside(lambda: self._events.append(told))
        except Exception as error:
            failed = error if isinstance(error, StoreError) else StoreError("The commit failed.")
            log.error("%d events were not stored: %s", len(batch), type(error).__name__)  # noqa: TRY400 - a traceback would hold what was not stored
            for _, done in batch:
                if not done.done():
                    done.set_exception(failed)
        else:
            for (_, done), new in zip(batch, news, strict=True):
                if not done.done():
                    done.set_result(new)
        finally:
            for _ in batch:
                self._queue.task_done()

    async def _keep_house(self, started: float) -> None:
        """Say that we listen, and make room: a little at a time, so that no commit waits long."""
        beat = self._clock()
        while True:
            await self._pause(1)
            try:
                removed = 1
                while removed:
                    removed = await self._events.aside(lambda: self._events.prune(self._retention))
                if self._clock() - beat >= self._heartbeat:
                    beat = self._clock()
                    await self._events.aside(lambda: self._events.listening(started))
            except StoreError as error:
                log.warning("The event log: %s", error.message)


def _belongs(webhook: str, digest: bytes, doors: Mapping[str, bytes]) -> bool:
    found = False
    for name, known in doors.items():
        found |= hmac.compare_digest(digest, known) & (name == webhook)
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises `Turned` for one that is too large, without reading it on."""
    headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
    told = next((value for name, value in headers if name == b"content-length"), b"")
    if told.isdigit() and len(told) < 20 and int(told) > LARGEST:
        raise Turned(413, "too large")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Turned(400, "cut")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > LARGEST:
            raise Turned(413, "too large")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _answer(
    send: Send, status: int, words: str, extra: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    content = words.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(content)).encode()),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def door_for(
    webhook: str, token: bytes, *, account: str, aircall_id: str, url: str,
    kinds: Sequence[str], now: float,
) -> Door:  # fmt: skip
    """The door that opens to `token`, of which only the digest is kept."""
    return Door(webhook, account, aircall_id, sha256(token).digest(), url, tuple(kinds), now)


async def serve(receiver: Receiver, host: str, port: int, *, listening: Any = None) -> None:
    """Serve until cancelled, on a port or on a socket that listens already.

    Raises `SettingsError` where the port is taken.
    """
    await hosting.serve(
        receiver,
        listening or hosting.listen(host, port),
        lifespan="off",
    )
