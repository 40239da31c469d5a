"""Who is meant by what somebody typed: the nearest kind of likeness, and never a guess."""

from __future__ import annotations

import random
import string
import time
from collections.abc import Iterable

import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.workflows.meant import Found, Named, merged, unclear
from aircall_mcp.workflows.names import Names, find

PEOPLE = (
    Named(1, "John Smith", emails=("John.Smith@acme.example",), phones=("+1 415-555-0134",)),
    Named(2, "Jane Smith", phones=("+33199001234",)),
    Named(3, "François Müller"),
    Named(4, "Sean O\u2019Brien"),
    Named(5, "Maria Lopez", kind="contact", beside="Larkspur"),
    Named(6, "user_42"),
    Named(7, "Jean-Luc Picard"),
    Named(8, "Michael Brown"),
    Named(9, "Michaela Brown"),
    Named(10, "Anna"),
    Named(11, "Anna Karlsson"),
    Named(12, "Tom Jones"),
    Named(1204411, "Zoë Ångström"),
)
OTHERS = (
    Named(20, "Robert Hale", kind="contact", emails=("rhale@quarry.example",)),
    Named(21, "Рита Орлова", kind="contact"),
    Named(22, "Đuro Đilas", kind="contact"),
    Named(23, "Dr. Paul Grün", kind="contact", beside="Quarry"),
    Named(24, "Grant Lewis", kind="contact"),
    Named(25, "Lewis Grant", kind="contact"),
    Named(26, "李 娜", kind="contact"),
    Named(27, "Carla dos Reis", kind="contact"),
    Named(28, "Carlo Reis", kind="contact", emails=("paul@reis.example",)),
)


def one_of(query: str, known: Iterable[Named], kind: str = "user") -> Named:
    """The one that is meant, or what is said where that is not clear."""
    found = find(query, known)
    if found.one is None:
        raise unclear(query, found, kind)
    return found.one


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1", 1),
        ("#2", 2),
        ("id: 3", 3),
        ("1204411", 1204411),
        ("john smith", 1),
        ("  SMITH,   John ", 1),
        ("Jon Smith", 1),
        ("Jhon Smith", 1),
        ("Mr John Smith", 1),
        ("john.smith@ACME.example", 1),
        ("John Smith <john.smith@acme.example>", 1),
        ("john.smith", 1),
        ("+1 (415) 555-0134", 1),
        ("415-555-0134", 1),
        ("0134", 1),
        ("0199001234", 2),
        ("0033 1 99 00 12 34", 2),
        ("Francois Muller", 3),
        ("mueller", 3),
        ("o'brien", 4),
        ("Sean O Brien", 4),
        ("Maria from Larkspur", 5),
        ("Maria Lopes", 5),
        ("USER_42", 6),
        ("jean luc picard", 7),
        ("michaela", 9),
        ("Anna", 10),
        ("anna k", 11),
        ("zoe angstroem", 1204411),
        ("Angstrom", 1204411),
    ],
)
def test_one_is_meant(typed: str, meant: int) -> None:
    assert one_of(typed, PEOPLE).id == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Bob Hale", 20),
        ("mailto:RHale@quarry.example", 20),
        ("@reis.example", 28),
        ("Rita Orlova", 21),
        ("Djuro Djilas", 22),
        ("Grün, Paul", 23),
        ("jemand von Quarry", 23),
        ("Lewis Grant", 25),
        ("Li Na", 26),
        ("李娜", 26),
    ],
)
def test_one_is_meant_by_another_form_of_the_name(typed: str, meant: int) -> None:
    assert one_of(typed, OTHERS).id == meant


@pytest.mark.parametrize(
    ("typed", "fits"),
    [
        ("paul", {23, 28}),  # a first name, and all of an address before its @
        ("Carla Reis", {27, 28}),  # the words of one name, a slip from the other
    ],
)
def test_what_fits_in_two_ways_is_asked_back(typed: str, fits: set[int]) -> None:
    found = find(typed, OTHERS)
    assert found.one is None
    assert {one.id for one in found.fits} == fits


