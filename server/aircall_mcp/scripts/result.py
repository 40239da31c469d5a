"""What a script returns, as JSON and no more than a model should read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, cast

from ..errors import ArgumentError

LARGEST: Final = 16_000
"""Bytes of JSON of the whole answer: 4,000 tokens."""
DEEPEST: Final = 40
MOST_BITS: Final = 128
"""Of a whole number; a phone number has fifty."""
_SMALLER: Final = "Return less: totals, the few fields that are needed, the first rows."


def plain(value: Any, depth: int = 0) -> Any:
    """`value`, which was read from JSON, as every client can read it: half a surrogate pair becomes
    `?`. Raises `ArgumentError` for what is nested too deeply, or a number that is too large."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise ArgumentError(
            "The result contains a number that is too large.", hint="Return it as text."
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ArgumentError("The result contains a number without end.", hint="Return None for it.")
    if not isinstance(value, dict | list):
        return value
    if depth > DEEPEST:
        raise ArgumentError("The result is nested too deeply.", hint=_SMALLER)
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {plain(name): plain(one, depth + 1) for name, one in fields.items()}
    return [plain(one, depth + 1) for one in cast("list[Any]", value)]


def bounded(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The whole answer, if it is not too long. Raises `ArgumentError` where it is."""
    size = len(json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode())
    if size > LARGEST:
        raise ArgumentError(
            f"The script's answer is too long: {size // 4} tokens, of at most {LARGEST // 4}.",
            hint=f"{_SMALLER} Of many effects make several plans.",
        )
    return dict(payload)
