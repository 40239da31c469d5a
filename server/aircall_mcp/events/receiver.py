"""Receive events: `POST /webhooks/aircall/<webhook>`, an ASGI app for a port of its own.

Size, then token, then commit, then 200. What arrives together is committed together; nobody is told
200 before that, and whoever cannot be served hears 503 and when to come back. The app needs no key
and no vault: it knows tokens by their digests, and seals what it cannot read again.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, TypeAlias, cast

from ..errors import StoreError
from ..ground.clock import Clock
from ..ground.weight import LIGHT
from .coverage import HEARTBEAT
from .envelope import NoEnvelope, envelope_of
from .event import Arrival
from .log import EventLog
from .opt_out import who_stops
from .retention import Retention
from .webhooks import Webhook

log = logging.getLogger(__name__)

PREFIX = "/webhooks/aircall/"
LARGEST = 1024 * 1024
"""Bytes of one event: the transcript of a long call has some 300,000."""
OLDEST = 24 * 3600.0
"""Seconds after which an event is a replay: Aircall repeats for half of that."""
TOGETHER = 200
"""Events of one commit, at most."""
WAITING = 10_000
"""Events that may wait for a commit before others are sent away."""
ROOM = 64 * LARGEST
"""Bytes that those may have together."""
COME_BACK = 5
"""Seconds after which to come back."""
RELOAD = 0.5
"""Seconds between two looks for a new webhook."""

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


LeaveAlone: TypeAlias = Callable[[str], Awaitable[object]]
"""Told of a number whose text asks for it. Raises `StoreError`."""


async def _nobody(_number: str) -> None:
    return


class Rejected(Exception):
    """Not taken in: the status to answer with, and why in one word."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Receiver:
    """The app, and the task that commits for it: `async with receiver:` around the serving.

    While it is up it notes that it listens, and drops what `retention` no longer keeps.
    `leave_alone` hears of every number whose text asks for it.
    """

    def __init__(
        self,
        events: EventLog,
        *,
        retention: Retention | None = None,
        clock: Clock | None = None,
        together: int = TOGETHER,
        waiting: int = WAITING,
        room: int = ROOM,
        heartbeat: float = HEARTBEAT,
        leave_alone: LeaveAlone = _nobody,
    ) -> None:
        self._events = events
        self._retention = retention or Retention()
        self._clock = clock or Clock()
        self._together = together
        self._heartbeat = heartbeat
        self._leave_alone = leave_alone
        self._queue: asyncio.Queue[tuple[Arrival, asyncio.Future[bool | None]]] = asyncio.Queue(
            waiting
        )
        self._digests: Mapping[str, bytes] = {}
        self._families: Mapping[str, str] = {}
        self._looked = float("-inf")
        self._looking = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._room = room
        self._filled = 0
        self._open = False

    async def __aenter__(self) -> Receiver:
        started = self._clock.wall()
        await self._events.aside(lambda: self._events.note_listening(started))
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
            await self._take(path.removeprefix(PREFIX).rstrip("/"), scope, receive, send)

    async def _take(self, webhook: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _body(scope, receive)
            arrival = await self._admitted(webhook, body)
            await self._heeded(arrival)
            await self._kept(arrival, len(body))
        except Rejected as rejected:
            put_off = rejected.status == 503
            again = [(b"retry-after", str(COME_BACK).encode())] if put_off else []
            await _answer(send, rejected.status, rejected.why, again)
        else:
            await _answer(send, 200, "")  # without words it leaves in one piece

    async def _admitted(self, webhook: str, body: bytes) -> Arrival:
        try:
            envelope = envelope_of(body)
            if not await self._known(webhook, envelope.token):
                raise Rejected(401, "unknown token")
            # The more there is of it the longer it takes, and others are to have their turn.
            heavy, latest = len(body) > LIGHT, self._clock.wall() + OLDEST
            read = partial(envelope.read, latest)
            told = await asyncio.to_thread(read) if heavy else read()
        except NoEnvelope as error:
            raise Rejected(400, str(error)) from None
        if told.built and self._clock.wall() - told.built > OLDEST:
            raise Rejected(410, "too old")
        return Arrival(
            webhook, told.kind, told.resource, told.built, told.data,
            self._families.get(webhook, ""), told.unrecognised, told.raw,
        )  # fmt: skip

    async def _known(self, webhook: str, token: str) -> bool:
        """Whether this is the token of that webhook. Every known token is compared, whatever
        happens to match.
        """
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        if _belongs(webhook, digest, self._digests):
            return True
        async with self._looking:
            if self._clock.monotonic() - self._looked >= RELOAD:
                await self._look()
        return _belongs(webhook, digest, self._digests)

    async def _look(self) -> None:
        try:
            found = await self._events.aside(self._events.webhooks.active)
        except StoreError:
            raise Rejected(503, "try again") from None
        self._digests = {webhook.name: webhook.digest for webhook in found}
        self._families = {webhook.name: webhook.family for webhook in found}
        self._looked = self._clock.monotonic()

    async def _heeded(self, arrival: Arrival) -> None:
        """Before it is committed: what could not be heeded is then told again."""
        number = who_stops(arrival.kind, arrival.data)
        if number is None:
            return
        try:
            await self._leave_alone(number)
        except StoreError:
            raise Rejected(503, "try again") from None

    async def _kept(self, arrival: Arrival, size: int) -> None:
        """Wait until `arrival` of so many bytes is committed."""
        if not self._open:
            raise Rejected(503, "closing")
        done: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        if self._filled + size > self._room:
            raise Rejected(503, "busy")
        try:
            self._queue.put_nowait((arrival, done))
        except asyncio.QueueFull:
            raise Rejected(503, "busy") from None
        self._filled += size
        done.add_done_callback(lambda _: self._left(size))
        try:
            committed = await done
        except StoreError:
            raise Rejected(503, "try again") from None
        if committed is None:
            # It was known here still; the log knows better.
            self._digests = {
                name: one for name, one in self._digests.items() if name != arrival.webhook
            }
            raise Rejected(401, "unknown token")

    def _left(self, size: int) -> None:
        self._filled -= size

    async def _commit(self) -> None:
        """While one commit is on its way to the disk, the next one gathers."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._together and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._commit_batch(batch)

    async def _commit_batch(
        self, batch: Sequence[tuple[Arrival, asyncio.Future[bool | None]]]
    ) -> None:
        arrivals = [one for one, _ in batch]
        try:
            news = await self._events.aside(lambda: self._events.append(arrivals))
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
        beat = self._clock.monotonic()
        while True:
            await self._clock.sleep(1)
            try:
                removed = 1
                while removed:
                    removed = await self._events.aside(lambda: self._events.prune(self._retention))
                if self._clock.monotonic() - beat >= self._heartbeat:
                    beat = self._clock.monotonic()
                    await self._events.aside(lambda: self._events.note_listening(started))
            except StoreError as error:
                log.warning("The event log: %s", error.message)


def _belongs(webhook: str, digest: bytes, digests: Mapping[str, bytes]) -> bool:
    found = False
    for name, known in digests.items():
        found |= hmac.compare_digest(digest, known) & (name == webhook)
    return found


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises `Rejected` for one that is too large, without reading it on."""
    headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
    announced = next((value for name, value in headers if name == b"content-length"), b"")
    if announced.isdigit() and len(announced) < 20 and int(announced) > LARGEST:
        raise Rejected(413, "too large")
    whole = bytearray()  # pieces of a byte each would weigh forty times as much
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Rejected(400, "cut")
        whole += message.get("body", b"")
        if len(whole) > LARGEST:
            raise Rejected(413, "too large")
        if not message.get("more_body", False):
            return bytes(whole)


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


def webhook_for(
    webhook: str, token: bytes, *, account: str, aircall_id: str, url: str,
    kinds: Sequence[str], now: float,
) -> Webhook:  # fmt: skip
    """The webhook that brings `token`, of which only the digest is kept."""
    return Webhook(webhook, account, aircall_id, sha256(token).digest(), url, tuple(kinds), now)
