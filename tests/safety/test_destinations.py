from __future__ import annotations

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aircall_mcp.safety.destinations import destination_of, meant


@pytest.mark.parametrize(
    ("number", "country", "kind"),
    [
        ("+33184880000", "FR", "ordinary"),
        ("+14155550133", "US", "ordinary"),
        ("+12423221234", "BS", "ordinary"),  # the Bahamas, behind the same +1
        ("+18765551234", "JM", "ordinary"),
        ("+18005550133", "US", "ordinary"),
        ("+77272345678", "KZ", "ordinary"),  # not Russia, behind the same +7
        ("+442079460123", "GB", "ordinary"),
        ("+441534123456", "JE", "ordinary"),
        ("+448712345678", "GB", "premium"),
        ("+447012345678", "GB", "premium"),  # a personal number
        ("+491805123456", "DE", "shared_cost"),
        ("+33899123456", "FR", "premium"),
        ("+19005551234", "US", "premium"),
        ("+881612345678", "", "satellite"),
        ("+870773123456", "", "satellite"),
        ("+882161234567", "", "satellite"),
        ("+97912345678", "", "premium"),
        ("+80812345678", "", "shared_cost"),
        ("+88812345678", "", "satellite"),
        ("+883512345678", "", "satellite"),
        ("+87812345678", "", "premium"),
        ("+80012345678", "", "ordinary"),  # free, in every country
        ("+99912345678", "", "unassigned"),
        ("+3310000000", "", "unassigned"),
        ("+33118712", "", "premium"),  # directory enquiries
        ("+46118118", "", "premium"),
    ],
)
def test_a_number_is_of_a_country_and_of_a_kind(number: str, country: str, kind: str) -> None:
    found = destination_of(number)
    assert (found.country, found.kind) == (country, kind)


@pytest.mark.parametrize(
    "number", ["+33899123456", "+19005551234", "+448712345678", "+449091234567"]
)
@pytest.mark.parametrize("more", ["0", "99", "000", "1234"])
def test_a_costly_number_with_digits_behind_it_is_as_costly(number: str, more: str) -> None:
    """Networks leave out what is too much, and ring."""
    assert destination_of(number + more).kind == "premium"


def test_time_zones_are_those_of_the_place_and_none_in_doubt() -> None:
    assert destination_of("+33184880000").zones == ("Europe/Paris",)
    assert len(destination_of("+18005550133").zones) > 10
    assert destination_of("+881612345678").zones == ()


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_every_number_has_one_answer(number: str) -> None:
    found = destination_of(number)
    assert found.number == number
    assert (found.country == "") or len(found.country) == 2
    assert found.kind in {"ordinary", "premium", "shared_cost", "satellite", "unassigned"}


@pytest.mark.parametrize(
    "number", ["+330184880000", "+33 (0)1 84 88 00 00", "+3300184880000", "+33184880000"]
)
def test_a_national_prefix_behind_the_country_means_nothing(number: str) -> None:
    assert meant(number) == "+33184880000"
    assert destination_of(number.translate({ord(c): None for c in " ()"})).rings[0] == meant(number)


def test_a_number_with_digits_too_many_may_ring_its_beginnings_and_another_itself_alone() -> None:
    assert "+33184880000" in destination_of("+3318488000055").rings
    assert destination_of("+33184880000").rings == ("+33184880000",)


def test_a_costly_number_with_zeros_before_it_is_as_costly() -> None:
    assert destination_of("+3300899123456").kind == "premium"
    assert destination_of("+4400909879000012").kind == "premium"


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_what_is_meant_means_itself(number: str) -> None:
    assert meant(meant(number)) == meant(number)


def test_every_zone_of_a_number_is_known_whatever_the_system_brings() -> None:
    """Debian 13 and Ubuntu 24.04 have none of the older names, such as Asia/Calcutta."""
    from phonenumbers.tzdata import TIMEZONE_DATA

    brought = resources.files("tzdata") / "zoneinfo"
    named = {zone for zones in TIMEZONE_DATA.values() for zone in zones}
    assert "Asia/Calcutta" in named
    assert sorted(zone for zone in named if not (brought / zone).is_file()) == []
