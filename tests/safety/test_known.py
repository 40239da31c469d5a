"""Who is known: by a contact that has their very number, whatever the search answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from aircall_mcp.gateway.ask import Aircall
from aircall_mcp.offer import Registry
from aircall_mcp.safety.company import Company
from aircall_mcp.safety.policy import Policy

from ..harness import Clock, answering, gateway_to

pytestmark = pytest.mark.anyio

WANTED = "+33612345678"


class CompanyHarness:
    """A company before an Aircall that says `answer` whatever it is asked."""

    def __init__(self, registry: Registry) -> None:
        self.status, self.asked = 200, 0
        self.answer: Any = {}
        self.clock = Clock()
        self.gateway = gateway_to(self, clock=self.clock.handed())

        async def resolve(named: str | None) -> str:
            return named or "tests"

        self.listening = False

        async def listens() -> bool:
            return self.listening

        def company(loopback: str = "", *, asks: bool = False) -> Company:
            asking = Aircall(self.gateway, registry.ids)
            clock = self.clock.handed()
            return Company(
                lambda _: asking, resolve, listens, clock, loopback=loopback, asks=asks
            )  # fmt: skip

        self.at, self.company = company, company()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await answering(self.status, self.answer)[0](scope, receive, send)


@pytest.fixture
async def harness(registry: Registry) -> AsyncIterator[CompanyHarness]:
    made = CompanyHarness(registry)
    yield made
    await made.gateway.aclose()


@pytest.mark.parametrize(
    ("numbers", "known"),
    [
        (["+33 6 12 34 56 78"], True),
        (["06 12 34 56 78"], True),
        (["+33612345678,5"], True),
        (["+33699999999", "+33612345678"], True),
        (["+33699999999"], False),
        ([], False),
    ],
)
async def test_somebody_is_known_by_their_own_number_alone(
    harness: CompanyHarness, numbers: Sequence[str], known: bool
) -> None:
    harness.answer = found(*numbers)
    assert (await harness.company.known("tests", (WANTED,)) == {WANTED}) is known


def found(*numbers: str) -> Any:
    phones = [{"id": 1, "label": "Work", "value": one} for one in numbers]
    return {"contacts": [{"id": 1, "phone_numbers": phones}], "meta": {"count": 1}}


async def test_who_is_known_is_so_for_five_minutes_and_nobody_is_unknown_for_longer(
    harness: CompanyHarness,
) -> None:
    harness.answer = found()
    assert await harness.company.known("tests", (WANTED,)) == frozenset()
    harness.answer = found(WANTED)
    assert await harness.company.known("tests", (WANTED,)) == {WANTED}
    harness.clock.pass_by(299)
    assert await harness.company.known("tests", (WANTED,)) == {WANTED}
    assert harness.asked == 2
    assert await harness.company.known("other", (WANTED,)) == {WANTED}
    assert harness.asked == 3
    harness.clock.pass_by(1)
    harness.answer = found()
    assert await harness.company.known("tests", (WANTED,)) == frozenset()


async def test_where_it_cannot_be_told_nobody_is_known(harness: CompanyHarness) -> None:
    harness.status, harness.answer = 403, found(WANTED)
    assert await harness.company.known("tests", (WANTED,)) == frozenset()
    harness.status = 200
    assert await harness.company.known("tests", (WANTED,)) == {WANTED}


async def test_which_account_is_meant_and_where_it_is_are_asked_of_who_knows(
    harness: CompanyHarness,
) -> None:
    company = harness.company
    assert (await company.account(None), await company.account("acme")) == ("tests", "acme")
    assert await company.at_sandbox() is False


async def test_of_more_than_five_nobody_is_looked_for(harness: CompanyHarness) -> None:
    six = tuple(f"+3361234567{last}" for last in range(6))
    harness.answer = found(*six)
    assert await harness.company.known("tests", six) == frozenset()
    assert harness.asked == 0
    assert await harness.company.known("tests", six[:5]) == set(six[:5])


@pytest.mark.parametrize(
    "odd",
    [
        [], {}, {"contacts": None}, {"contacts": "+33612345678"}, {"contacts": [None, WANTED]},
        {"contacts": [{"phone_numbers": WANTED}]},
        {"contacts": [{"phone_numbers": [WANTED, {"value": 33612345678}]}]},
    ],
    ids=str,
)  # fmt: skip
async def test_an_odd_answer_makes_nobody_known_and_nothing_home(
    harness: CompanyHarness, odd: Any
) -> None:
    harness.answer = odd
    assert await harness.company.known("tests", (WANTED,)) == frozenset()
    harness.answer = {"numbers": odd}
    assert await harness.company.home("tests") is None


async def test_home_is_where_the_numbers_are_and_is_read_again_in_time(
    harness: CompanyHarness,
) -> None:
    async def home() -> frozenset[str] | None:
        return await harness.company.home("tests")

    harness.status = 403
    assert await home() is None
    harness.status = 200
    harness.answer = {"numbers": [{"id": 1, "country": one} for one in ("FR", "LV", "France", 33)]}
    harness.clock.pass_by(59)
    assert await home() is None  # it is not asked for with every call
    harness.clock.pass_by(1)
    assert await home() == {"FR", "LV"}
    harness.answer = {"numbers": [{"id": 1, "country": "US"}]}
    harness.clock.pass_by(3599)
    assert await home() == {"FR", "LV"}
    harness.clock.pass_by(1)
    assert await home() == {"US"}


async def test_the_ids_of_our_numbers_are_read_with_their_countries(
    harness: CompanyHarness,
) -> None:
    company = harness.company
    harness.status = 403
    assert await company.own("tests") is None
    assert await company.strays("tests", Policy(phones=frozenset({"+33199001001"}))) == []
    harness.status = 200
    harness.answer = {"numbers": [
        {"id": 1, "digits": "+33 1 99 00 10 01", "country": "FR"}, {"id": "2", "digits": "+1"},
        {"id": 3}, {"digits": "+13125550199"}, {"id": 13, "digits": "+1 312-555-0155"},
    ]}  # fmt: skip
    harness.clock.pass_by(60)
    assert await company.own("tests") == {"+33199001001": 1, "+13125550155": 13}
    assert (await company.home("tests"), harness.asked) == ({"FR"}, 2)
    named = Policy(phones=frozenset({"+33199001001", "+33199001009"}),
                   numbers=frozenset({13, 12345, 13125550155}))  # fmt: skip
    assert await company.strays("tests", named) == [
        "`from.numbers`: +33199001009 is no number of tests.",
        "`from.numbers`: no number of tests has the id 12345.",
        "`from.numbers`: no number of tests has the id 13125550155."
        ' Write "+13125550155" for that phone number.',
    ]
    twice = [{"id": one, "digits": digits} for one, digits in
             ((1, "+33199001001"), (2, "+33 (0)1 99 00 10 01"), (3, "+331990010"))]  # fmt: skip
    harness.answer = {"numbers": twice}
    harness.clock.pass_by(3_600)
    assert await company.own("doubled") == {"+331990010": 3}  # and of two, none
    many = [{"id": one, "digits": f"+331990{one:05}"} for one in range(1, 501)]
    harness.answer = {"numbers": many}
    harness.clock.pass_by(3_600)
    assert await company.strays("other", named) == []  # there may be more


async def test_an_address_is_taken_for_the_real_host_only_where_no_sandbox_listens(
    harness: CompanyHarness,
) -> None:
    here = "http://127.0.0.1:9"
    for asks in (True, False):
        harness.listening = False
        company = harness.at(here, asks=asks)
        assert (await company.taken_for_real(), await company.at_sandbox()) == (here, False)
        harness.listening = True
        assert (await company.taken_for_real(), await company.at_sandbox()) == ("", not asks)
    assert await harness.company.taken_for_real() == ""


@pytest.mark.parametrize(
    ("tag", "called"),
    [
        ({"id": 7, "name": " To \n call "}, "To call"),
        ({"id": 7, "name": "n" * 80}, "n" * 80),
        ({"id": 7, "name": "n" * 81}, "\u2026"),
        ({"id": 8, "name": "Another"}, None),
        ({"name": "Nobody's"}, None),
        ({"id": 7, "name": ""}, None),
        ({"id": 7, "name": 7}, None),
        (["id", "name"], None),
    ],
    ids=str,
)
async def test_an_id_is_called_what_its_own_row_says(
    harness: CompanyHarness, registry: Registry, tag: Any, called: str | None
) -> None:
    harness.answer = {"tag": tag}
    names = await harness.company.names(registry.ids["delete_tag"].bind({"tag_id": 7}), "tests")
    assert names == ({} if called is None else {("tag_id", 7): called})


async def test_a_name_is_read_again_after_five_minutes(
    harness: CompanyHarness, registry: Registry
) -> None:
    bound = registry.ids["delete_tag"].bind({"tag_id": 7})
    for name, seconds, called in (("One", 0, "One"), ("Two", 299, "One"), ("Two", 1, "Two")):
        harness.answer = {"tag": {"id": 7, "name": name}}
        harness.clock.pass_by(seconds)
        assert await harness.company.names(bound, "tests") == {("tag_id", 7): called}
    harness.clock.pass_by(300)
    harness.status = 403
    assert await harness.company.names(bound, "tests") == {}


async def test_a_name_that_cannot_be_read_at_all_is_none(
    harness: CompanyHarness, registry: Registry
) -> None:
    bound = registry.ids["delete_tag"].bind({"tag_id": 7})
    for harness.answer in ([], ["tag"], None):
        assert await harness.company.names(bound, "tests") == {}
