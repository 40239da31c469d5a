"""Ids in their one spelling: two that Aircall could read as equal become the same text."""

from __future__ import annotations

import re
import uuid
from typing import Literal

from ..errors import ArgumentError

Kind = Literal["id", "uuid", "id_or_email"]

_DIGITS = re.compile(r"[0-9]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BARE_UUID = re.compile(r"(?:urn:uuid:)?\{?[0-9a-fA-F-]{32,36}\}?", re.IGNORECASE)
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.IGNORECASE)
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_OTHER = re.compile(r"[!-?A-~]+")  # printable ASCII but for the @


def spelled(name: str, value: str, kind: Kind) -> str:
    """The id `value` of the argument `name` as it is usually written.

    Digits have no leading zeros, a UUID is in lower case, a ULID in upper case, an e-mail address,
    where one is documented, in lower case. What is of no such kind stays, if it is plain text.
    Raises `ArgumentError`.
    """
    text = value.strip()
    if _DIGITS.fullmatch(text):
        if number := text.lstrip("0"):
            return number
    elif _UUID.fullmatch(text):
        return text.lower()
    elif _ULID.fullmatch(text):
        return text.upper()
    elif kind == "id_or_email" and _EMAIL.fullmatch(text):
        return text.lower()
    elif kind == "uuid" and _BARE_UUID.fullmatch(text):
        try:
            return str(uuid.UUID(text))
        except ValueError:
            return text
    elif _OTHER.fullmatch(text):
        return text
    or_email = " or an e-mail address" if kind == "id_or_email" else ""
    raise ArgumentError(
        f"`{name}` is not an id.",
        hint=f"Give the id exactly as Aircall's lists show it: digits, a UUID or a ULID{or_email}.",
    )
