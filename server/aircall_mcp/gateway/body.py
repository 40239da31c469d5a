"""The JSON of an answer: limited in size, depth and values, and strictly JSON."""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic_core import from_json

from ..ground.weight import LIGHT, MOST_VALUES, deeper_than, values_in

LARGEST_ERROR = 64 * 1024
"""Bytes of an error that are looked into; there is nothing to learn from a longer one."""

DEEPEST_ANSWER = 200
"""Levels of objects and arrays in an answer; what is deeper is not taken for JSON: the quick parser
goes no deeper."""

LESS = "Ask for less, such as a narrower from/to."


class Broken(Exception):
    """There is no answer to give. `passing` says that another attempt may fare better."""

    def __init__(self, words: str, *, hint: str = "", passing: bool = True) -> None:
        super().__init__(words)
        self.words = words
        self.hint = hint
        self.passing = passing


def json_of(status: int, raw: bytes, values: int | None = None) -> Any:
    """The body of an answer, None where there is none, and for an error in no form. `values` is how
    many it holds, if they were counted. Raises `Broken` for a success that is not taken."""
    if not raw or raw.isspace():
        return None
    if status >= 300 and len(raw) > LARGEST_ERROR:
        return None
    if (values_in(raw) if values is None else values) > MOST_VALUES:
        if status >= 300:
            return None
        raise Broken(
            f"Aircall's answer holds over {MOST_VALUES} values.",
            hint=LESS,
            passing=False,
        )
    if len(raw) <= LIGHT and not _may_be_infinite(raw):
        try:
            return from_json(raw, allow_inf_nan=False)
        except ValueError:
            pass  # what it does not take, such as half a letter, is read in the other way
    try:
        # Python would read NaN and 1e999, which no client of ours takes as JSON.
        whole = _whole if len(raw) > LIGHT else None
        body = json.loads(raw, parse_constant=_nothing, parse_float=_finite, parse_int=whole)
        taken = not deeper_than(DEEPEST_ANSWER, body)
    except (ValueError, RecursionError):
        body, taken = None, False
    if taken:
        return body
    if status >= 300:
        return None
    raise Broken("Aircall's answer is no JSON.")


def _may_be_infinite(raw: bytes) -> bool:
    """Whether a number in `raw` may be too large for a float: the quick parser calls it infinite.

    One has an exponent of two digits, or hundreds of digits. Ids hold the like of `3e12`, too, but
    no number is it that begins behind a letter.
    """
    outline = raw.translate(_OUTLINE)
    if _ENDLESS in outline:
        return True
    at = outline.find(_EXPONENT)
    while at >= 0:
        before = raw[max(0, at - len(_ENDLESS)) : at + 1].rstrip(b"0123456789.-")
        if not before or before[-1:] in b":,[ \t\r\n":
            return True
        at = outline.find(_EXPONENT, at + 1)
    return False


_OUTLINE = bytes(
    ord("0") if byte in b"0123456789+" else ord("e") if byte in b"eE" else ord(" ")
    for byte in range(256)
)
"""Digits, and the sign that an exponent may have, as one digit, an exponent's letter as one letter,
and of all else nothing."""
_EXPONENT = b"0e00"
_ENDLESS = b"0" * 200


def _nothing(_constant: str) -> None:
    """NaN and Infinity are no values."""


def _whole(text: str) -> int:
    """In Python, which lets others take turns: thousands of digits are slow to read."""
    return int(text)


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
