"""Ask the program at an address whether it is our own sandbox.

A loopback address is the real host like any other: a proxy may stand there, and it may lead some of
its paths to a sandbox. So what is proved is not that a sandbox answers but that this listener is
one: with a key that one process made for the address at which it listens itself.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

PATH = "/aircall-mcp/sandbox/"
"""A path that Aircall has not; the nonce follows."""


def nonce() -> str:
    """32 hexadecimal digits that nobody can have seen before."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Proof:
    """That a sandbox listens at `address`, such as `http://127.0.0.1:8080`; `key` is its own."""

    address: str
    key: bytes = field(repr=False)

    def answer(self, asked: str) -> dict[str, str]:
        """What the sandbox answers to a nonce, as JSON."""
        said = f"{asked} {self.address}".encode("utf-8", "replace")
        return {"sandbox": hmac.new(self.key, said, hashlib.sha256).hexdigest()}

    def is_answer(self, body: Any, asked: str) -> bool:
        """Whether this body answers exactly this nonce."""
        said: Any = (
            cast("Mapping[str, Any]", body).get("sandbox") if isinstance(body, Mapping) else None
        )
        return isinstance(said, str) and hmac.compare_digest(
            said.encode("utf-8", "replace"), self.answer(asked)["sandbox"].encode()
        )
