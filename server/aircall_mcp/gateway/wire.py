"""One request to Aircall and its answer, or exactly why there is none.

One pooled client to one pinned host: no redirects, no proxy or certificates but the owner's, no
header of an inbound request, and never more of an answer than `LARGEST_ANSWER`. What must not be
repeated goes over a connection of its own, so that a stale one cannot swallow it.
"""

from __future__ import annotations

import asyncio
import json
import math
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import anyio
import httpx2

from ..errors import ArgumentError
from ..ground import clients
from ..ground.weight import LIGHT, MOST_VALUES, Aside, deeper_than, values_in, weight_in, weight_of

LARGEST_ANSWER = 5 * 1024 * 1024
"""Bytes of a decoded answer that are read before the rest is refused."""

MOST_CONNECTIONS = 64
"""At once to Aircall for one company; a model that asks for many things together waits for none of
them, and one company's slow answers keep no other waiting."""

MOST_KEPT = 64
"""Connections that are kept for the next requests, of all companies."""

LARGEST_ERROR = 64 * 1024
"""Bytes of an error that are looked into; there is nothing to learn from a longer one."""

DEEPEST_ANSWER = 100
"""Levels of objects and arrays in an answer; what is deeper is not taken for JSON."""

_LESS = "Ask for less: a smaller per_page, or a narrower from/to."


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back; `body` is JSON, or None for an empty answer and for an error in no form.
    `weight` is the work it makes, in bytes."""

    status: int
    headers: Mapping[str, str]
    body: Any
    weight: int = 0


class Broken(Exception):
    """There is no answer to give. Whether a byte was sent, `Sending` knows.

    `passing` says that another attempt may fare better.
    """

    def __init__(self, words: str, *, hint: str = "", passing: bool = True) -> None:
        super().__init__(words)
        self.words = words
        self.hint = hint
        self.passing = passing


class Sending:
    """Whether a byte may have left, over all attempts; `first` is awaited before it does.

    If `first` raises, none does.
    """

    def __init__(self, first: Callable[[], Awaitable[None]] | None = None) -> None:
        self.first = first
        self.begun = False
        self.now = False

    async def begin(self) -> None:
        if not self.begun and self.first is not None:
            await self.first()
        self.begun = self.now = True

    async def watch(self, event: str, details: Mapping[str, Any]) -> None:
        """The connection tells what it is about to do."""
        if event.endswith("send_request_headers.started"):
            request = details.get("request")
            if getattr(request, "method", b"") != b"CONNECT":  # that one is for the proxy alone
                await self.begin()


class Exchange:
    """See the module docstring. `secure` says that it will speak TLS. Close it with `aclose`."""

    def __init__(
        self,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        proxy: str | None = None,
        ca_bundle: Path | None = None,
        secure: bool = True,
        aside: Aside | None = None,
    ) -> None:
        self._transport = transport
        self._aside = aside or Aside()
        self._secure = secure
        self._proxy = proxy
        self._ca_bundle = ca_bundle
        self._verify: ssl.SSLContext | None = None
        self._clients: dict[bool, httpx2.AsyncClient] = {}
        # Gone when nobody of the company asks any more.
        self._shares = WeakValueDictionary[str, asyncio.Semaphore]()

    async def send(
        self,
        method: str,
        url: str,
        *,
        signed: Mapping[str, str],
        body: Mapping[str, Any] | None,
        sending: Sending,
        deadline: float,
        alone: bool = False,
        company: str = "",
    ) -> Answered:
        """Send it and read the answer within `deadline` seconds; `alone` on a fresh connection.
        `company` is whose share of the connections it takes.

        Raises `Broken`, `ArgumentError` for what cannot be written as a URL, and what
        `sending.first` raises.
        """
        sending.now = False
        client = self._client(alone=alone)
        content = None
        if body is not None:
            content = await self._aside(lambda: json.dumps(body).encode(), weight=weight_in(body))
        try:
            request = client.build_request(
                method,
                url,
                # Two of Aircall's GETs answer 400 without it, so every request says what it speaks.
                headers={**signed, "Content-Type": "application/json"},
                content=content,
                extensions={"trace": sending.watch},
            )
        except httpx2.InvalidURL:
            raise ArgumentError(
                "The arguments are too long for one request.",
                hint="Ask for less at once, such as fewer tags.",
            ) from None
        try:
            share = self._shares.setdefault(company, asyncio.Semaphore(MOST_CONNECTIONS))
            with anyio.fail_after(deadline):
                async with share:
                    if self._transport is not None:
                        await sending.begin()  # only a network tells of its bytes
                    response = await client.send(request, stream=True)
                    try:
                        raw = await clients.content(response, LARGEST_ANSWER, self._aside)
                    except clients.TooMuch:
                        if response.status_code < 300:
                            raise
                        raw = b""  # the status of a refusal says enough
                    finally:
                        await response.aclose()
        except clients.TooMuch as error:
            # It would be the same another time.
            raise Broken(f"Aircall's answer {error}.", hint=_hint(error), passing=False) from None
        except (httpx2.HTTPError, TimeoutError, OSError, ValueError) as error:
            late = isinstance(error, TimeoutError | httpx2.TimeoutException)
            what = "took too long" if late else "broke"
            raise Broken(f"The exchange with Aircall {what} ({type(error).__name__}).") from None
        status = response.status_code
        values = values_in(raw) if len(raw) <= LIGHT else None  # else counted aside, too
        weight = weight_of(len(raw), values or 0)
        body = await self._aside(lambda: _json(status, raw, values), weight=weight)
        return Answered(status, response.headers, body, weight)

    async def aclose(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    def _client(self, *, alone: bool) -> httpx2.AsyncClient:
        """Made at the first use: reading certificates takes longer than starting."""
        alone = alone and self._transport is None
        client = self._clients.get(alone)
        if client is None:
            if self._verify is None:
                self._verify = self._context()
            kept = 0 if alone else MOST_KEPT
            client = self._clients[alone] = clients.client(
                transport=self._transport,
                verify=self._verify,
                proxy=self._proxy,
                # Waiting for a free connection is our own doing, and ends with the deadline.
                timeout=httpx2.Timeout(connect=5, read=20, write=10, pool=None),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=kept),
                headers={"Accept": "application/json"},
            )
        return client

    def _context(self) -> ssl.SSLContext:
        if self._ca_bundle is not None:
            return ssl.create_default_context(cafile=str(self._ca_bundle))
        if self._secure:
            return httpx2.create_ssl_context(trust_env=False)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and costs nothing


def _hint(error: clients.TooMuch) -> str:
    if isinstance(error, clients.TooLarge):
        return _LESS
    return "Something on the way may have made it so; a person checks AIRCALL_MCP_BASE_URL."


def _json(status: int, raw: bytes, values: int | None = None) -> Any:
    if not raw or raw.isspace():
        return None
    if status >= 300 and len(raw) > LARGEST_ERROR:
        return None
    if (values_in(raw) if values is None else values) > MOST_VALUES:
        if status >= 300:
            return None
        raise Broken(
            f"Aircall's answer holds over {MOST_VALUES} values.",
            hint=_LESS,
            passing=False,
        )
    try:
        # Python would read NaN and 1e999, which no client of ours takes as JSON.
        whole = _whole if len(raw) > LIGHT else None
        body = json.loads(raw, parse_constant=_nothing, parse_float=_finite, parse_int=whole)
        taken = not deeper_than(DEEPEST_ANSWER, body)
    except (ValueError, RecursionError):
        body, taken = None, False
    if taken:
        return body
    if status >= 300:
        return None
    raise Broken("Aircall's answer is no JSON.")


def _nothing(_constant: str) -> None:
    """NaN and Infinity are no values."""


def _whole(text: str) -> int:
    """In Python, which lets others take turns: thousands of digits are slow to read."""
    return int(text)


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
