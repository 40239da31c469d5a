"""How many segments a text takes, which is how it is billed: GSM 03.38, or UCS-2 if one character
is not in it."""

from __future__ import annotations

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Characters that take the room of two."""
_ALONE = {"GSM-7": 160, "UCS-2": 70}
_JOINED = {"GSM-7": 153, "UCS-2": 67}
"""Room in a segment of several, which have a header each."""


@dataclass(frozen=True, slots=True)
class Segments:
    count: int
    encoding: str
    length: int

    def __str__(self) -> str:
        """`2 segments (GSM-7, 200 characters)`."""
        unit = "segment" if self.count == 1 else "segments"
        return f"{self.count} {unit} ({self.encoding}, {self.length} characters)"


def segments_of(text: str) -> Segments:
    """No pair is split between two segments, so that one may have room left."""
    plain = all(one in _BASIC or one in _EXTENDED for one in text)
    encoding = "GSM-7" if plain else "UCS-2"
    sizes = [
        (2 if one in _EXTENDED else 1) if plain else (2 if ord(one) > 0xFFFF else 1) for one in text
    ]
    if sum(sizes) <= _ALONE[encoding]:
        return Segments(1, encoding, len(text))
    count, left = 1, _JOINED[encoding]
    for size in sizes:
        if size > left:
            count, left = count + 1, _JOINED[encoding]
        left -= size
    return Segments(count, encoding, len(text))
