"""Connections to one pinned host: no redirects, no proxy or certificates but the owner's.

What must not be repeated goes over a connection of its own. Each company has its share of them, so
that one's slow answers keep no other waiting.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import anyio
import httpx2

from ..ground import clients
from ..ground.caller import CompanyId
from ..ground.weight import Aside
from .body import Broken
from .refusals import too_long, too_much

LARGEST_ANSWER = 5 * 1024 * 1024
"""Bytes of a decoded answer that are read before the rest is refused."""

MOST_CONNECTIONS = 64
"""At once to Aircall for one company; a model that asks for many things together waits for none of
them, and one company's slow answers keep no other waiting."""

MOST_KEPT = 64
"""Connections that are kept for the next requests, of all companies."""

_SAID = {
    **clients.SAID,
    "Accept": "application/json",
    "Connection": "keep-alive",
    # Two of Aircall's GETs answer 400 without it, so every request says what it speaks.
    "Content-Type": "application/json",
}

_PATIENCE = httpx2.Timeout(connect=5, read=20, write=10, pool=None).as_dict()
"""Waiting for a free connection is our own doing, and ends with the deadline."""


class Connections:
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
        self._networks: dict[bool, httpx2.AsyncBaseTransport] = {}
        # Gone when nobody of the company asks any more.
        self._shares = WeakValueDictionary[CompanyId, asyncio.Semaphore]()

    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        deadline: float,
        leaving: Callable[[], Awaitable[None]],
        alone: bool,
        company: str,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and decoded bytes of the answer, within `deadline` seconds.

        `leaving` is awaited before the first byte of the request; if it raises, none leaves.
        Raises `Broken`, `ArgumentError` for what cannot be written as a URL, and what `leaving`
        raises.
        """

        async def watch(event: str, details: Mapping[str, Any]) -> None:
            """The connection tells what it is about to do."""
            if event.endswith("send_request_headers.started"):
                request = details.get("request")
                if getattr(request, "method", b"") != b"CONNECT":  # that is for the proxy alone
                    await leaving()

        network = self._network(alone=alone)
        try:
            request = httpx2.Request(
                method,
                url,
                headers={**_SAID, **headers},
                content=content,
                extensions={"trace": watch, "timeout": _PATIENCE},
            )
        except httpx2.InvalidURL:
            raise too_long() from None
        try:
            share = self._shares.setdefault(company, asyncio.Semaphore(MOST_CONNECTIONS))
            with anyio.fail_after(deadline):
                async with share:
                    if self._transport is not None:
                        await leaving()  # only a network tells of its bytes
                    response = await network.handle_async_request(request)
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
            hint = too_much(large=isinstance(error, clients.TooLarge))
            raise Broken(f"Aircall's answer {error}.", hint=hint, passing=False) from None
        except (httpx2.HTTPError, TimeoutError, OSError, ValueError) as error:
            late = isinstance(error, TimeoutError | httpx2.TimeoutException)
            what = "took too long" if late else "broke"
            raise Broken(f"The exchange with Aircall {what} ({type(error).__name__}).") from None
        return response.status_code, response.headers, raw

    async def aclose(self) -> None:
        networks, self._networks = self._networks, {}
        for network in networks.values():
            await network.aclose()

    def _network(self, *, alone: bool) -> httpx2.AsyncBaseTransport:
        """What a request is given to, with no client around it: there are no redirects to follow,
        no cookies to keep and nothing to sign here. Made at the first use: reading certificates
        takes longer than starting."""
        if self._transport is not None:
            alone = False
        network = self._networks.get(alone)
        if network is None:
            kept = 0 if alone else MOST_KEPT
            network = self._networks[alone] = self._transport or clients.network(
                verify=self._context,
                proxy=self._proxy,
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=kept),
            )
        return network

    @cached_property
    def _context(self) -> ssl.SSLContext:
        if self._ca_bundle is not None:
            return ssl.create_default_context(cafile=str(self._ca_bundle))
        if self._secure and self._transport is None:
            return httpx2.create_ssl_context(trust_env=False)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and costs nothing
