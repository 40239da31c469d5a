"""Phone numbers as Aircall reads them: E.164, such as +33184880000."""

from __future__ import annotations

import re

E164_PATTERN = r"^\+[1-9]\d{6,14}$"

_PHONE_PUNCTUATION = re.compile(r"[\s().\u00a0-]+")
_LONGEST_PHONE = 100


def phone(value: str) -> str:
    """A phone number without its spaces, dots, dashes and brackets; what is too long for one is
    left as it is."""
    return value if len(value) > _LONGEST_PHONE else _PHONE_PUNCTUATION.sub("", value)