@pytest.mark.parametrize(
    ("typed", "fits"),
    [
        ("smith", {1, 2}),
        ("J Smith", {1, 2}),
        ("Smyth", {1, 2}),
        ("ann", {10, 11}),
        ("mich", {8, 9}),
        ("Micheal Brown", {8, 9}),
    ],
)
def test_several_are_asked_back(typed: str, fits: set[int]) -> None:
    assert {one.id for one in find(typed, PEOPLE).fits} == fits
    with pytest.raises(ArgumentError, match=f"fits {len(fits)} users") as told:
        one_of(typed, PEOPLE)
    assert all(f"id {one}" in told.value.hint for one in fits)


@pytest.mark.parametrize(
    ("typed", "asked"), [("Mario Lopez", 5), ("Tim Jones", 12), ("Tim", 12), ("Kane Smith", 2)]
)
def test_another_name_one_letter_away_is_asked_back(typed: str, asked: int) -> None:
    found = find(typed, PEOPLE)
    assert found.one is None
    assert [one.id for one in found.fits] == [asked]
    with pytest.raises(ArgumentError, match="exactly") as told:
        one_of(typed, PEOPLE)
    assert f"id {asked}" in told.value.hint


@pytest.mark.parametrize(
    "typed",
    ["Bob", "42", "99999", "jon.smith@acme.example", "+14155550135", "", "  ", "Smith Lopez"],
)
def test_nobody_is_meant(typed: str) -> None:
    assert find(typed, PEOPLE).fits == ()


def test_the_nearest_are_told_where_nobody_is_meant() -> None:
    with pytest.raises(ArgumentError, match="No tag is called `folio`") as told:
        one_of("folio", [Named(9, "follow_up", "tag"), Named(8, "billing", "tag")], "tag")
    assert "follow_up (id 9)" in told.value.hint
    assert "billing" not in told.value.hint


def test_what_is_called_the_same_is_told_apart() -> None:
    twins = [Named(1, "Ana Ruiz", emails=("a@x.example",)), Named(2, "Ana Ruiz", beside="Larkspur")]
    with pytest.raises(ArgumentError) as told:
        one_of("ana ruiz", twins)
    assert "Ana Ruiz (id 1, a@x.example); Ana Ruiz (id 2, Larkspur)" in told.value.hint


def test_a_number_that_is_a_name_is_found_by_it() -> None:
    assert one_of("2026", [Named(5, "2026", "tag"), Named(6, "2027", "tag")]).id == 5


def test_a_list_is_kept_up_to_date() -> None:
    names = Names(PEOPLE)
    names.put(Named(2, "Jane Doe"))
    assert one_of("smith", names).id == 1
    assert one_of("doe", names).id == 2
    names.drop("user", 1)
    names.drop("user", 99)
    assert names.find("smith").fits == names.find("john.smith@acme.example").fits == ()
    assert len(names) == len(PEOPLE) - 1


def test_two_lists_are_asked_as_one() -> None:
    users, contacts = (
        Names(PEOPLE),
        Names([Named(7, "Anna", "contact"), Named(8, "Bo Li", "contact")]),
    )

    def both(typed: str) -> Found:
        return merged(users.find(typed), contacts.find(typed))

    assert [(one.kind, one.id) for one in both("anna").fits] == [("user", 10), ("contact", 7)]
    assert both("bo li").one == Named(8, "Bo Li", "contact")
    assert both("Xavier").fits == ()


def test_a_name_among_fifty_thousand_takes_milliseconds() -> None:
    chance = random.Random(7)

    def word(least: int, most: int) -> str:
        return "".join(chance.choices(string.ascii_lowercase, k=chance.randint(least, most)))

    firsts, lasts = [word(3, 8) for _ in range(3_000)], [word(4, 11) for _ in range(30_000)]
    names = Names(
        Named(n, f"{chance.choice(firsts)} {chance.choice(lasts)}", phones=(f"+1415{n:07}",))
        for n in range(50_000)
    )
    one = list(names)[77]
    first, last = one.name.split()

    def quickest(typed: str) -> tuple[float, Found]:
        found, least = Found(), 1.0
        for _ in range(5):
            began = time.process_time()
            found = names.find(typed)
            least = min(least, time.process_time() - began)
        return least, found

    for typed in (
        one.name,
        f"{last} {first}",
        f"{first} {last[:-1]}",
        "+14150000077",
        "qqq zzzzzz",
    ):
        took, found = quickest(typed)
        assert took < 0.5, typed  # on any machine, however busy
        assert (one in found.fits) == (typed != "qqq zzzzzz")
