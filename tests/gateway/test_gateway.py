"""The gateway as a whole: what is sent, one deadline, slots and the breaker."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from typing import Any

import httpx2
import pytest

from aircall_mcp.errors import (
    ArgumentError,
    BudgetExhausted,
    CredentialError,
    Duplicate,
    NotAllowed,
    Refused,
    Unreachable,
)
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway.breaker import Breaker, Breakers
from aircall_mcp.gateway.budget import WINDOW, Budget
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.gateway.ledger import MIGRATIONS, Share
from aircall_mcp.gateway.retries import Retries
from aircall_mcp.ground.caller import Caller, Lane
from aircall_mcp.ground.config import AIRCALL
from aircall_mcp.ground.reply import Reply
from aircall_mcp.offer import Registry
from aircall_mcp.storage.state import InMemory

from ..harness import Clock, OwnGateway, answering, auth_for, gateway_to
from .asking import BASIC, KEY, after, calling, failure, reading, writing
from .sockets import GOOD, aircall, saying

pytestmark = pytest.mark.anyio


# What is sent


async def test_a_request_carries_what_is_ours_and_nothing_else(registry: Registry) -> None:
    app, asked = answering(204)
    gateway = gateway_to(app, key=KEY)
    assert await gateway.send(calling(registry), Caller(interface="mcp", client="x")) == Reply(
        204, None, sandbox=True
    )
    await gateway.aclose()
    (request,) = asked
    assert (request["method"], request["path"]) == ("POST", "/v1/users/1/calls")
    assert json.loads(request["body"]) == {"number_id": 2, "to": "+33199001234"}
    headers = request["headers"]
    assert set(headers) == {"host", "authorization", "content-type", "content-length", "accept",
                            "accept-encoding", "connection", "user-agent"}  # fmt: skip
    assert headers["host"] == "api.aircall.io"
    assert headers["authorization"] == f"Basic {BASIC}"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("aircall-mcp/")


async def test_every_get_says_its_content_type_since_two_of_them_fail_without(
    registry: Registry,
) -> None:
    app, asked = answering(200, {"company": {}})
    gateway = gateway_to(app)
    await gateway.send(reading(registry), Caller())
    await gateway.aclose()
    assert asked[0]["headers"]["content-type"] == "application/json"
    assert asked[0]["body"] == b""


async def test_an_access_token_is_sent_as_bearer(registry: Registry) -> None:
    app, asked = answering(200, {"company": {}})
    gateway = gateway_to(app, key="an-access-token")
    await gateway.send(reading(registry), Caller())
    await gateway.aclose()
    assert asked[0]["headers"]["authorization"] == "Bearer an-access-token"


async def test_without_a_key_nothing_is_sent_and_the_error_names_what_to_set(
    registry: Registry,
) -> None:
    app, asked = answering(200, {})
    error = await failure(gateway_to(app, key=None), reading(registry))
    assert isinstance(error, CredentialError)
    assert "AIRCALL_API_ID" in error.hint
    assert "AIRCALL_API_TOKEN" in error.hint
    assert "--sandbox" in error.hint
    assert asked == []


@pytest.mark.parametrize(
    ("name", "effect"), [("start_outbound_call", "reach"), ("delete_tag", "delete")]
)
async def test_what_the_owner_does_not_allow_is_not_sent(
    registry: Registry, name: str, effect: str
) -> None:
    app, asked = answering(204)
    operation = registry.ids[name]
    gateway = gateway_to(app, allowed=frozenset({"read", "write"}))
    error = await failure(gateway, operation.bind(operation.example))
    assert isinstance(error, NotAllowed)
    assert f"--allow {effect}" in error.hint
    assert asked == []


async def test_arguments_too_long_for_a_url_are_an_argument_error(registry: Registry) -> None:
    app, asked = answering(200, {"calls": []})
    bound = registry.ids["search_calls"].bind({"tags": list(range(1, 20_000))})
    error = await failure(gateway_to(app), bound)
    assert isinstance(error, ArgumentError)
    assert asked == []


async def test_the_same_read_in_flight_is_shared_within_a_lane_alone(registry: Registry) -> None:
    app, asked = answering(200, {"company": {}})
    answers = asyncio.Event()

    async def slowly(scope: Any, receive: Any, send: Any) -> None:
        await answers.wait()
        await app(scope, receive, send)

    gateway = gateway_to(slowly)
    lanes: tuple[Lane, ...] = ("waiting", "bulk", "waiting", "bulk")
    reads = [
        asyncio.create_task(gateway.send(reading(registry), Caller(lane=lane))) for lane in lanes
    ]
    await asyncio.sleep(0)
    answers.set()
    assert [reply.body for reply in await asyncio.gather(*reads)] == [{"company": {}}] * 4
    assert len(asked) == 2
    await gateway.aclose()


async def test_who_waits_is_not_held_back_by_the_same_read_in_bulk(registry: Registry) -> None:
    async def company(_account: str | None) -> tuple[str, int]:
        return "company", 5

    app, asked = answering(200, {"company": {}})
    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=0)
    gateway = gateway_to(app, budget=budget, company=company)
    for tag_id in range(1, 5):  # of five requests a minute, bulk reading may take four
        await gateway.send(registry.ids["get_tag"].bind({"tag_id": tag_id}), Caller())
    bulk = asyncio.create_task(
        gateway.send(reading(registry), Caller(lane="bulk", patience=2 * WINDOW))
    )
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        assert (await gateway.send(reading(registry), Caller())).age == 0
    assert not bulk.done()
    assert len(asked) == 5
    bulk.cancel()
    await asyncio.wait({bulk})
    await gateway.aclose()


# One deadline


@pytest.mark.parametrize(("deadline", "attempts"), [(10.0, 1), (15.0, 2), (20.5, 3)])
@pytest.mark.parametrize("slow", ["pauses", "answers"])
async def test_a_deadline_is_one_for_all_attempts_and_pauses(
    registry: Registry, deadline: float, attempts: int, slow: str
) -> None:
    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.pass_by(seconds)

    def between(_count: int) -> None:
        clock.pass_by(0.0 if slow == "pauses" else 10.0)

    retries = Retries(first=10.0 if slow == "pauses" else 0.0, longest=10.0, random=lambda: 1.0)
    app, asked = after(between, *[(503, None)] * 9)
    gateway = gateway_to(app, clock=clock.handed(sleep), retries=retries)
    error = await failure(gateway, reading(registry), Caller(deadline=deadline))
    assert isinstance(error, Refused)
    assert len(asked) == attempts


async def test_a_later_attempt_has_what_the_earlier_ones_left(registry: Registry) -> None:
    clock = Clock()
    app, asked = after(lambda _count: clock.pass_by(29.95), (503, None))
    gateway = gateway_to(app, clock=clock.handed(), retries=Retries(first=0.0))
    async with asyncio.timeout(10):
        error = await failure(gateway, reading(registry), Caller(deadline=30.0))
    assert "took too long" in error.message
    assert len(asked) == 2


async def test_a_later_attempt_waits_for_its_turn_no_longer_than_that(registry: Registry) -> None:
    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.pass_by(seconds)

    async def company(_account: str | None) -> tuple[str, int]:
        return "company", 1

    app, asked = after(lambda _count: None, (503, None), (200, {"company": {}}))
    budget = Budget(
        lambda: InMemory(MIGRATIONS), longest_wait=10 * WINDOW, clock=clock.handed(sleep)
    )
    gateway = gateway_to(
        app, clock=clock.handed(sleep), budget=budget, company=company, retries=Retries(first=0.0)
    )
    error = await failure(gateway, reading(registry), Caller(deadline=WINDOW - 1))
    assert isinstance(error, BudgetExhausted)
    assert len(asked) == 1


# Slots


async def company_of_two(_account: str | None) -> tuple[str, int]:
    return "company", 2


async def left_in(budget: Budget) -> int:
    """How many requests the company of two has left."""
    for count in range(3):
        try:
            await budget.slot(Share("company", 2), hold=25, patience=0)
        except BudgetExhausted:
            return count
    raise AssertionError("more than there are")


async def test_an_attempt_that_found_nobody_takes_no_slot(registry: Registry) -> None:
    async with aircall(saying(GOOD)) as (nobody, _):
        pass
    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=0)
    gateway = OwnGateway(
        base_url=nobody.base_url, auth=auth_for(nobody.base_url, KEY),
        budget=budget, company=company_of_two, retries=Retries(first=0.0),
        breakers=Breakers(lambda: Breaker(failures=99)),
    )  # fmt: skip
    for bound in (reading, writing, calling):
        with pytest.raises(Unreachable):
            await gateway.send(bound(registry), Caller())
    assert await left_in(budget) == 2
    await gateway.aclose()


async def test_nor_does_one_that_found_nobody_after_one_that_was_sent(registry: Registry) -> None:
    came: list[bytes] = []

    async def last(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.readuntil(b"\r\n\r\n"))
        server.close()  # from now on nobody listens
        writer.close()

    server = await asyncio.start_server(last, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=0)
    gateway = OwnGateway(
        base_url=base_url, auth=auth_for(base_url, KEY),
        budget=budget, company=company_of_two, retries=Retries(first=0.0),
    )  # fmt: skip
    with pytest.raises(Unreachable):
        await gateway.send(reading(registry), Caller())
    assert len(came) == 1
    assert await left_in(budget) == 1
    await gateway.aclose()


async def test_nor_does_an_effect_that_the_journal_holds_back(registry: Registry) -> None:
    app, asked = answering(204)
    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=0)
    journal = Journal(lambda: InMemory(journals.MIGRATIONS))
    gateway = gateway_to(app, budget=budget, company=company_of_two, journal=journal)
    await gateway.send(calling(registry), Caller())
    for _ in range(3):
        with pytest.raises(Duplicate):
            await gateway.send(calling(registry), Caller())
    assert len(asked) == 1
    assert await left_in(budget) == 1
    await gateway.aclose()


# The breaker


async def test_one_probe_after_a_rest_finds_out_whether_aircall_is_well_again(
    registry: Registry,
) -> None:
    clock = Clock()
    ill: tuple[int, Any] = (500, {"message": "Internal Server Error"})
    well: tuple[int, Any] = (200, {"company": {}})
    app, asked = after(lambda _count: None, *[ill] * 6, *[well] * 2)
    gateway = gateway_to(app, clock=clock.handed())
    for _ in range(5):  # a 500 is an answer, and no sign of health
        with pytest.raises(Refused):
            await gateway.send(reading(registry), Caller())
    for found in (Refused, None):
        with pytest.raises(Unreachable):
            await gateway.send(reading(registry), Caller())
        clock.pass_by(30)
        if found:
            with pytest.raises(found):
                await gateway.send(reading(registry), Caller())
        else:
            await gateway.send(reading(registry), Caller())
    await gateway.send(reading(registry), Caller())
    assert len(asked) == 8
    await gateway.aclose()


async def test_what_a_gateway_was_handed_is_closed_by_whoever_opened_it(
    registry: Registry,
) -> None:
    """It lets go of its connections alone: budget and journal go on for the next one."""
    app, asked = answering(204)
    budget = Budget(lambda: InMemory(MIGRATIONS), longest_wait=0)
    journal = Journal(lambda: InMemory(journals.MIGRATIONS))
    auth = auth_for(AIRCALL, KEY)
    for refused in (None, Duplicate):
        gateway = Gateway(
            base_url=AIRCALL, auth=auth, company=company_of_two, budget=budget, journal=journal,
            transport=httpx2.ASGITransport(app=app),
        )  # fmt: skip
        with pytest.raises(refused) if refused else nullcontext():
            await gateway.send(calling(registry), Caller())
        await gateway.aclose()
    assert len(asked) == 1
    assert await left_in(budget) == 1
    await budget.aclose()
    journal.close()
    await auth.aclose()
