"""The link of effects, alone: what became of the last attempt turns into a reply."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aircall_mcp.errors import BudgetExhausted, OutcomeUnknown, Refused, Unreachable
from aircall_mcp.gateway.effects import Effects
from aircall_mcp.gateway.intents import Intents
from aircall_mcp.gateway.journal import MIGRATIONS, Journal
from aircall_mcp.gateway.looks import Looks
from aircall_mcp.gateway.request import Attempt, Request
from aircall_mcp.gateway.retries import Retries
from aircall_mcp.gateway.route import Router
from aircall_mcp.ground.clock import Clock
from aircall_mcp.ground.secrets import Scrubber, Secret
from aircall_mcp.ground.weight import Aside
from aircall_mcp.storage.state import InMemory

from ..upstream import REGISTRY
from .links import Tries, answered, lost, not_sent, request

pytestmark = pytest.mark.anyio

TAG = {"id": 7, "name": "Upsell", "color": "#123456"}
MAKE = request("create_tag", name="Upsell", color="#123456")
CHANGE = request("update_tag", tag_id=7, name="Upsell")
DELETE = request("delete_tag", tag_id=7)
PAUSE = request("pause_call_recording", call_id=7)
TEXT = request("send_message", number_id=7, to="+14155550143", body="We open at 9.")
SHOWN = answered(200, {"tags": [TAG]})
ABSENT = answered(200, {"tags": []})
MISSING = answered(404, {"error": "Not Found"})
HOLLOW = (answered(201, {}), answered(200), answered(200, []), answered(201, "done"))

HUSH = "hush-hush-hush"


class Chain:
    """Effects over the journal's link, and over what a test says."""

    def __init__(self, *attempts: Attempt | BaseException) -> None:
        self.then = Tries(*attempts)
        self.journal = Journal(lambda: InMemory(MIGRATIONS))
        self.forgotten: list[str] = []
        scrubber = Scrubber()
        scrubber.learn(Secret(HUSH))
        aside, clock, intents = Aside(), Clock(lambda: 0.0), Intents(self.then)
        self.effects = Effects(
            intents,
            Looks(intents, Router("https://a.test"), REGISTRY.ids, aside, clock),
            journal=self.journal,
            retries=Retries(first=0.0),
            forget=self.forgotten.append,
            scrub=scrubber.text,
            aside=aside,
            sandbox=False,
            clock=clock,
        )

    async def outcomes(self) -> list[tuple[str, int]]:
        return [(one.outcome, one.status) for one in await self.journal.newest()]


@pytest.mark.parametrize(
    ("asking", "attempts", "status", "lost"),
    [
        (MAKE, [answered(202, {"tag": TAG})], 202, False),
        (MAKE, [lost(), SHOWN], MAKE.operation.answer.status, True),
        (CHANGE, [lost(), lost(), answered(202, {"tag": TAG})], 202, False),
        (DELETE, [lost(), lost(), MISSING], 204, False),
        (MAKE, [answered(204)], 204, False),
        (MAKE, [answered(200, {}), SHOWN], MAKE.operation.answer.status, True),
        (PAUSE, [answered(200, {})], 200, False),
        (TEXT, [answered(200, {"status": "pending"})], 200, False),
    ],
)
async def test_what_went_well(
    asking: Request, attempts: list[Attempt], status: int, lost: bool
) -> None:
    chain = Chain(*attempts)
    reply = await chain.effects.send(asking)
    assert (reply.status, bool(reply.notes)) == (status, lost)
    assert await chain.outcomes() == [("done", status)]
    assert len(chain.forgotten) == 1
    assert len(chain.then.came) == len(attempts)
    chain.journal.close()


@pytest.mark.parametrize(
    ("asking", "attempts", "error", "outcome", "forgets"),
    [
        (MAKE, [answered(422, {"error": HUSH})], Refused, ("failed", 422), True),
        (MAKE, [answered(429)], BudgetExhausted, ("failed", 429), True),
        (MAKE, [not_sent()], Unreachable, ("not_sent", 0), False),
        (MAKE, [lost(), ABSENT], OutcomeUnknown, ("unknown", 0), True),
        *((MAKE, [one, ABSENT], OutcomeUnknown, ("unknown", 0), True) for one in HOLLOW),
        (CHANGE, [answered(200, {}), lost()], OutcomeUnknown, ("unknown", 0), True),
        (TEXT, [answered(200, {})], OutcomeUnknown, ("unknown", 0), True),
        (MAKE, [answered(500), lost()], OutcomeUnknown, ("unknown", 0), True),
        (CHANGE, [lost(), lost(), not_sent()], OutcomeUnknown, ("unknown", 0), True),
        (CHANGE, [lost(), lost(), MISSING], Refused, ("failed", 404), True),
        (DELETE, [MISSING], Refused, ("failed", 404), True),
        (
            DELETE,
            [lost(), lost(), answered(422, {"error": HUSH})],
            OutcomeUnknown,
            ("unknown", 0),
            True,
        ),
        (
            DELETE,
            [lost(), lost(), answered(404, {"message": "Not Found"})],
            OutcomeUnknown,
            ("unknown", 0),
            True,
        ),
    ],
)
async def test_what_did_not(
    asking: Request,
    attempts: list[Attempt],
    error: type[Exception],
    outcome: tuple[str, int],
    forgets: bool,
) -> None:
    chain = Chain(*attempts)
    with pytest.raises(error) as told:
        await chain.effects.send(asking)
    assert HUSH not in str(told.value)
    assert await chain.outcomes() == [outcome]
    assert bool(chain.forgotten) is forgets
    assert len(chain.then.came) == len(attempts)
    chain.journal.close()


async def test_a_read_has_no_task_and_no_entry() -> None:
    chain = Chain(answered(200, {}), lost())
    await chain.effects.send(request("ping"))
    with pytest.raises(Unreachable):
        await chain.effects.send(request("ping"))
    assert [one.entry for one in chain.then.came] == [None, None]
    assert (await chain.outcomes(), chain.forgotten) == ([], [])
    chain.journal.close()


async def test_cancelled_once_it_left_it_is_finished() -> None:
    left, answer = asyncio.Event(), asyncio.Event()

    class Slow:
        async def send(self, request: Request) -> Attempt:
            await request.before_first_byte()
            left.set()
            await answer.wait()
            return answered(201, {"tag": TAG})

    chain = Chain()
    chain.effects._then = Intents(Slow())  # pyright: ignore[reportPrivateUsage]
    sending: asyncio.Future[Any] = asyncio.ensure_future(chain.effects.send(MAKE))
    await left.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await chain.outcomes() == [("sent", 0)]
    answer.set()
    await chain.effects.drained()
    assert await chain.outcomes() == [("done", 201)]
    chain.journal.close()
