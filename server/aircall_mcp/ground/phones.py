"""Phone numbers as Aircall reads them: E.164, such as +33184880000."""

from __future__ import annotations

import re
import unicodedata

E164_PATTERN = r"^\+[1-9]\d{6,14}$"

_PHONE_PUNCTUATION = re.compile(r"[\s().\u00a0-]+")
_NO_DIGIT = re.compile(r"[^0-9]+")
LONGEST_PHONE = 100
"""Characters beyond which nothing is a number, whatever it is written like."""
_SHORT_PHONE = 8
"""Digits of a number of which the beginning would tell too much."""

_SAME_PHONE = (
    (re.compile(r"\+521(\d{10})"), r"+52\1"),  # Mexico's 1, without a meaning since 2019
    (re.compile(r"\+549(\d{10})"), r"+54\1"),  # Argentina's 9, which some networks put there
    (re.compile(r"\+55(\d\d)([6-9]\d{7})\Z"), r"+55\g<1>9\2"),  # Brazil's 9, not of WhatsApp
)
"""Numbers of a mobile phone that it also has with or without one digit."""
_SAN_MARINO = "+390549"
"""As Italy dials it, which is within its own plan."""
_SHORTEST_PHONE = 7
"""Characters below which nothing is a number that more digits could stand behind."""


def phone(value: str) -> str:
    """A phone number without its spaces, dots, dashes and brackets; what is too long for one is
    left as it is."""
    return value if len(value) > LONGEST_PHONE else _PHONE_PUNCTUATION.sub("", value)


def masked(value: str) -> str:
    """A phone number by which somebody who knows it knows it again, and nobody else: its beginning,
    where it is long enough, and its last two digits."""
    digits = "".join(one for one in value if one.isdigit())
    return f"{'+' + digits[:2] if len(digits) > _SHORT_PHONE else ''}…{digits[-2:]}"


def e164(value: str) -> str:
    """The number that `value` means, whatever it is written like: for comparing, not for sending.

    Two spellings that could reach the same phone are the same text: the digits of any script, `00`
    or nothing for the plus, a national prefix after the country, `+33 (0)6`, and the digit that
    a mobile phone of Mexico, Argentina or Brazil has in some networks. Of a number of no
    known country it is the digits alone, and what holds letters stays as it is.
    """
    text = unicodedata.normalize("NFKC", value)
    text = "".join(_digit(character) for character in text)
    digits = _NO_DIGIT.sub("", text)
    if not digits or len(value) > LONGEST_PHONE or any(c.isalpha() for c in text):
        return " ".join(text.casefold().split())  # words, or what nobody dials
    if digits.startswith("00"):
        digits = digits[2:]
    elif digits.startswith("0") and "+" not in text:
        return digits  # of which country, nobody can see
    import phonenumbers  # only who compares numbers needs it

    try:
        parsed = phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException:
        return digits
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    for longer, shorter in _SAME_PHONE:
        number = longer.sub(shorter, number)
    return number


def meant(number: str) -> str:
    """The one number in E.164 that all spellings of it mean: without the national prefix that
    people write after the country, `+33 (0)1`, however often."""
    while (plain := e164(number)) != number:
        number = plain
    return number


def reached(number: str) -> str:
    """The number of the phone that rings: networks leave out digits that are too many, so that one
    which fits no numbering plan is the longest beginning of it that does. For comparing."""
    from phonenumbers import NumberParseException, is_valid_number, parse

    plain = meant(number)
    if plain.startswith(_SAN_MARINO):
        plain = f"+378{plain[len('+39') :]}"
    if not plain.startswith("+"):
        return plain
    for end in range(len(plain), _SHORTEST_PHONE, -1):
        try:
            if is_valid_number(parse(plain[:end])):
                return meant(plain[:end])
        except NumberParseException:
            break
    return plain


def _digit(character: str) -> str:
    number = unicodedata.decimal(character, None)
    return character if number is None else str(number)
