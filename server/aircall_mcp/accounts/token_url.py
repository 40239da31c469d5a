"""Send a token request, and read its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx2

from ..errors import Unreachable
from ..ground import clients
from .oauth import TokenRequest

_LARGEST_ANSWER = 64 * 1024
"""Bytes."""


def plain_client() -> httpx2.AsyncClient:
    """A client for one renewal."""
    return clients.client()


async def send(
    request: TokenRequest, client: Callable[[], httpx2.AsyncClient], *, patience: float
) -> tuple[int, bytes]:
    """Status and content of the answer to a token request. Raises `Unreachable`."""
    try:
        async with asyncio.timeout(patience), client() as opened:
            message = opened.build_request(
                "POST",
                request.url,
                content=request.body,
                headers=dict(request.headers),
                timeout=None,  # `patience` alone is the limit: what is not heard is lost
            )
            response = await opened.send(message, stream=True)
            try:
                content = await clients.content(response, _LARGEST_ANSWER)
            finally:
                await response.aclose()
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, ValueError) as error:
        raise Unreachable(
            f"The token URL gave no answer ({type(error).__name__}).",
            hint="Try again in a moment.",
        ) from None
    return response.status_code, content
