"""Phone numbers as Aircall reads them: E.164, such as +33184880000."""

from __future__ import annotations

import re

E164_PATTERN = r"^\+[1-9]\d{6,14}$"

_PHONE_PUNCTUATION = re.compile(r"[\s().\u00a0-]+")
_LONGEST_PHONE = 100
_SHORT_PHONE = 8
"""Digits of a number of which the beginning would tell too much."""


def phone(value: str) -> str:
    """A phone number without its spaces, dots, dashes and brackets; what is too long for one is
    left as it is."""
    return value if len(value) > _LONGEST_PHONE else _PHONE_PUNCTUATION.sub("", value)


def masked(value: str) -> str:
    """A phone number by which somebody who knows it knows it again, and nobody else: its beginning,
    where it is long enough, and its last two digits."""
    digits = "".join(one for one in value if one.isdigit())
    return f"{'+' + digits[:2] if len(digits) > _SHORT_PHONE else ''}…{digits[-2:]}"
