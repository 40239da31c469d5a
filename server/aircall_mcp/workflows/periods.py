"""A period as people and models write it: ISO 8601, or one of some twenty English phrases.

Days, weeks and months are those of the given zone, whatever its clocks do meanwhile: a day may have
23 hours. A period that has begun ends now at the latest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Literal

from ..errors import ArgumentError, quoted

Unit = Literal["second", "day", "month"]

PHRASES = (
    "today", "yesterday", "day before yesterday", "this morning", "this hour", "last 24 hours",
    "last 30 minutes", "last 7 days", "this week", "last week", "last 2 weeks", "weekend",
    "last business day", "monday", "last monday", "this month", "last month", "november 2026",
    "this quarter", "last quarter", "since monday 9:00", "since yesterday 14:00",
    "yesterday 14:00..16:00", "monday..wednesday",
)  # fmt: skip
"""What is told to whoever wrote something else."""
ISO_FORMS = (
    "2026-11-03", "2026-11", "2026-W45", "2026-11-03..2026-11-05", "2026-11-03 14:00..16:00",
    "2026-11-03T14:00:00+01:00/2026-11-04T09:00:00+01:00", "2026-11-20..",
)  # fmt: skip
LONGEST = 100
"""Characters of a period that are looked at."""

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fourteen": 14, "thirty": 30,
}  # fmt: skip
_SECONDS = {"second": 1, "minute": 60, "min": 60, "hour": 3600, "hr": 3600, "h": 3600}
_DAYWISE = {"day": 1, "week": 7}
_MONTHWISE = {"month": 1, "quarter": 3, "year": 12}
_TIME = re.compile(r"(?:at )?(\d{1,2})(?:[:h](\d{2}))?(?::(\d{2}))? ?(am|pm)?")
_RANGES = (" .. ", "..", " to ", " until ", " till ", "/", " \u2013 ", " \u2014 ", " - ")


@dataclass(frozen=True, slots=True)
class Period:
    """From `begin` to before `end`, in UNIX seconds; `words` are those it was asked for by.

    It is `count` of its `unit` long, cut off by the present.
    """

    begin: int
    end: int
    words: str
    zone: tzinfo = UTC
    unit: Unit = "second"
    count: int = 0
    whole: bool = field(default=True, compare=False)
    """Whether it is over."""

    def told(self) -> dict[str, Any]:
        """As an answer echoes it: times of its zone with their offsets."""
        return {
            "begin": _iso(self.begin, self.zone),
            "end": _iso(self.end, self.zone),
            "zone": str(self.zone),
            "words": self.words,
        }

    def before(self) -> Period:
        """The period before it, to compare it with: of one that goes on, as much as has passed."""
        if self.unit == "second":
            length = self.end - self.begin
            return replace(self, begin=self.begin - length, end=self.begin, words="before")
        begin = _moved(datetime.fromtimestamp(self.begin, self.zone), self.unit, -self.count)
        if self.whole:
            return replace(self, begin=_seconds(begin), end=self.begin, words="before")
        end = _moved(datetime.fromtimestamp(self.end, self.zone), self.unit, -self.count)
        return replace(
            self, begin=_seconds(begin), end=min(_seconds(end), self.begin), words="before"
        )


def period_of(text: str, now: float, zone: tzinfo | None = None) -> Period:
    """The period that `text` means at `now` (UNIX seconds) in `zone`, UTC where that is None.

    Raises `ArgumentError`, which says what day it is and what can be written.
    """
    here = datetime.fromtimestamp(int(now), zone or UTC)
    reading = _Reading(here)
    said = " ".join(text[:LONGEST].casefold().replace("…", "..").split()).strip(" .?!,;")
    if text.strip().endswith(".."):
        said += ".."
    said = re.sub(r"^(?:during|in|on|for|over|the) (?:the )?", "", said)
    try:
        span = reading.period(said)
    except (ValueError, OverflowError):
        span = None
    if span is None:
        raise _unknown(text, here)
    begin, end = _seconds(span.begin), _seconds(span.end)
    latest = int(now) + 1  # what begins in this second has begun
    if begin >= latest:
        raise _unknown(text, here, f"`{quoted(text.strip())}` has not begun yet.")
    if begin >= end:
        raise _unknown(text, here, f"`{quoted(text.strip())}` ends before it begins.")
    return Period(
        begin, min(end, latest), " ".join(text.split()), zone or UTC, span.unit, span.count,
        end <= latest,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Span:
    begin: datetime
    end: datetime
    unit: Unit = "second"
    count: int = 0
    exact: bool = False
    """Whether it is a moment, which ends what it is the end of."""


class _Reading:
    """What words mean at `now`, a time with its zone."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._today = now.date()

    def period(self, said: str) -> _Span | None:
        if said.startswith("since "):
            return self._since(said.removeprefix("since "))
        if matched := re.fullmatch(r"(?:from|between) (.+?) (?:to|and|until|till) (.+)", said):
            return self._range(matched[1], matched[2])
        found = self._alone(said)
        if found is not None and not found.exact:
            return found
        for mark in _RANGES:
            first, found_mark, last = said.partition(mark)
            if found_mark and first.strip():
                return self._range(first.strip(), last.strip())
        return None

    def _since(self, said: str) -> _Span | None:
        span = self._alone(said, past=True)
        if span is None:
            return None
        return _Span(span.begin, self._now + timedelta(seconds=1))

    def _range(self, first: str, last: str) -> _Span | None:
        begin = self._alone(first)
        if begin is None:
            return None
        if not last or last in ("now", "today"):
            return _Span(begin.begin, self._now + timedelta(seconds=1))
        at = _time(last)
        if at is not None:
            end = _instant(self._at(begin.begin.date(), at))
        elif (day := _date(last)) is None and last in _DAYS and begin.unit == "day":
            ahead = (_DAYS.index(last) - begin.begin.weekday()) % 7
            end = self._days(begin.begin.date() + timedelta(days=ahead), 1)
        else:
            end = self._days(day, 1) if day else self._alone(last)
        if end is None:
            return None
        if end.exact:
            return _Span(begin.begin, end.begin)
        if begin.unit == end.unit == "day":
            count = (end.end.date() - begin.begin.date()).days
            return _Span(begin.begin, end.end, "day", count)
        return _Span(begin.begin, end.end)

    def _alone(self, said: str, *, past: bool = False) -> _Span | None:
        """One expression: a day, a week, a month, a moment. With `past`, of several that it could
        be the last one that has begun."""
        readings: tuple[Callable[[str], _Span | None], ...] = (
            self._named, self._rolling, self._calendar, self._iso, self._moment(past=past),
        )  # fmt: skip
        return next(filter(None, (read(said) for read in readings)), None)

    def _named(self, said: str) -> _Span | None:
        today, week = self._today, self._today.weekday()
        match said:
            case "now":
                return _instant(self._now)
            case "today":
                return self._days(today, 1)
            case "yesterday":
                return self._days(today - timedelta(1), 1)
            case "day before yesterday":
                return self._days(today - timedelta(2), 1)
            case "this morning":
                return _Span(self._at(today, time(0)), self._at(today, time(12)))
            case "this afternoon":
                return _Span(self._at(today, time(12)), self._at(today, time(18)))
            case "yesterday morning":
                day = today - timedelta(1)
                return _Span(self._at(day, time(0)), self._at(day, time(12)))
            case "yesterday afternoon":
                day = today - timedelta(1)
                return _Span(self._at(day, time(12)), self._at(day, time(18)))
            case "this hour":
                begin = self._now.replace(minute=0, second=0)
                return _Span(begin, begin + timedelta(hours=1))
            case "weekend" | "last weekend" | "this weekend":
                saturday = today - timedelta((week - 5) % 7)
                if said == "last weekend" and week >= 5:
                    saturday -= timedelta(7)
                return self._days(saturday, 2)
            case (
                "last business day" | "last working day" | "last workday" | "previous business day"
            ):
                back = {0: 3, 6: 2}.get(week, 1)
                return self._days(today - timedelta(back), 1)
            case _:
                return None

    def _rolling(self, said: str) -> _Span | None:
        """`last 24 hours`, `past 7 days`, `last hour`: back from now."""
        matched = re.fullmatch(r"(?:last|past|previous) (?:(\w+) )?([a-z]+?)s?(?: ago)?", said)
        if matched is None:
            return None
        said_count, unit = matched[1], matched[2]
        count = _NUMBERS.get(said_count or "a") or int(said_count)
        if not 0 < count < 10_000:
            return None
        now = self._now + timedelta(seconds=1)
        if unit in _SECONDS:
            begin = datetime.fromtimestamp(now.timestamp() - count * _SECONDS[unit], now.tzinfo)
            return _Span(begin, now)
        if said_count is None:
            return None  # the last week is that of the calendar
        if unit in _DAYWISE:
            return _Span(_moved(now, "day", -count * _DAYWISE[unit]), now)
        if unit in _MONTHWISE:
            return _Span(_moved(now, "month", -count * _MONTHWISE[unit]), now)
        return None

    def _calendar(self, said: str) -> _Span | None:
        """`this week`, `last month`."""
        matched = re.fullmatch(r"(this|last|previous|current) (day|week|month|quarter|year)", said)
        if matched is None:
            return None
        back = matched[1] in ("last", "previous")
        unit, today = matched[2], self._today
        if unit in _DAYWISE:
            length = _DAYWISE[unit]
            begin = today - timedelta(today.weekday() if unit == "week" else 0)
            return self._days(begin - timedelta(length if back else 0), length)
        length = _MONTHWISE[unit]
        begin = today.replace(day=1, month=(today.month - 1) // length * length + 1)
        return self._months(begin, length, back=back)

    def _iso(self, said: str) -> _Span | None:
        if day := _date(said):
            return self._days(day, 1)
        if matched := re.fullmatch(r"(\d{4})-(\d{2})", said):
            return self._months(date(int(matched[1]), int(matched[2]), 1), 1)
        if matched := re.fullmatch(r"(\d{4})-?w(\d{1,2})", said):
            return self._days(date.fromisocalendar(int(matched[1]), int(matched[2]), 1), 7)
        if re.fullmatch(r"\d{4}", said) and 2000 <= int(said) < 2200:
            return self._months(date(int(said), 1, 1), 12)
        if re.fullmatch(r"\d{9,11}", said):
            moment = datetime.fromtimestamp(int(said), self._now.tzinfo)
            return _instant(moment)
        if matched := re.fullmatch(r"([a-z]{3,9})\.?(?: (\d{4}))?", said):
            month = _month(matched[1])
            if month is not None:
                year = int(matched[2] or self._today.year)
                if matched[2] is None and month > self._today.month:
                    year -= 1
                return self._months(date(year, month, 1), 1)
        return self._written_day(said)

    def _written_day(self, said: str) -> _Span | None:
        """`3 november 2026`, `nov 3`."""
        matched = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?\.? ([a-z]{3,9})\.?,?(?: (\d{4}))?", said)
        if matched is not None:
            day, name, year = matched[1], matched[2], matched[3]
        else:
            matched = re.fullmatch(
                r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,?(?: (\d{4}))?", said
            )
            if matched is None:
                return None
            name, day, year = matched[1], matched[2], matched[3]
        month = _month(name)
        if month is None:
            return None
        found = date(int(year or self._today.year), month, int(day))
        if year is None and found > self._today:
            found = found.replace(year=found.year - 1)
        return self._days(found, 1)

    def _moment(self, *, past: bool) -> Callable[[str], _Span | None]:
        def read(said: str) -> _Span | None:
            if "t" in said or "+" in said or said.endswith("z"):
                try:
                    moment = datetime.fromisoformat(said.upper())
                except ValueError:
                    moment = None
                if moment is not None:
                    moment = moment if moment.tzinfo else moment.replace(tzinfo=self._now.tzinfo)
                    return _instant(moment)
            if (at := _time(said)) is not None:
                day = self._today - timedelta(past and self._at(self._today, at) > self._now)
                return _instant(self._at(day, at))
            return self._day_and_time(said, past=past)

        return read

    def _day_and_time(self, said: str, *, past: bool) -> _Span | None:
        """`monday`, `last monday`, `monday 9:00`, `2026-11-03 14:00`, `yesterday 14:00`."""
        day_said, _, rest = said.partition(" ")
        if day_said in ("last", "this", "on") and rest:
            name, _, rest = rest.partition(" ")
            day_said = f"{day_said} {name}".removeprefix("on ").removeprefix("this ")
        at = _time(rest) if rest else None
        if rest and at is None:
            *_, after = said.rpartition(" ")
            at = _time(after)
            whole = self._alone(said.removesuffix(after).strip()) if at else None
            if at is None or whole is None or whole.unit != "day" or whole.count != 1:
                return None
            return _instant(self._at(whole.begin.date(), at))
        name = day_said.removeprefix("last ")
        if name in _DAYS or f"{name}day" in _DAYS or len(name) == 3:
            index = next((n for n, one in enumerate(_DAYS) if one.startswith(name)), None)
            if index is None:
                return None
            back = (self._today.weekday() - index) % 7
            if back == 0 and (
                day_said.startswith("last ")
                or (past and at is not None and self._at(self._today, at) > self._now)
            ):
                back = 7
            day = self._today - timedelta(back)
        elif (span := self._named(day_said) or self._iso(day_said)) and span.unit == "day":
            if span.count != 1:
                return None
            day = span.begin.date()
        else:
            return None
        if at is None:
            return self._days(day, 1)
        return _instant(self._at(day, at))

    def _at(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self._now.tzinfo)

    def _days(self, day: date, count: int) -> _Span:
        return _Span(
            self._at(day, time(0)), self._at(day + timedelta(count), time(0)), "day", count
        )  # fmt: skip

    def _months(self, first: date, count: int, *, back: bool = False) -> _Span:
        begin = self._at(first, time(0))
        if back:
            begin = _moved(begin, "month", -count)
        return _Span(begin, _moved(begin, "month", count), "month", count)


def _moved(moment: datetime, unit: Unit, count: int) -> datetime:
    """The same time of the day, so many days or months on; the last day of a shorter month."""
    if unit == "day":
        return datetime.combine(moment.date() + timedelta(count), moment.time(), moment.tzinfo)
    months = moment.year * 12 + moment.month - 1 + count
    year, month = divmod(months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (following - timedelta(1)).day
    day = date(year, month + 1, min(moment.day, last))
    return datetime.combine(day, moment.time(), moment.tzinfo)


def _instant(moment: datetime) -> _Span:
    return _Span(moment, moment, exact=True)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _iso(seconds: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(seconds, zone).isoformat(timespec="seconds")


def _date(said: str) -> date | None:
    return date.fromisoformat(said) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", said) else None


def _month(name: str) -> int | None:
    found = [n for n, one in enumerate(_MONTHS, 1) if one.startswith(name)]
    return found[0] if len(found) == 1 and len(name) >= 3 else None


def _time(said: str) -> time | None:
    """A time of the day; a number alone is none."""
    if said in ("noon", "midday"):
        return time(12)
    if said == "midnight":
        return time(0)
    matched = _TIME.fullmatch(said)
    if matched is None or (matched[2] is None and matched[4] is None):
        return None
    hour, minute, second = int(matched[1]), int(matched[2] or 0), int(matched[3] or 0)
    if matched[4] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (matched[4] == "pm")
    return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _unknown(text: str, now: datetime, why: str = "") -> ArgumentError:
    said = why or f"No period is called `{quoted(' '.join(text.split()))}`."
    today = f"{_DAYS[now.weekday()].capitalize()} {now:%Y-%m-%d %H:%M}"
    return ArgumentError(
        said,
        hint=f"It is {today} ({now.tzinfo}). Write ISO 8601 ({', '.join(ISO_FORMS)}) or one of:"
        f" {', '.join(PHRASES)}.",
    )
