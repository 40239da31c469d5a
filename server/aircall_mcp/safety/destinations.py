"""What a phone number tells about itself: its country, what it costs, and what time it is there.

Read from the numbering plans of libphonenumber; nothing is asked for over a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from ..ground.phones import meant, reached

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

Kind = Literal["ordinary", "premium", "shared_cost", "satellite", "unassigned"]

_COSTLY: Final[Mapping[str, Kind]] = {
    "PREMIUM_RATE": "premium",
    "SHARED_COST": "shared_cost",
    # Personal numbers and pagers are charged like premium ones, and are a known way to be robbed.
    "PERSONAL_NUMBER": "premium",
    "PAGER": "premium",
}
"""By the names of libphonenumber, which is loaded at the first number: it takes 20 ms."""
_BEYOND: Final[Mapping[int | None, Kind]] = {
    808: "shared_cost",
    870: "satellite",
    878: "premium",
    881: "satellite",
    882: "satellite",
    883: "satellite",
    888: "satellite",
    979: "premium",
}
"""Country codes of ITU-T E.164 that belong to no country, and how a call to them is charged."""

_SHORTEST: Final = 6
"""Digits below which nothing is a number that a prefix could stand for."""

UNKNOWN_ZONE: Final = "Etc/Unknown"


@dataclass(frozen=True, slots=True)
class Destination:
    """`number` as it is sent; `country` as ISO 3166 alpha-2, "" where it is in none or in doubt;
    `zones` are the IANA zones it may be in, none where that is not known. `rings` are all numbers
    in E.164 that may ring: the one that is meant, first of all."""

    number: str
    country: str
    kind: Kind
    zones: tuple[str, ...]
    rings: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def destination_of(number: str) -> Destination:
    """Of `number` as it is sent. What fits no numbering plan is `unassigned`, in no country.

    Networks leave out digits that are too many, so that a number with more of them behind it rings
    all the same: it is as costly as the costliest of its beginnings, and any of them may be meant.
    """
    from phonenumbers import region_code_for_number, timezone

    plain = meant(number)
    parsed = _parsed(plain)
    if parsed is None:
        return Destination(number, "", "unassigned", (), _beginnings(plain))
    beyond = _BEYOND.get(parsed.country_code)
    if beyond is not None:
        return Destination(number, "", beyond, (), _beginnings(plain))
    kind = _kind_of(parsed)
    if kind == "unassigned":
        rings = _beginnings(plain)
        return Destination(number, "", _costliest(rings), (), rings)
    country = region_code_for_number(parsed) or ""
    zones = tuple(z for z in timezone.time_zones_for_number(parsed) if z != UNKNOWN_ZONE)
    return Destination(number, "" if country == "001" else country, kind, zones, _rings(plain))


def countries_of(place: Destination) -> frozenset[str]:
    """That of the number, and wherever any number is that may ring; where none is that fits a
    numbering plan, wherever its country code is."""
    from phonenumbers import region_code_for_number, region_codes_for_country_code

    found = [parsed for one in place.rings if (parsed := _parsed(one)) is not None]
    sure = {region_code_for_number(one) for one in found} - {None}
    codes = {one.country_code or 0 for one in found}
    perhaps = sure or {region for code in codes for region in region_codes_for_country_code(code)}
    return frozenset({place.country, *(one for one in perhaps if one and one != "001")})


def _parsed(number: str) -> PhoneNumber | None:
    from phonenumbers import NumberParseException, parse

    try:
        return parse(number)
    except NumberParseException:
        return None


def _kind_of(parsed: PhoneNumber) -> Kind:
    from phonenumbers import PhoneNumberType, number_type

    kind = number_type(parsed)
    if kind == PhoneNumberType.UNKNOWN:
        return "unassigned"
    return _COSTLY.get(PhoneNumberType.to_string(kind), "ordinary")


def _beginnings(number: str) -> tuple[str, ...]:
    """`number`, and what is left of it where digits are left out at its end."""
    shorter = (number[:end] for end in range(len(number) - 1, _SHORTEST, -1))
    return (*_rings(number), *(meant(one) for one in shorter))


def _rings(number: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((number, reached(number))))


def _costliest(numbers: tuple[str, ...]) -> Kind:
    for number in numbers:
        parsed = _parsed(number)
        kind = "unassigned" if parsed is None else _kind_of(parsed)
        if kind not in ("ordinary", "unassigned"):
            return kind
    return "premium" if _is_costly_service(numbers[0]) else "unassigned"


def _is_costly_service(number: str) -> bool:
    """Whether it is a short number of its country, such as a directory enquiry, that is charged
    like a premium one: some carriers take it with the country before it."""
    from phonenumbers import shortnumberinfo

    parsed = _parsed(number)
    return parsed is not None and (
        shortnumberinfo.expected_cost(parsed) == shortnumberinfo.ShortNumberCost.PREMIUM_RATE
    )
