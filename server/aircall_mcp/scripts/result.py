"""What a script gives back, as JSON and no more than a model should read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final, cast

from ..errors import ArgumentError

LARGEST: Final = 16_000
"""Bytes of JSON of the whole answer: 4,000 tokens."""
DEEPEST: Final = 40
MOST_BITS: Final = 128
"""Of a whole number; a phone number has fifty."""
_SMALLER: Final = "Return less: totals, the few fields that are needed, the first rows."


def plain(value: Any, largest: int) -> Any:
    """`value` as JSON, which is at most `largest` bytes; tuples and sets become lists, times text.

    What the interpreter hands over shares its parts, so that little memory can be a lot of JSON:
    each value counts wherever it stands. Raises `ArgumentError`.
    """
    return _Weighed(largest).plain(value, 0)


def bounded(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The whole answer, if it is not too long. Raises `ArgumentError` where it is."""
    size = len(json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode())
    if size > LARGEST:
        raise ArgumentError(
            f"The answer of the script has {size // 4} tokens, of at most {LARGEST // 4}.",
            hint=f"{_SMALLER} Of many effects make several plans.",
        )
    return dict(payload)


class _Weighed:
    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._left = largest

    def plain(self, value: Any, depth: int) -> Any:
        self._take(2)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float | str):
            return self._scalar(value)
        if depth > DEEPEST:
            raise ArgumentError("The result is nested too deeply.", hint=_SMALLER)
        if isinstance(value, dict):
            fields = cast("dict[Any, Any]", value)
            return {self._name(name): self.plain(one, depth + 1) for name, one in fields.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.plain(one, depth + 1) for one in cast("list[Any]", value)]
        if isinstance(value, datetime | date | time):
            return self._scalar(value.isoformat())
        if isinstance(value, Decimal):
            return self._scalar(str(value))
        raise ArgumentError(
            "The result holds what is no JSON.",
            hint="Take numbers, texts, lists and dicts; of an object take its fields.",
        )

    def _scalar(self, value: float | str) -> Any:
        if isinstance(value, str):
            self._take(len(value))
            return value.encode("utf-8", "replace").decode()
        if isinstance(value, int):
            if value.bit_length() > MOST_BITS:
                raise ArgumentError("The result holds a number that is too large.")
            self._take(value.bit_length() // 4)
            return value
        if not math.isfinite(value):
            raise ArgumentError("The result holds a number without end.")
        return value

    def _name(self, name: Any) -> str:
        if isinstance(name, str | int | float | bool) or name is None:
            return cast(
                "str",
                self._scalar(
                    name
                    if isinstance(name, str)
                    else str(self._scalar(name) if isinstance(name, int | float) else name)
                ),
            )
        raise ArgumentError("The result has a key that is no text.")

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ArgumentError(
                f"The result is too long: of at most {self._largest // 4} tokens.", hint=_SMALLER
            )
