from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aircall_mcp.errors import ArgumentError
from aircall_mcp.workflows.periods import ISO_FORMS, PHRASES, period_of

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 28, 15, 4, 5, tzinfo=PARIS)
"""A Saturday."""


def said(text: str, now: datetime = NOW) -> tuple[str, str]:
    """Begin and end as written on the clocks of the zone of `now`."""
    period = period_of(text, now.timestamp(), now.tzinfo)
    begin, end = (datetime.fromtimestamp(at, now.tzinfo) for at in (period.begin, period.end))
    return f"{begin:%m-%d %H:%M}", f"{end:%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("today", "11-28 00:00", "11-28 15:04"),
        ("Today!", "11-28 00:00", "11-28 15:04"),
        ("yesterday", "11-27 00:00", "11-28 00:00"),
        ("the day before yesterday", "11-26 00:00", "11-27 00:00"),
        ("this morning", "11-28 00:00", "11-28 12:00"),
        ("this hour", "11-28 15:00", "11-28 15:04"),
        ("last 24 hours", "11-27 15:04", "11-28 15:04"),
        ("past two hours", "11-28 13:04", "11-28 15:04"),
        ("last hour", "11-28 14:04", "11-28 15:04"),
        ("last 7 days", "11-21 15:04", "11-28 15:04"),
        ("this week", "11-23 00:00", "11-28 15:04"),
        ("last week", "11-16 00:00", "11-23 00:00"),
        ("last 2 weeks", "11-14 15:04", "11-28 15:04"),
        ("weekend", "11-28 00:00", "11-28 15:04"),
        ("last weekend", "11-21 00:00", "11-23 00:00"),
        ("last business day", "11-27 00:00", "11-28 00:00"),
        ("on monday", "11-23 00:00", "11-24 00:00"),
        ("last saturday", "11-21 00:00", "11-22 00:00"),
        ("saturday", "11-28 00:00", "11-28 15:04"),
        ("this month", "11-01 00:00", "11-28 15:04"),
        ("last month", "10-01 00:00", "11-01 00:00"),
        ("november 2026", "11-01 00:00", "11-28 15:04"),
        ("December", "12-01 00:00", "01-01 00:00"),
        ("this quarter", "10-01 00:00", "11-28 15:04"),
        ("last quarter", "07-01 00:00", "10-01 00:00"),
        ("since monday 9:00", "11-23 09:00", "11-28 15:04"),
        ("since yesterday 2pm", "11-27 14:00", "11-28 15:04"),
        ("since 9:00", "11-28 09:00", "11-28 15:04"),
        ("since 16:00", "11-27 16:00", "11-28 15:04"),
        ("since 2026-11-20", "11-20 00:00", "11-28 15:04"),
        ("since 3 November", "11-03 00:00", "11-28 15:04"),
        ("yesterday 14:00..16:00", "11-27 14:00", "11-27 16:00"),
        ("monday..wednesday", "11-23 00:00", "11-26 00:00"),
        ("from monday to wednesday", "11-23 00:00", "11-26 00:00"),
        ("between 9:00 and noon", "11-28 09:00", "11-28 12:00"),
        ("2026-11-03", "11-03 00:00", "11-04 00:00"),
        ("2026-11", "11-01 00:00", "11-28 15:04"),
        ("2026-W45", "11-02 00:00", "11-09 00:00"),
        ("2026-11-03..2026-11-05", "11-03 00:00", "11-06 00:00"),
        ("2026-11-03 14:00..16:00", "11-03 14:00", "11-03 16:00"),
        ("2026-11-03 14:00..2026-11-04 09:30", "11-03 14:00", "11-04 09:30"),
        ("2026-11-03T14:00:00Z/2026-11-03T16:00:00Z", "11-03 15:00", "11-03 17:00"),
        ("2026-11-20..", "11-20 00:00", "11-28 15:04"),
        ("Nov 3, 2026", "11-03 00:00", "11-04 00:00"),
        ("3 november 2026 14:00..16:00", "11-03 14:00", "11-03 16:00"),
    ],
)
def test_what_is_written_is_a_period(text: str, begin: str, end: str) -> None:
    assert said(text) == (begin, end)


def test_every_phrase_that_is_told_is_understood() -> None:
    for text in (*PHRASES, *ISO_FORMS):
        period = period_of(text, NOW.timestamp(), PARIS)
        assert period.begin < period.end <= NOW.timestamp() + 1
        assert period.words == text


def test_monday_at_eight_since_monday_nine_is_last_weeks() -> None:
    early = datetime(2026, 11, 23, 8, 0, tzinfo=PARIS)
    assert said("since Monday 9:00", early) == ("11-16 09:00", "11-23 08:00")
    assert said("since Monday 9:00", early.replace(hour=10)) == ("11-23 09:00", "11-23 10:00")
    assert said("since monday", early) == ("11-23 00:00", "11-23 08:00")


