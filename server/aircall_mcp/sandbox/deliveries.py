"""Requests that the sandbox makes itself: its webhooks and message callbacks, posted over HTTP.

What time brings (a call that ends, a text that arrives) is seen by looking at the world again and
again; what a request did is said by who performed it. A post that fails is repeated; a webhook
that fails too often in a row is disabled until one of the repetitions gets through.

Beside Aircall's own routes there are three by which the outside acts on the sandbox:
`POST /sandbox/texts {number_id, from, body}`, `POST /sandbox/calls {number_id, from}` and
`POST /sandbox/calls/{id}/hangup`.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2

from ..ground import clients
from . import payloads, views
from .app import Receive, Sandbox, Scope, Send, live
from .deed import PERFORMED, Happened, Json, Refusal, Request
from .entities import Call, Configuration, Contact, Message, Number, Team, Webhook
from .outbox import Outbox
from .world import World, seeded

LOOK = 0.02
"""Seconds between two looks at the world."""
LONGEST_CALL = 4 * 3600


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try to deliver: `status` is None where no answer came in time."""

    time: float
    webhook: str
    event: str
    status: int | None
    repetition: int


class Deliveries:
    """The sandbox as an ASGI app that also speaks: `async with deliveries:` while it does.

    `route` is the base URL that all posts go to instead of the host they are addressed to, as a
    tunnel would lead them. `timeout` and `first_wait` are in seconds. `failures` in a row disable a
    webhook. `duplicates` and `disorder` are rates, 0 to 1. `client` makes the client that posts;
    `pause` waits for seconds, between two looks and before a repetition.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        *,
        route: str | None = None,
        client: Callable[[], httpx2.AsyncClient] | None = None,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timeout: float = 5.0,
        first_wait: float = 1.0,
        failures: int = 50,
        duplicates: float = 0.0,
        disorder: float = 0.0,
        seed: int = 1,
        remembered: int = 10_000,
    ) -> None:
        self.sandbox = sandbox
        self.log: deque[Delivery] = deque(maxlen=remembered)
        self._route = route.rstrip("/") if route else None
        self._make_client = client or clients.client
        self._clock = clock
        self._pause = pause
        self._timeout = timeout
        self._first_wait = first_wait
        self._failures = failures
        self._duplicates = duplicates
        self._disorder = disorder
        self._chance = seeded("deliveries", seed)
        self._since = clock()
        self._earlier = {
            call.id for call in self.world.calls_since(self._since - LONGEST_CALL, self._since)
        }
        self._seen: set[tuple[int | str, str]] = set()
        # What the invented company has set up leads to invented places.
        self._invented = set(self.world.webhooks) | {
            configuration.callback_url
            for number in self.world.numbers.values()
            for configuration in number.configurations.values()
        }
        self._outboxes: dict[str, Outbox] = {}
        self._client: httpx2.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def world(self) -> World:
        return self.sandbox.world

    async def __aenter__(self) -> Deliveries:
        self._client = self._make_client()
        self.sandbox.listener = self._hear
        self._spawn(self._look_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.sandbox.listener = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and cast(str, scope["path"]).startswith("/sandbox/"):
            await self._outside(scope, receive, send)
        elif scope["type"] == "http":
            await self.sandbox(scope, receive, send)
            self._look(self._clock())
        else:
            await self.sandbox(scope, receive, send)

    # what the outside does

    def text(self, number: Number, digits: str, body: str) -> None:
        """Somebody texts one of the company's numbers."""
        data = payloads.text(self.world, number, digits, body, self._clock())
        if "sms" in number.configurations:
            self._call_back(number.configurations["sms"], "message.received", data)
        else:
            self._tell("message.received", "message", data)

    def hang_up(self, call: Call) -> None:
        """Somebody puts the phone down, now."""
        now = self._clock()
        if call.status(now) == "done":
            return
        if call.status(now) == "initial":
            call.answered, call.missed = None, call.missed or "abandoned_in_classic"
        call.ended = int(now)
        self._look(now)

    async def settled(self) -> None:
        """Wait until nothing is on its way any more, repetitions included."""
        while any(outbox.busy for outbox in self._outboxes.values()):
            await self._pause(LOOK)

    # what happens

    async def _look_on(self) -> None:
        while True:
            self._look(self._clock())
            await self._pause(LOOK)

    def _look(self, now: float) -> None:
        for call in self.world.calls_since(now - LONGEST_CALL, now):
            for at, kind in payloads.course(self.world, call):
                new = call.id not in self._earlier or at > self._since
                if new and at <= now and (call.id, kind) not in self._seen:
                    self._seen.add((call.id, kind))
                    self._tell_of_call(call, kind, now)
        for message in reversed(self.world.messages):
            if message.created <= self._since:
                break
            self._tell_of_message(message, now)

    def _tell_of_call(self, call: Call, kind: str, now: float) -> None:
        if kind not in payloads.INSIGHTS:
            self._tell(kind, "call", payloads.call(self.world, call, now))
            return
        request = Request(now, "basic", "", {"id": call.id, "call_id": call.id}, {}, (), {})
        with suppress(Refusal, KeyError):
            body = cast("Json", PERFORMED[payloads.INSIGHTS[kind]].deed(self.world, request).body)
            data = body if len(body) > 1 else next(iter(body.values()))
            self._tell(kind, "conversation_intelligence", data)

    def _tell_of_message(self, message: Message, now: float) -> None:
        status = message.status(now, self.world.pace)
        if (message.id, status) in self._seen:
            return
        self._seen.add((message.id, status))
        shown = views.group_message if message.group else views.message
        data = shown(self.world, message, now)
        line = self.world.numbers[message.number]
        if message.proxy:
            configuration = line.configurations.get(message.channel)
            if configuration is not None and status != "pending":
                self._call_back(configuration, "message.updated", data)
            return
        family = "group_message" if message.group else "message"
        what = "sent" if status == "pending" else "status_updated"
        self._tell(f"{family}.{what}", "message", data)

    def _hear(self, one: Happened, now: float) -> None:
        """Tell what a request did, after what time brought before."""
        self._look(now)
        world, about = self.world, one.about
        if isinstance(about, Call):
            self._tell(one.event, "call", payloads.call(world, about, now))
        elif isinstance(about, Contact):
            self._tell(one.event, "contact", payloads.contact(views.contact(world, about)))
        elif isinstance(about, Team):
            self._tell(one.event, "team", views.team(world, about))
        else:
            shown = views.user if one.event.endswith(".v2") else payloads.user_v1
            self._tell(one.event, "user", shown(world, about))

    # on its way

    def _tell(self, event: str, resource: str, data: Json) -> None:
        for webhook in self.world.webhooks.values():
            wanted = event in webhook.events and webhook.active
            if wanted and webhook.uuid not in self._invented:
                payload = {
                    "resource": resource,
                    "event": event,
                    "timestamp": int(self._clock()),
                    "token": webhook.token,
                    "data": data,
                }
                self._outbox_to(webhook.uuid, webhook).take(event, webhook.url, payload)

    def _call_back(self, configuration: Configuration, event: str, data: Json) -> None:
        if configuration.callback_url is None or configuration.callback_url in self._invented:
            return
        payload = {
            "event_name": event,
            "timestamp": int(self._clock() * 1000),
            "token": configuration.token,
            "data": data,
        }
        self._outbox_to(configuration.callback_url, None).take(
            event, configuration.callback_url, payload
        )

    def _outbox_to(self, name: str, webhook: Webhook | None) -> Outbox:
        if name not in self._outboxes:
            outbox = self._outboxes[name] = Outbox(
                partial(self._post, name),
                self._spawn,
                self._drawn,
                self._pause,
                webhook,
                first_wait=self._first_wait,
                failures=self._failures,
            )
            self._spawn(outbox.run())
        return self._outboxes[name]

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _drawn(self) -> tuple[bool, bool]:
        """Whether this one is sent twice, and whether it is overtaken."""
        return self._chance.random() < self._duplicates, self._chance.random() < self._disorder

    async def _post(self, name: str, event: str, url: str, payload: Json, repetition: int) -> bool:
        """One try; whether it was taken."""
        if self._route is not None:
            there = urlsplit(url)
            url = self._route + there.path + (f"?{there.query}" if there.query else "")
        status: int | None = None
        if self._client is None:
            raise RuntimeError("Deliveries speak inside `async with`.")
        with suppress(httpx2.HTTPError, OSError, TimeoutError):
            async with asyncio.timeout(self._timeout):
                response = await self._client.post(
                    url, content=json.dumps(payload), headers={"Content-Type": "application/json"}
                )
                status = response.status_code
        self.log.append(Delivery(self._clock(), name, event, status, repetition))
        return status is not None and 200 <= status < 300

    # what comes in

    async def _live(self, receive: Receive, send: Send) -> None:
        async with self:
            await live(receive, send)

    async def _outside(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = b""
        while True:
            message = await receive()
            taken += message.get("body", b"")
            if not message.get("more_body", False):
                break
        status, answer = self._act(scope["method"], scope["path"], taken)
        content = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _act(self, method: str, path: str, body: bytes) -> tuple[int, Json]:
        hanging_up = re.fullmatch(r"/sandbox/calls/([0-9]{1,18})/hangup", path)
        if method != "POST" or not (hanging_up or path in ("/sandbox/texts", "/sandbox/calls")):
            return 404, {"message": "Not Found"}
        if hanging_up:
            call = self.world.call(int(hanging_up[1]))
            if call is None:
                return 404, {"message": "no such call"}
            self.hang_up(call)
            return 200, {"id": call.id, "ended_at": call.ended}
        try:
            asked = cast("Json", json.loads(body))
            number = self.world.numbers[asked["number_id"]]
            digits = str(asked["from"])
            text = str(asked.get("body", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            return 400, {"message": "number_id and from are needed"}
        if path == "/sandbox/texts":
            self.text(number, digits, text)
            return 200, {"done": True}
        call = self.world.ring(number, digits, self._clock())
        self._look(self._clock())
        return 200, {"id": call.id}
