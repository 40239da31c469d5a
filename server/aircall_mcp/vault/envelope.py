"""A key, and what it does to a record.

A record is sealed under a fresh data key, and the data key under the vault's key, both with
AES-256-GCM and both bound to the place the record stands in. Written, in base64:

    version 1 | nonce 12 | data key 32 + tag 16 | nonce 12 | record + tag 16

Two keys are derived from the vault's key, one to wrap and one to vouch, so that neither use can
weaken the other. `cryptography` is imported when the first record is sealed or opened.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, NoReturn

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE = 12
_HEAD = len(_VERSION) + _NONCE + KEY_BYTES + 16

Random = Callable[[int], bytes]


class Damaged(ValueError):
    """These bytes were not sealed by this key for this place, or were changed since."""


class Key:
    """The key of a vault: 32 bytes that do not print, pickle or copy."""

    __slots__ = ("_raw", "_vouch", "_wrap", "id")

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise ValueError(f"A key has {KEY_BYTES} bytes.")
        self._raw = raw
        self._wrap = _derived(raw, "wrap")
        self._vouch = _derived(raw, "vouch")
        self.id = _derived(raw, "name").hex()[:16]

    @classmethod
    def written(cls, text: str | bytes) -> Key:
        """The key that `text` writes in base64. Raises `ValueError` for anything else."""
        try:
            return cls(base64.b64decode(text.strip(), validate=True))
        except (binascii.Error, ValueError):
            raise ValueError("That is no key: 32 bytes in base64 are.") from None

    def text(self) -> str:
        """The key in base64, for the one place that holds it."""
        return base64.b64encode(self._raw).decode()

    def __repr__(self) -> str:
        return f"Key({self.id})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and hmac.compare_digest(self._raw, other._raw)

    def __hash__(self) -> int:
        return hash(self.id)

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("A key cannot be copied or serialised.")

    __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = __getstate__ = _refuse  # type: ignore[assignment]

    def vouch(self, *parts: Any) -> str:
        """A MAC over `parts` (JSON), in hex."""
        return self.mac(canonical(parts))

    def vouched(self, mac: str, *parts: Any) -> bool:
        """Whether `mac` is what `vouch` gives for `parts`, in constant time."""
        return self.matches(mac, canonical(parts))

    def mac(self, text: bytes) -> str:
        """HMAC-SHA256 over `text`, in hex."""
        return hmac.digest(self._vouch, text, hashlib.sha256).hex()

    def matches(self, mac: str, text: bytes) -> bool:
        """Whether `mac` is that of `text`, in constant time; `mac` may be anything."""
        return hmac.compare_digest(self.mac(text).encode(), mac.encode())

    def seal(self, plain: bytes, place: bytes, random: Random) -> str:
        """`plain`, readable only with this key and only as the record of `place`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        # A data key seals once, and the wrapping key far fewer than the 2**32 times that nonces of
        # 12 random bytes are good for.
        data_key, first, second = random(KEY_BYTES), random(_NONCE), random(_NONCE)
        wrapped = AESGCM(self._wrap).encrypt(first, data_key, b"key|" + place)
        closed = AESGCM(data_key).encrypt(second, plain, b"record|" + place)
        return base64.b64encode(_VERSION + first + wrapped + second + closed).decode()

    def open(self, sealed: object, place: bytes) -> bytes:
        """What was sealed for `place`. Raises `Damaged` for anything else."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        raw = _decoded(sealed)
        if not raw.startswith(_VERSION):
            raise Damaged("of an unknown version")
        wrapped, closed = raw[len(_VERSION) : _HEAD], raw[_HEAD:]
        try:
            data_key = AESGCM(self._wrap).decrypt(
                wrapped[:_NONCE], wrapped[_NONCE:], b"key|" + place
            )
            return AESGCM(data_key).decrypt(closed[:_NONCE], closed[_NONCE:], b"record|" + place)
        except (InvalidTag, ValueError):
            raise Damaged("not sealed by this key for this place, or changed since") from None


def _decoded(sealed: object) -> bytes:
    if not isinstance(sealed, str):
        raise Damaged("no text")
    try:
        return base64.b64decode(sealed, validate=True)
    except ValueError:
        raise Damaged("no base64") from None


def canonical(value: Any) -> bytes:
    """JSON with one spelling, for what is vouched for or bound."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=True).encode()


def _derived(raw: bytes, purpose: str) -> bytes:
    # Expanded as in HKDF; there is nothing to extract, since a key is evenly random as it comes.
    return hmac.digest(raw, f"aircall-vault 1 {purpose}".encode(), hashlib.sha256)
