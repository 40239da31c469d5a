"""Whom an event is about: the phone numbers in it, and the ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ..errors import ArgumentError

Json = dict[str, Any]

_NUMBER_KEYS = frozenset(
    {"raw_digits", "phone_number", "external_number", "external_caller_number",
     "external_transferred_to", "from", "to", "participants", "callee", "caller"}
)  # fmt: skip
_OWN_NUMBER_KEYS = frozenset({"digits", "e164_digits"})
_PHONE = re.compile(r"\+?[0-9][0-9 ().\u00a0-]{4,24}")


_SENDER = re.compile(r"(?=.*[^\W\d_])[\w&.+'! -]{1,11}")
"""A sender of texts that is no number: eleven characters at most, of which one is a letter."""
_NOBODY = frozenset({"anonymous", "private", "restricted", "unavailable", "unknown"})
"""What stands in the place of a number that is withheld."""
_SENDER_KEYS = frozenset({"raw_digits", "external_number", "phone_number", "from", "participants"})


def sought(number: str) -> str:
    """What a phone number or a sender made of letters is known by. Raises `ArgumentError`."""
    return _letters(number) or dialled(number)


def _letters(sender: str) -> str:
    """A sender made of letters as it is known here, nothing for what is none."""
    text = sender.strip().casefold()
    known = _SENDER.fullmatch(text) and text not in _NOBODY
    return re.sub(r"\s+", "", text) if known else ""


def dialled(number: str) -> str:
    """Only the digits, without an international prefix. Raises `ArgumentError` for none."""
    digits = re.sub(r"[^0-9]", "", number)
    if not digits:
        raise ArgumentError(
            "A phone number must contain digits.",
            hint="Write it like +33184880000, or a sender made of letters as it is shown.",
        )
    return digits.removeprefix("00")


def numbers_in(data: Any) -> dict[str, bool]:
    """The phone numbers in an event, digits only, and whether they are outside the company. Senders
    of texts that are made of letters are among them."""
    found: dict[str, bool] = {}
    for number, outside in _numbers(data, outside=False):
        found[number] = found.get(number, False) or outside
    return found


_PAIR = re.compile(r'"(\w{1,40})"\s*:\s*"(\+?[0-9][0-9 ().\u00a0-]{4,24})"')


def numbers_in_text(text: str) -> dict[str, bool]:
    """The same of JSON that could not be read: as far as its names and texts can be told apart."""
    found: dict[str, bool] = {}
    for name, number in _PAIR.findall(text):
        if name in _OWN_NUMBER_KEYS or name in _NUMBER_KEYS or name == "value":
            digits = dialled(number)
            found[digits] = found.get(digits, False) or name not in _OWN_NUMBER_KEYS
    return found


def _numbers(value: Any, *, outside: bool, depth: int = 0) -> Iterator[tuple[str, bool]]:
    if depth > 12:
        return
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _numbers(item, outside=outside, depth=depth + 1)
    elif isinstance(value, Mapping):
        for key, part in cast("Mapping[str, Any]", value).items():
            if key in _OWN_NUMBER_KEYS:
                for number, _ in _numbers(part, outside=True, depth=depth + 1):
                    yield number, False
            elif isinstance(part, str) and key == "value":
                yield from _numbers(part, outside=outside, depth=depth + 1)
            else:
                theirs = key in _NUMBER_KEYS or key == "phone_numbers"
                yield from _numbers(part, outside=theirs, depth=depth + 1)
                if key in _SENDER_KEYS:
                    yield from _senders(part)
    elif outside and isinstance(value, str) and _PHONE.fullmatch(value.strip()):
        yield dialled(value), True


def _senders(value: Any) -> Iterator[tuple[str, bool]]:
    for one in cast("list[Any]", value) if isinstance(value, list) else [value]:
        if isinstance(one, str) and (sender := _letters(one)):
            yield sender, True


def subject(kind: str, resource: str, data: Mapping[str, Any]) -> dict[str, int | None]:
    """The ids an event is about: call_id, user_id, number_id, contact_id."""
    family = kind.partition(".")[0]
    ids: dict[str, int | None] = {}
    for name in ("call", "user", "number", "contact"):
        inner: Any = data.get(name)
        own = data.get("id") if name in (resource, family) else None
        nested: Any = cast("Json", inner).get("id") if isinstance(inner, Mapping) else None
        ids[f"{name}_id"] = next(
            filter(None, map(_id, (own, data.get(f"{name}_id"), nested))), None
        )
    if ids["call_id"] is None:
        ids["call_id"] = _id(data.get("last_call_id"))
    return ids


def has_odd_id(data: Mapping[str, Any]) -> bool:
    """Whether an id of what is told of is none: a list, an object, a fraction, out of all range.
    None is no id, and one in letters (of a text, a webhook) is as good as any."""
    ids = [data.get("id"), data.get("last_call_id")]
    for name in ("call", "user", "number", "contact"):
        inner: Any = data.get(name)
        ids += [data.get(f"{name}_id")]
        ids += [cast("Json", inner).get("id")] if isinstance(inner, Mapping) else []
    return any(not (one is None or isinstance(one, str) or _id(one)) for one in ids)


def _id(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < 2**63 else None
