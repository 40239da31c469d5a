"""Where a call or a text goes: a phone number in any common notation, as E.164."""

from __future__ import annotations

import re

from ..errors import ArgumentError, quoted
from ..ground.phones import E164_PATTERN, LONGEST_PHONE
from ..ground.visible import clean

_NUMBER = re.compile(r"(?:tel:)?[+\d(][\d\s().+/\u00a0\u2010-\u2015-]*\d[\d\s().]*")
_VANITY = re.compile(r"\+?1?[-. ]?\(?8\d\d\)?[-. ]?[0-9A-Za-z]{1,7}(?:[-. ]?[0-9A-Za-z]{1,6})?")
_EXTENSION = re.compile(
    r"\s*(?:[;,]?\s*(?:ext\.?|extension|poste|x)\s*[.:=#]?\s*\d{1,7})\s*$", re.IGNORECASE
)
_LEAST = 3
"""Digits of a service number."""


def is_number(said: str) -> bool:
    """Whether `said` is a phone number and no name, whatever it is written like."""
    if len(said) > LONGEST_PHONE:  # what looks for an extension would take for ever
        return False
    text = _EXTENSION.sub("", clean(said).strip())
    digits = sum(one.isdigit() for one in text)
    if _NUMBER.fullmatch(text):
        return digits >= _LEAST
    return bool(_VANITY.fullmatch(text)) and digits >= _LEAST and any(map(str.isalpha, text))


def e164_of(said: str, country: str | None) -> str:
    """The number that `said` means, `+33184880000`; national notation is that of `country`, an ISO
    code of two letters. Raises `ArgumentError`."""
    import phonenumbers

    text = clean(said).strip().removeprefix("tel:")
    if len(said) > LONGEST_PHONE:
        raise _none(text)
    if _EXTENSION.search(text):
        raise ArgumentError(
            "Aircall cannot dial extensions.", hint="Give the number without its extension."
        )
    if text.startswith("00"):  # which is nobody's national prefix, whatever dials abroad here
        text = f"+{text[2:]}"
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        number = None
    international = text.startswith(("+", "(+"))
    fits = number is not None and (
        phonenumbers.is_possible_number(number)
        if international
        else phonenumbers.is_valid_number(number)
    )
    if number is None or not fits:
        where = f" in {country}" if country and not international else ""
        raise _none(text, where)
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not re.fullmatch(E164_PATTERN, written):
        raise _none(text)
    return written


def _none(text: str, where: str = "") -> ArgumentError:
    return ArgumentError(
        f"`{quoted(text)}` is not a phone number{where} that can be dialled.",
        hint="Write it with its country, like +33184880000.",
    )
