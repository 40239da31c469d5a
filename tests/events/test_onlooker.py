"""Without a webhook the list of calls is looked at: one odd row keeps no other from being seen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aircall_mcp.events.event import Event
from aircall_mcp.events.onlooker import Onlooker
from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry

from ..harness import THURSDAY, Clock, OwnGateway, gateway_to

pytestmark = pytest.mark.anyio


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else "+33199001234"


ODD: list[Any] = [
    None, 7, "call", [], [{"id": 1}], {}, {"id": None}, {"id": "12"}, {"id": [1, 2]},
    {"id": {"a": 1}}, {"id": 1.5}, {"id": 2**70, "status": ["done"]}, {"id": True, "status": 1},
    {"id": 13, "raw_digits": ["+33199001234"], "user": "Ana", "number": [], "contact": 7},
    {"id": 14, "raw_digits": "half \ud83d", "answered_at": {}, "deep": nested(60)},
    {"id": 14, "status": None},
]  # fmt: skip


class Calls:
    """An Aircall whose list of calls changes from look to look."""

    def __init__(self, *looks: list[Any]) -> None:
        self.looks = list(looks)
        self.asked = 0

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        await receive()
        calls = self.looks[min(self.asked, len(self.looks) - 1)]
        self.asked += 1
        body = json.dumps({"calls": calls, "meta": {}}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


async def no_pause(_seconds: float) -> None:
    """The next look comes at once."""


def onlooker_over(there: Calls, registry: Registry) -> tuple[Onlooker, OwnGateway]:
    gateway = gateway_to(there)
    return Onlooker(gateway, registry.ids, clock=Clock().handed(no_pause)), gateway


async def first(onlooker: Onlooker, match: dict[str, Any], looks: int) -> Event | None:
    """The first event that matches within so many looks."""
    watched = onlooker.events(["call.ended"], match, Caller())
    try:
        async for _, event in watched:
            looks -= event is None
            if event is not None or looks < 0:
                return event
    finally:
        await watched.aclose()
    return None


@pytest.mark.parametrize(
    "match", [{}, {"call_id": 42}, {"number": "+33 1 99 00 56 78"}, {"user_id": 7}]
)
async def test_odd_rows_beside_it_hide_no_call_that_ends(
    registry: Registry, match: dict[str, Any]
) -> None:
    rings: dict[str, Any] = {"id": 42, "status": "initial", "raw_digits": "+33 1 99 00 56 78",
                             "user": {"id": 7}}  # fmt: skip
    ended = {**rings, "status": "done", "ended_at": THURSDAY}
    there = Calls([*ODD, rings], [*ODD, ended], [ended])
    onlooker, gateway = onlooker_over(there, registry)
    event = await first(onlooker, match, looks=3)
    await gateway.aclose()
    assert event is not None
    assert (event.kind, event.call_id) == ("call.ended", 42)
    assert there.asked == 2


@pytest.mark.parametrize("rows", [None, {}, "calls", 7, ODD])
async def test_a_list_that_is_none_is_looked_at_again(registry: Registry, rows: Any) -> None:
    there = Calls(rows)
    onlooker, gateway = onlooker_over(there, registry)
    assert await first(onlooker, {"number": "+33199001234"}, looks=2) is None
    await gateway.aclose()
    assert there.asked == 3
