"""A mailbox: anybody with its public key can put something in, only the vault can take it out.

The receiver of events runs where no keyring opens without a person. So it never holds a key that
reads: it seals what comes to the mailbox's public key (X25519), and the private key lies in the
vault. Each sealer agrees on a data key of its own, once, and seals with AES-256-GCM:

    version 1 | public key of the sealer 32 | nonce 12 | content + tag 16
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from ..errors import StoreError
from ..ground.secrets import Secret, inside
from .envelope import KEY_BYTES, Damaged

_VERSION = b"\x01"
_NONCE = 12
_HEAD = len(_VERSION) + KEY_BYTES
_OWNER, _FIELD = "", "mailbox"

Random = Callable[[int], bytes]


class Records(Protocol):
    """What of the vault a mailbox needs."""

    def read(self, owner: str, field: str) -> Any: ...
    def write(
        self, owner: str, field: str, value: Any, *, expected: int | None = None
    ) -> int | None: ...


class Sealer:
    """Seals to the mailbox with this public key (32 bytes). It cannot open what it sealed."""

    def __init__(self, public: bytes, *, random: Random = os.urandom) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import (
            X25519PrivateKey,
            X25519PublicKey,
        )
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        own = X25519PrivateKey.from_private_bytes(random(KEY_BYTES))
        try:
            shared = own.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            raise StoreError("The public key of the event log is damaged.") from None
        mine = own.public_key().public_bytes_raw()
        self._head = _VERSION + mine
        self._cipher = AESGCM(_agreed(shared, mine, public))
        self._random = random

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """`plain`, readable only with the vault's key and only as what stands at `place`."""
        nonce = self._random(_NONCE)
        return self._head + nonce + self._cipher.encrypt(nonce, plain, place)


class Mailbox:
    """The key that opens: made from 32 secret bytes in base64. It does not print."""

    def __init__(self, key: Secret) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import (
            X25519PrivateKey,
            X25519PublicKey,
        )
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        raw = inside(key, base64.b64decode)
        own = X25519PrivateKey.from_private_bytes(raw)
        self.public = own.public_key().public_bytes_raw()
        self._marks = hmac.digest(raw, b"aircall-mailbox 1 marks", hashlib.sha256)

        # One for each process that ever received; to agree costs more than to open.
        @lru_cache(maxsize=256)
        def cipher(sealer: bytes) -> Any:
            shared = own.exchange(X25519PublicKey.from_public_bytes(sealer))
            return AESGCM(_agreed(shared, sealer, self.public))

        self._cipher = cipher

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """What was sealed for `place`. Raises `Damaged` for anything else."""
        from cryptography.exceptions import InvalidTag

        if not sealed.startswith(_VERSION) or len(sealed) < _HEAD + _NONCE + 16:
            raise Damaged("of an unknown version, or cut")
        sealer, rest = sealed[len(_VERSION) : _HEAD], sealed[_HEAD:]
        try:
            return self._cipher(sealer).decrypt(rest[:_NONCE], rest[_NONCE:], place)
        except (InvalidTag, ValueError):
            raise Damaged("not sealed for this mailbox and place, or changed since") from None

    def mark(self, text: str) -> bytes:
        """A keyed hash (16 bytes) by which `text` is found again, and by nobody else."""
        return hmac.digest(self._marks, text.encode(), hashlib.sha256)[:16]


def mailbox_of(
    vault: Records, *, make: bool = False, random: Random = os.urandom
) -> Mailbox | None:
    """The mailbox whose key lies in `vault`; with `make` a new one where there is none.

    Raises `CredentialError` where the vault does not open.
    """
    record = vault.read(_OWNER, _FIELD)
    if record is None and make:
        key = Secret(base64.b64encode(random(KEY_BYTES)).decode())
        vault.write(_OWNER, _FIELD, {"key": key}, expected=0)
        record = vault.read(_OWNER, _FIELD)  # of whoever was quicker
    return None if record is None else Mailbox(record.value["key"])


def _agreed(shared: bytes, sealer: bytes, public: bytes) -> bytes:
    return hmac.digest(shared, b"aircall-mailbox 1 agreed" + sealer + public, hashlib.sha256)
