"""Ask whoever listens at an address whether it is our own sandbox.

A loopback address is the real host like any other: a proxy may stand there. So it is asked, with a
nonce of this one question, and only the sandbox knows the answer. The key is no secret: it tells
our sandbox from whatever else may answer, echo or forward, not from somebody who sets out to lie.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, cast

PATH = "/aircall-mcp/sandbox/"
"""A path that Aircall has not; the nonce follows."""

_KEY = b"aircall-mcp sandbox 1"


def nonce() -> str:
    return secrets.token_hex(16)


def answer(asked: str) -> dict[str, str]:
    """What the sandbox answers to a nonce, as JSON."""
    return {"sandbox": hmac.new(_KEY, asked.encode(), hashlib.sha256).hexdigest()}


def is_answer(body: Any, asked: str) -> bool:
    """Whether this body answers exactly this nonce."""
    said: Any = (
        cast("Mapping[str, Any]", body).get("sandbox") if isinstance(body, Mapping) else None
    )
    return isinstance(said, str) and hmac.compare_digest(
        said.encode("utf-8", "replace"), answer(asked)["sandbox"].encode()
    )
