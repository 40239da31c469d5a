"""Times as models write them, as Aircall reads them, and as we say them."""

from __future__ import annotations

import logging
import math
import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ..errors import quoted

log = logging.getLogger(__name__)

_SECONDS = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def iso(seconds: float) -> str:
    """UNIX seconds as ISO 8601 in UTC, to the second: `2026-11-22T08:00:00Z`."""
    if not isinstance(seconds, int):
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")[:-6] + "Z"
    days, rest = divmod(seconds, 86_400)
    minutes, second = divmod(rest, 60)
    return _day(days) + _MINUTES[minutes] + _ENDS[second]


@lru_cache(1_000)
def _day(days: int) -> str:
    """The date so many days after 1970 began: a page of calls has two hundred times of few days."""
    return date.fromordinal(_EPOCH + days).isoformat()


_EPOCH = date(1970, 1, 1).toordinal()
_MINUTES = tuple(f"T{minute // 60:02}:{minute % 60:02}" for minute in range(1_440))
_ENDS = tuple(f":{second:02}Z" for second in range(60))


def moment(value: int | str, zone: tzinfo | None) -> int:
    """UNIX seconds of a time given as UNIX seconds or ISO 8601. Raises ValueError or OverflowError.

    What is less than a second is cut off. A time without an offset is read in `zone`, in UTC where
    that is None.
    """
    if isinstance(value, int):
        return value
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return math.floor(float(text)) if "." in text else int(text)
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=zone or UTC)
    return int(parsed.timestamp())


def is_naive(value: Any) -> bool:
    """Whether it is a time in ISO 8601 that says nothing about its offset."""
    if not isinstance(value, str) or _SECONDS.fullmatch(value.strip()):
        return False
    try:
        return datetime.fromisoformat(value.strip()).tzinfo is None
    except ValueError:
        return False


def zone_here(name: str) -> tzinfo | None:
    """The IANA zone, None where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        log.warning("The time zone %r is not known here; reading times as UTC.", quoted(name))
        return None
