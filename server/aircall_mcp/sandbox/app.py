"""The small Aircall as an ASGI app."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast
from urllib.parse import parse_qsl, unquote

from ..errors import SettingsError, SpecError
from ..ground import probe
from . import (
    calls,
    contacts,
    insights,
    messages,
    numbers,
    outreach,
    people,
    reports,
    tags,
    webhooks,
)
from .contract import Contract, Route, check_content_type
from .dataset import Size, fill
from .deed import (
    PERFORMED,
    Answer,
    Happened,
    Json,
    Performed,
    Refusal,
    Request,
    Scheme,
    refused,
    turned_away,
)
from .edge import Keys, Window, admitted
from .entities import Pace
from .oauth import Lifetimes, OAuth
from .world import World, seeded

_AREAS = (calls, contacts, insights, messages, numbers, outreach, people, reports, tags, webhooks)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

FAULTS = frozenset({"http-500", "http-502", "http-503", "timeout", "garbage", "cut"})
_WORDS = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}
_SUNSET = frozenset({"list_users_v1", "get_user_v1", "create_user_v1", "update_user_v1"})
FORM = "application/x-www-form-urlencoded"
_LARGEST = 10 * 1024 * 1024
_PATIENCE = 29.0  # seconds after which the gateway gives up on Aircall


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came in, and what became of it.

    `time` is the clock at arrival. `performed` is False when a fault struck first; `status` is
    None when no answer was given. Headers are kept without `authorization`.
    """

    time: float
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    operation: str | None
    performed: bool
    status: int | None

    def json(self) -> Any:
        return json.loads(self.body)


class Sandbox:
    """A faithful small Aircall, for a first minute with the product and as its test double.

    `description` is Aircall's OpenAPI document, or the contract that was made of it before, where
    many sandboxes share one. `requests_per_minute` is counted in fixed windows of `window_seconds`,
    for the whole company; None lifts the limit. `latency` holds every answer back, in seconds.
    `faults` maps a kind of `FAULTS` to its rate, 0 to 1, drawn from the seed: an http fault may
    strike before or after the request was performed, the others strike after. `users_v1` brings
    back the routes that were shut down. `oauth` says whether access tokens live for ever or for
    `token_lifetime` seconds with one-time refresh tokens. `add_ons` are those of the plan, by
    default all that the description names. Raises `SettingsError` for a wrong choice and
    `SpecError` when the description and the implementations do not name the same operations. With a
    `proof` it answers whoever asks whether it listens where it says. A `listener` hears what
    happens when it does, whatever becomes of the answer.
    """

    def __init__(
        self,
        description: Mapping[str, Any] | Contract,
        *,
        data: Size = "small",
        seed: int = 1,
        clock: Callable[[], float] = time.time,
        requests_per_minute: int | None = 120,
        window_seconds: float = 60.0,
        rate_headers: Literal["limit", "always"] = "limit",
        latency: float = 0,
        faults: Mapping[str, float] | None = None,
        base_url: str = "https://api.aircall.io",
        users_v1: bool = False,
        oauth: Lifetimes = "permanent",
        token_lifetime: float = 3600,
        add_ons: frozenset[str] | None = None,
        pace: Pace | None = None,
        remembered: int = 10_000,
    ) -> None:
        self.proof: probe.Proof | None = None
        self.listener: Callable[[Happened, float], None] | None = None
        self._faults = dict(faults or {})
        self._contract = (
            description if isinstance(description, Contract) else Contract(dict(description))
        )
        self._add_ons = self._contract.add_ons if add_ons is None else add_ons
        _check(self._faults, self._add_ons, self._contract.add_ons)
        self._clock = clock
        self._latency = latency
        self._always = rate_headers == "always"
        self._users_v1 = users_v1
        self._keys = Keys()
        self._window = Window(requests_per_minute, window_seconds)
        self._chance = seeded("faults", seed)
        self.arrivals: deque[Arrival] = deque(maxlen=remembered)
        self.oauth = OAuth(self._keys, oauth, token_lifetime, seed)
        self.world = World(
            base_url=base_url.rstrip("/"),
            seed=seed,
            pace=pace or Pace(),
            events=self._contract.events,
        )
        self._performed = {
            **PERFORMED,
            "exchange_oauth_code": Performed(self.oauth.exchange, unsigned=True, raw=True),
        }
        unlike = self._contract.operations.keys() ^ self._performed.keys()
        if unlike:
            raise SpecError(f"described or performed, but not both: {', '.join(sorted(unlike))}")
        fill(self.world, data, seed=seed, now=clock())

    @property
    def api_id(self) -> str:
        return self._keys.api_id

    @property
    def api_token(self) -> str:
        return self._keys.api_token

    @property
    def client_id(self) -> str:
        return self._keys.client_id

    @property
    def client_secret(self) -> str:
        return self._keys.client_secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        now = self._clock()
        body, whole = await _read(receive)
        if body is None:
            return  # gone before the request was told
        method: str = scope["method"]
        path = _raw_path(scope)
        if self.proof and method == "GET" and path.startswith(probe.PATH):  # not to Aircall
            known = self.proof.answer(path.removeprefix(probe.PATH))
            await _send(send, Answer(200, known), {}, "")
            return
        query = cast(bytes, scope["query_string"]).decode("latin-1")
        headers = _headers(scope)
        fault = self._draw()
        route: Route | None = None
        performed = False
        extra: dict[str, str] = {}
        try:
            if not whole:
                raise turned_away(413, "Request Too Long")
            asked = _fields(query)
            route, values, scheme, extra = self._admit(method, path, headers, now)
            if fault.startswith("http-") and self._chance.random() < 0.5:
                raise _failure(fault)
            performed = True
            answer = self._perform(route, values, scheme, path, asked, headers, body, now)
            if self.listener is not None:
                for one in answer.happened:
                    self.listener(one, now)
            if fault.startswith("http-"):
                raise _failure(fault)
        except Refusal as refusal:
            answer = refusal.answer
        status = None if fault == "timeout" else answer.status
        operation = route.operation if route else None
        headers.pop("authorization", None)
        self.arrivals.append(
            Arrival(now, method, path, query, headers, body, operation, performed, status)
        )
        if self._latency:
            await asyncio.sleep(self._latency)
        if fault == "timeout":
            if await _gone(receive):
                return
            answer = Answer(504, {"message": "Endpoint request timed out"})
        await _send(send, answer, extra if self._always else {}, fault)

    def _draw(self) -> str:
        drawn = self._chance.random() if self._faults else 1.0
        for kind, rate in self._faults.items():
            if drawn < rate:
                return kind
            drawn -= rate
        return ""

    def _admit(
        self, method: str, path: str, headers: Mapping[str, str], now: float
    ) -> tuple[Route, dict[str, str], Scheme, dict[str, str]]:
        """Past the edge: the route with its path values, the scheme, the rate headers."""
        if (method, path) == ("GET", "/oauth/authorize"):
            return _AUTHORIZE, {}, "oauth", {}
        found = self._contract.find(method, path)
        if found is None or (found[0].operation in _SUNSET and not self._users_v1):
            raise turned_away(404, "Not Found")
        route, values = found
        if self._performed[route.operation].unsigned:
            return route, values, "oauth", {}
        scheme = admitted(
            headers.get("authorization"), self._keys, lambda token: self.oauth.accepts(token, now)
        )
        return route, values, scheme, self._window.arrive(now)

    def _perform(
        self,
        route: Route,
        values: dict[str, str],
        scheme: Scheme,
        path: str,
        asked: list[tuple[str, str]],
        headers: Mapping[str, str],
        content: bytes,
        now: float,
    ) -> Answer:
        if route is _AUTHORIZE:
            return self.oauth.authorize(dict(asked), now)
        performed = self._performed[route.operation]
        if route.add_on is not None and route.add_on not in self._add_ons:
            raise refused(403, f"Your plan does not include {route.add_on}")
        content_type = headers.get("content-type", "")
        form = performed.raw and content_type.partition(";")[0].strip().lower() == FORM
        if not form:
            check_content_type(route.method, content_type, content, always=route.particular)
        decoded = {name: unquote(value) for name, value in values.items()}
        typed_path, typed_query = self._contract.arguments(route, decoded, asked)
        if form:
            body: Json = dict(_fields(content.decode("utf-8", "replace")))
        elif route.method == "GET":
            body = {}
        else:
            body = self._contract.json(route, content, free=performed.raw)
        link = f"{self.world.base_url}{path}"
        request = Request(now, scheme, link, typed_path, typed_query, asked, body)
        return performed.deed(self.world, request)