@pytest.mark.parametrize(("day", "before"), [(23, "11-20"), (22, "11-20"), (24, "11-23")])
def test_the_last_business_day_is_no_weekend(day: int, before: str) -> None:
    assert said("last business day", NOW.replace(day=day))[0] == f"{before} 00:00"


@pytest.mark.parametrize(
    "text", ["", "soon", "11/03/2026", "tomorrow", "2026-13-01", "2026-11-05..2026-11-03",
             "last", "last zzz days", "2027-01-01", "monday 25:00", "9", "x" * 5000, "last 0 days",
             "16:00..14:00"],
)  # fmt: skip
def test_anything_else_is_answered_with_what_can_be_written_and_the_day(text: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        period_of(text, NOW.timestamp(), PARIS)
    assert "Saturday 2026-11-28 15:04" in raised.value.hint
    assert "Europe/Paris" in raised.value.hint
    assert "since monday 9:00" in raised.value.hint
    assert len(raised.value.message) < 200


def test_a_day_on_which_the_clocks_change_has_the_hours_that_it_has() -> None:
    autumn = datetime(2026, 10, 26, 12, tzinfo=PARIS)
    spring = datetime(2026, 3, 30, 12, tzinfo=PARIS)
    for now, hours in ((autumn, 25), (spring, 23)):
        period = period_of("yesterday", now.timestamp(), PARIS)
        assert period.end - period.begin == hours * 3600
    last = period_of("last 24 hours", autumn.timestamp(), PARIS)
    assert last.end - last.begin == 86_400


def test_the_window_is_echoed_with_offset_zone_and_words() -> None:
    assert period_of(" Yesterday ", NOW.timestamp(), PARIS).told() == {
        "begin": "2026-11-27T00:00:00+01:00",
        "end": "2026-11-28T00:00:00+01:00",
        "zone": "Europe/Paris",
        "words": "Yesterday",
    }


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("yesterday", "11-26 00:00", "11-27 00:00"),
        ("today", "11-27 00:00", "11-27 15:04"),
        ("this week", "11-16 00:00", "11-21 15:04"),
        ("last month", "09-01 00:00", "10-01 00:00"),
        ("this month", "10-01 00:00", "10-28 15:04"),
        ("2026-11-03..2026-11-05", "10-31 00:00", "11-03 00:00"),
        ("last 24 hours", "11-26 15:04", "11-27 15:04"),
    ],
)
def test_the_period_before_is_as_much_as_has_passed(text: str, begin: str, end: str) -> None:
    before = period_of(text, NOW.timestamp(), PARIS).before()
    told = [datetime.fromtimestamp(at, PARIS) for at in (before.begin, before.end)]
    assert [f"{at:%m-%d %H:%M}" for at in told] == [begin, end]


zones = st.sampled_from(
    ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu",
     "America/Santiago", "Pacific/Apia", "Etc/UTC"]
).map(ZoneInfo)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(1_600_000_000, 2_000_000_000), zones)
def test_periods_follow_each_other_without_a_gap_in_every_zone(now: int, zone: ZoneInfo) -> None:
    for this, last in (("today", "yesterday"), ("this week", "last week"),
                       ("this month", "last month"), ("this quarter", "last quarter")):  # fmt: skip
        current, previous = period_of(this, now, zone), period_of(last, now, zone)
        assert previous.end == current.begin <= now < current.end
        assert previous.begin < previous.end
        assert current.before().end <= current.begin
    today = period_of("today", now, zone)
    assert datetime.fromtimestamp(today.begin, zone).date() == datetime.fromtimestamp(
        now, zone).date()  # fmt: skip
    day = datetime.fromtimestamp(today.begin - 1, zone).date()
    assert day < datetime.fromtimestamp(now, zone).date()


@settings(max_examples=50, deadline=None)
@given(st.integers(1_600_000_000, 2_000_000_000), zones, st.sampled_from(range(7)))
def test_since_a_weekday_is_the_last_time_that_it_was(now: int, zone: ZoneInfo, day: int) -> None:
    name = (datetime(2026, 11, 23, tzinfo=UTC) + timedelta(day)).strftime("%A")
    since = period_of(f"since {name} 9:00", now, zone)
    assert now - 8 * 86_400 - 7_200 < since.begin <= now
    assert datetime.fromtimestamp(since.begin, zone).weekday() == day
    assert period_of(f"last {name}", now, zone).end <= now + 1


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40))
def test_whatever_is_written_is_a_period_or_an_error_that_helps(text: str) -> None:
    period, hint = None, ""
    try:
        period = period_of(text, NOW.timestamp(), PARIS)
    except ArgumentError as error:
        hint = error.hint
    if period is None:
        assert "It is Saturday" in hint
    else:
        assert period.begin < period.end <= NOW.timestamp() + 1
