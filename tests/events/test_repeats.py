"""One event is one, however often and by however many webhooks of an account it is told of."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from aircall_mcp.events.event import Arrival
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.query import Query
from aircall_mcp.events.receiver import Receiver, webhook_for
from aircall_mcp.events.repeats import APART, REMEMBERED
from aircall_mcp.events.retention import Retention
from aircall_mcp.sandbox.deliveries import Deliveries

from ..harness import THURSDAY, Clock, gateway_to
from ..mail import log_in, told
from ..sandbox.test_deliveries import in_no_time
from ..waiting import until
from .deployment import URL, Deployment

A = told("user.opened", 7, webhook="a", name="Ana")
B = replace(A, webhook="b")


def log_of(home: Path, clock: Clock | None = None, *, accounts: Sequence[str] = ("x", "x", "y")
           ) -> EventLog:  # fmt: skip
    """A log with the webhooks a and b of one account, and c of another."""
    log = log_in(home, clock)
    for name, account in zip("abc", accounts, strict=True):
        log.webhooks.open(
            webhook_for(name, name.encode(), account=account, aircall_id=name, url="", kinds=(),
                        now=THURSDAY)
        )  # fmt: skip
    return log


@pytest.mark.parametrize("apart", [0.0, 0.4, 1.0, -1.0, APART, -APART])
def test_two_webhooks_of_an_account_tell_of_one_event(home: Path, apart: float) -> None:
    log = log_of(home)
    second = replace(B, built=THURSDAY + apart)
    assert list(log.append([A])) == [True]
    assert list(log.append([second])) == [False]
    assert list(log.append([A, second, second])) == [False, False, False]
    assert len(log.read(Query())) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(B, built=THURSDAY + APART + 0.1),
        replace(B, built=THURSDAY - APART - 0.1),
        replace(B, kind="user.closed"),
        replace(B, data={"id": 7, "name": "Bea"}),
        replace(B, webhook="c"),
        replace(A, built=THURSDAY + 1),
    ],
)
def test_what_differs_is_another_event(home: Path, other: Arrival) -> None:
    log = log_of(home)
    assert list(log.append([A, other])) == [True, True]


def test_what_happens_again_a_moment_later_is_told_twice_by_both(home: Path) -> None:
    log = log_of(home)
    again = [replace(one, built=THURSDAY + 3) for one in (A, B)]
    assert list(log.append([A, B, again[1], again[0]])) == [True, False, True, False]


def test_one_that_is_untrusted_tells_for_itself_alone(home: Path) -> None:
    """Or somebody else's forgery would stand for what Aircall tells by the other."""
    log = log_of(home)
    log.webhooks.distrust("a")
    assert list(log.append([A, B])) == [True, True]
    assert [event.trusted for event in log.read(Query())] == [True, False]


def test_of_three_two_that_are_trusted_tell_once_and_the_other_apart(home: Path) -> None:
    log = log_of(home, accounts=("x", "x", "x"))
    log.webhooks.distrust("a")
    assert list(log.append([A, B, replace(A, webhook="c")])) == [True, True, False]
    again = [replace(one, built=THURSDAY + 60) for one in (B, A)]
    assert list(log.append(again)) == [True, True]


def test_webhooks_of_no_account_and_of_two_accounts_are_strangers(home: Path) -> None:
    log = log_of(home, accounts=("", "", "y"))
    assert list(log.append([A, B, replace(A, webhook="c")])) == [True, True, True]


def test_who_is_alone_writes_down_nothing_more_and_who_is_not_forgets_after_a_week(
    home: Path,
) -> None:
    clock = Clock()
    log = log_of(home, clock)

    def rows() -> list[int]:
        with closing(sqlite3.connect(home / "events.db")) as database:
            return [
                database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
                for table in ("told", "seen")
            ]

    log.append([replace(A, webhook="c")])
    assert rows() == [0, 1]
    log.append([A, B])
    assert rows() == [2, 3]
    clock.pass_by(REMEMBERED - 1)
    log.prune(Retention())
    assert rows() == [2, 3]
    clock.pass_by(2)
    log.prune(Retention())
    assert rows() == [0, 0]


Happening = some.lists(some.integers(0, 40), min_size=1, max_size=4, unique=True)


@given(Happening, some.randoms(use_true_random=False), some.lists(some.sampled_from([0, 0.5, 1]),
       min_size=8, max_size=8))  # fmt: skip
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_that_happened_is_lost_in_whichever_order_both_tell(
    seconds: list[int], chance: object, late: list[float]
) -> None:
    """The same thing happens so many times; each webhook tells of each, in any order, twice."""
    told = [
        replace(one, built=THURSDAY + second + (late[n] if one is B else 0.0))
        for n, second in enumerate(seconds)
        for one in (A, B)
    ]
    told += told
    chance.shuffle(told)  # type: ignore[attr-defined]
    with TemporaryDirectory() as place:
        log = log_of(Path(place))
        for one in told:
            log.append([one])
        stored = len(log.read(Query()))
        log.close()
    assert len(seconds) <= stored <= 2 * len(seconds)
    if all(abs(one - other) > APART + 1 for one in seconds for other in seconds if one != other):
        assert stored == len(seconds)


@pytest.mark.anyio
async def test_what_aircall_tells_by_both_of_two_webhooks_is_heard_once(
    deployment: Deployment, clock: Clock
) -> None:
    """From the registration of both to the log: each is told of by itself, and both are thanked."""

    async def resolve(_name: str | None) -> str:
        return "tests"

    deployment.process()
    async with Receiver(deployment.log, clock=clock.handed()) as receiver:
        deliveries = Deliveries(
            deployment.sandbox, clock=clock, pause=in_no_time,
            client=lambda: httpx2.AsyncClient(transport=httpx2.ASGITransport(app=receiver)),
        )  # fmt: skip
        async with deliveries:
            gateway = gateway_to(deliveries)
            names = iter("ab")
            ours = deployment.subscriptions(gateway, resolve=resolve, name=lambda: next(names))
            await ours.register(URL)
            await ours.register(URL, ["message.received"])
            clock.pass_by(1)
            [number] = [n for n in deployment.sandbox.world.numbers.values() if n.country == "FR"]
            for words in ("one", "two", "two"):
                deliveries.text(number, "+33199001234", words)
                clock.pass_by(1)
            await until(lambda: len(told_by(deliveries)) == 6)
            await gateway.aclose()
    assert told_by(deliveries) == [200] * 6
    texts = deployment.log.read(Query(messages=True, after=0))
    assert [event.data["body"] for event in texts] == ["one", "two", "two"]


def told_by(deliveries: Deliveries) -> list[int | None]:
    """The answers to what was told of texts."""
    return [one.status for one in deliveries.log if one.event == "message.received"]