_AUTHORIZE = Route("authorize", "GET", "/oauth/authorize", ())


def _check(faults: Mapping[str, float], add_ons: frozenset[str], known: frozenset[str]) -> None:
    if unknown := sorted(faults.keys() - FAULTS):
        raise SettingsError(
            f"no such fault: {', '.join(unknown)}", hint=f"known: {', '.join(sorted(FAULTS))}"
        )
    if any(not 0 <= rate <= 1 for rate in faults.values()) or sum(faults.values()) > 1:
        raise SettingsError("the rates of faults lie between 0 and 1, and so does their sum")
    if unknown := sorted(add_ons - known):
        raise SettingsError(
            f"no such add-on: {', '.join(unknown)}", hint=f"known: {', '.join(sorted(known))}"
        )


def _failure(fault: str) -> Refusal:
    status = int(fault.removeprefix("http-"))
    return turned_away(status, _WORDS[status])


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    return raw.decode("latin-1") if raw is not None else cast(str, scope["path"])


def _headers(scope: Scope) -> dict[str, str]:
    pairs = cast("list[tuple[bytes, bytes]]", scope["headers"])
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}


def _fields(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise turned_away(414, "URI Too Long") from None


async def live(receive: Receive, send: Send) -> None:
    """ASGI's lifespan, of an app that begins and ends nothing by itself."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(receive: Receive) -> tuple[bytes | None, bool]:
    """The body, and whether it is whole: what exceeds the bound is dropped."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None, False
        part: bytes = message.get("body", b"")
        size += len(part)
        if size <= _LARGEST:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts), size <= _LARGEST


async def _gone(receive: Receive) -> bool:
    """Wait for the other side to give up; False when the gateway gives up first."""

    async def leave() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(leave(), _PATIENCE)
    except TimeoutError:
        return False
    return True


async def _send(send: Send, answer: Answer, extra: Mapping[str, str], fault: str) -> None:
    content = b""
    if answer.body is not None:
        content = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
    status, length = answer.status, len(content)
    if fault == "garbage":
        status, content = 200, b"<html><body>We will be right back</body></html>"
        length = len(content)
    elif fault == "cut":
        status, content = (200 if status == 204 else status), content[: len(content) // 2]
        length = max(length, 2)
    headers = {"x-aircall-sandbox": "true", **extra, **answer.headers}
    if status != 204:
        headers["content-length"] = str(length)
    if content or fault:
        headers["content-type"] = "application/json; charset=utf-8"
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    # a web server raises at the end of a cut answer, which is shorter than promised, and closes
    # the connection: the very fault that was asked for
    await send({"type": "http.response.body", "body": content})
