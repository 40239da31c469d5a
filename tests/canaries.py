"""Secrets that must never be seen, in every spelling in which they could be."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

CANARIES: Mapping[str, str] = {
    "api id": 'canary-api-id-9d2f"6b41/c8+7e',
    "api token": "canary-api-token-51b7&0a/e3=94+dd",
    "access token": "canary-access-8c6e1f77d04b4a2f9b13",
    "refresh token": "canary-refresh-2a90be51c7f84d06a3e5",
    "client secret": "canary-client-secret-7f15/aa+90?bc",
    "webhook token": "canary-webhook-4e8d93b2c6a14f70d5",
    "vault key": base64.b64encode(b"canary-vault-key-0123456789abcde").decode(),
    "passphrase": "canary passphrase: four words & more",
}

OF_THE_SANDBOX: Mapping[str, str] = {
    "api token": "sandbox-api-token",
    "access token": "sandbox-access-",
    "refresh token": "sandbox-refresh-",
    "client secret": "sandbox-client-secret",
    "webhook token": "sandbox-webhook-",
}
"""What it starts those secrets with that it makes."""


def spellings(
    kind: str, text: str, api_id: str = CANARIES["api id"]
) -> Iterator[tuple[str, bytes]]:
    """Seven ways to write a secret, by name; of base64 what does not hang on what follows."""
    raw = text.encode()
    yield "raw", raw
    yield "base64", _base64(raw)
    yield "base64 of a pair", _base64(f"{api_id}:{text}".encode())
    yield "url", quote(text, safe="").encode()
    yield "hex", raw.hex().encode()
    yield "json", json.dumps(text)[1:-1].encode()
    half = len(raw) // 2
    yield "halves", raw[half:] + raw[:half]
    if kind == "vault key":
        yield "its bytes", base64.b64decode(text)


def _base64(raw: bytes) -> bytes:
    return base64.b64encode(raw[: len(raw) // 3 * 3])


_SPELLINGS = [
    (kind, spelling, written)
    for secrets, api_id in ((CANARIES, CANARIES["api id"]), (OF_THE_SANDBOX, "sandbox-api-id"))
    for kind, text in secrets.items()
    for spelling, written in spellings(kind, text, api_id)
]


def sightings(content: bytes) -> set[tuple[str, str]]:
    """Which canaries are in `content`: kind and spelling."""
    return {(kind, spelling) for kind, spelling, written in _SPELLINGS if written in content}


def sightings_under(*directories: Path) -> set[tuple[str, str, str]]:
    """The same for every byte of every file, also as names."""
    found: set[tuple[str, str, str]] = set()
    for directory in directories:
        for path in directory.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            for kind, spelling in sightings(content + str(path).encode()):
                found.add((str(path.relative_to(directory)), kind, spelling))
    return found
