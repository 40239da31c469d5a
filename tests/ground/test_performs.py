"""Each tool of ours is described and performed, or nothing starts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from aircall_mcp.app import open_app
from aircall_mcp.errors import SpecError
from aircall_mcp.events.tools import EventTools
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.ground.performs import hold_against, performers_of, performs
from aircall_mcp.offer import Offers, Registry

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


class Company:
    def __init__(self, name: str) -> None:
        self.name = name

    @performs("greet")
    async def hello(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        return {"said": f"{arguments['word']} from {self.name} to {caller.client}"}

    async def goodbye(self) -> Json:
        raise AssertionError("nobody performs this")


async def test_what_is_marked_is_performed_by_the_one_that_is_found_then() -> None:
    found = [Company("Lyon")]
    performers = performers_of(Company, lambda: found[0])
    assert performers.keys() == {"greet"}
    found[0] = Company("Paris")
    said = await performers["greet"]({"word": "Hi"}, Caller(client="x"))
    assert said == {"said": "Hi from Paris to x"}


def test_nothing_is_performed_twice() -> None:
    class Twice:
        @performs("greet")
        async def one(self, arguments: Mapping[str, Any], caller: Caller) -> Json: ...

        @performs("greet")
        async def other(self, arguments: Mapping[str, Any], caller: Caller) -> Json: ...

    with pytest.raises(SpecError, match="greet is performed twice"):
        performers_of(Twice, Twice)


def test_what_is_described_is_performed_and_what_is_performed_described(registry: Registry) -> None:
    ours = {operation.id for operation in registry.ids.values() if operation.ours}
    assert len(ours) == 23
    hold_against(registry.ids.values(), ours)
    for unlike in (ours - {"read_events"}, ours | {"greet"}, ours | {"get_call"}):
        with pytest.raises(SpecError, match=r"not both: (read_events|greet|get_call)$"):
            hold_against(registry.ids.values(), unlike)


def test_a_tool_that_nobody_performs_stops_the_start(registry: Registry) -> None:
    """One more is described than there is code for."""
    more = dataclasses.replace(registry.ids["read_events"], id="greet", tool="aircall_greet")
    offers = Offers(Registry([*registry.known, more]))
    with pytest.raises(SpecError, match="greet"):
        open_app(settings_from({"sandbox": True}), {}, offers=offers)


def test_the_four_about_events_are_performed_by_one() -> None:
    def nobody() -> EventTools:
        raise AssertionError("none is made before it is asked")

    performed = performers_of(EventTools, nobody)
    assert performed.keys() == {"read_events", "wait_for_event", "list_messages", "forward_events"}
