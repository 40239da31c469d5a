"""The gateway in front of Aircall: which requests come in, and how often."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from dataclasses import dataclass

from .deed import Answer, Refusal, Scheme, turned_away


@dataclass(frozen=True, slots=True)
class Keys:
    """The credentials that fit. Fixed and easy to recognise: they open nothing but a sandbox."""

    api_id: str = "sandbox-api-id"
    api_token: str = "sandbox-api-token"  # noqa: S105
    client_id: str = "sandbox-client-id"
    client_secret: str = "sandbox-client-secret"  # noqa: S105


def admitted(authorization: str | None, keys: Keys, accepts: Callable[[str], bool]) -> Scheme:
    """The scheme a request is signed in. Raises the edge's 401 without credentials, 403 with wrong
    ones; `accepts` says whether an access token is good.
    """
    if not authorization:
        raise turned_away(401, "Unauthorized")
    scheme, _, rest = authorization.partition(" ")
    rest = rest.strip()
    if scheme.lower() == "basic" and _pair(rest) == (keys.api_id, keys.api_token):
        return "basic"
    if scheme.lower() == "bearer" and accepts(rest):
        return "oauth"
    raise turned_away(403, "Forbidden")


def _pair(encoded: str) -> tuple[str, str] | None:
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None


class Window:
    """Requests of the company in a fixed window, which opens with the first of them."""

    def __init__(self, limit: int | None, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._opened = -math.inf
        self._count = 0

    def arrive(self, now: float) -> dict[str, str]:
        """Count one request and give the headers that tell of it; raises the 429."""
        if self._limit is None:
            return {}
        if not self._opened <= now < self._opened + self._seconds:
            self._opened, self._count = now, 0
        self._count += 1
        headers = {
            "X-AircallApi-Limit": str(self._limit),
            "X-AircallApi-Remaining": str(max(0, self._limit - self._count)),
            "X-AircallApi-Reset": str(math.ceil(self._opened + self._seconds)),
        }
        if self._count > self._limit:
            body = {
                "error": "Too Many Requests",
                "troubleshoot": f"The company is limited to {self._limit} requests per minute",
            }
            raise Refusal(Answer(429, body, headers))
        return headers
