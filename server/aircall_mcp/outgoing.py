"""Every HTTP client by which something leaves is made here, so that all of them hold to the same.

By the owner's proxy and certificates alone, never by what the environment says. No redirects. No
cookies: Aircall needs none, and a jar is shared by all who share a client. One account's cookie
would go out with another's request, and one that cannot be written would spoil every later one.
"""

from __future__ import annotations

import ssl
from http.cookiejar import Cookie, CookieJar
from typing import Any

import httpx2

from . import __version__


class NoCookies(CookieJar):
    """Takes none and gives none, and so does not even read what came."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Left where it came."""

    def set_cookie(self, cookie: Cookie) -> None:
        """Left where it came."""


def client(
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    verify: ssl.SSLContext | bool = True,
    proxy: str | None = None,
    timeout: httpx2.Timeout | float | None = None,
    limits: httpx2.Limits | None = None,
    headers: dict[str, str] | None = None,
) -> httpx2.AsyncClient:
    """A client with what it may have. `timeout` is in seconds, None for none but the caller's."""
    return httpx2.AsyncClient(
        transport=transport,
        verify=verify,
        proxy=proxy,
        trust_env=False,
        follow_redirects=False,
        cookies=NoCookies(),
        timeout=timeout,
        limits=limits or httpx2.Limits(max_connections=100, max_keepalive_connections=20),
        headers={"User-Agent": f"aircall-mcp/{__version__}", **(headers or {})},
    )
