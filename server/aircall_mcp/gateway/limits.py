"""What Aircall's headers say about its request limit, and for how long to pause after a 429."""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

WINDOW = 60.0
"""Seconds in which Aircall counts requests."""

LEAST_PAUSE, LONGEST_PAUSE = 1.0, 120.0
"""Seconds."""


def pause_of(headers: Mapping[str, str], now: float) -> float:
    """Seconds to pause after a 429, between 1 and 120, from whatever header came; 60 if none.

    `now` is UNIX seconds, for the headers that name a moment; the answer's own date is preferred.
    """
    said = headers.get("retry-after", "")
    seconds = _number(said)
    if seconds is None and said:
        moment = _moment(said)
        seconds = None if moment is None else moment - server_time(headers, now)
    if seconds is None:
        seconds = reset_of(headers, now)
    if seconds is None:
        seconds = WINDOW
    return min(max(seconds, LEAST_PAUSE), LONGEST_PAUSE)


def reset_of(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the counter is reset; the header may speak in seconds or milliseconds."""
    value = _number(headers.get("x-aircallapi-reset", ""))
    if value is None or abs(value) < 1e6:
        return value
    return (value / 1000 if value > 1e11 else value) - server_time(headers, now)


def server_time(headers: Mapping[str, str], now: float) -> float:
    moment = _moment(headers.get("date", ""))
    return now if moment is None else moment


def _moment(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def count_of(headers: Mapping[str, str], name: str) -> int | None:
    value = _number(headers.get(f"x-aircallapi-{name}", ""))
    return None if value is None or value < 0 else int(value)
