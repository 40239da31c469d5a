"""Deleted, gone, or never there: what an answer to a DELETE can say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.errors import (
    OutcomeUnknown,
    Refused,
    ToolError,
    Unreachable,
)
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway.breaker import Breaker, Breakers
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.gateway.retries import Retries
from aircall_mcp.ground.caller import Caller
from aircall_mcp.storage.state import durable

from ..harness import App, answering, gateway_to
from ..proxy import Fault
from ..upstream import REGISTRY, bound, gateway, upstream
from .journaled import journaled, outcomes

pytestmark = pytest.mark.anyio


async def test_a_delete_that_was_done_in_the_dark_is_no_missing_thing(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        tag = next(iter(there.sandbox.world.tags))
        lost = [Fault("reset"), Fault("half-close")]  # the answer, and the look's
        there.proxy.plan = lambda: lost.pop(0) if lost else None
        reply = await ours.send(bound("delete_tag", tag_id=tag), Caller())
        assert reply.status == 204
        assert tag not in there.sandbox.world.tags
        assert await outcomes(journal) == ["done"]
        await ours.aclose()


# A 404


Script = dict[str, list[tuple[int, Any]]]
EDGE: Any = {"message": "Not Found"}
GONE: Any = {"error": "Not Found", "troubleshoot": "Tag not found"}
NOT_AIRCALLS = [EDGE, None, b"<html>Not Found</html>", ["error"]]


def scripted(script: Script) -> tuple[App, list[str]]:
    """An Aircall that answers each method with what is next in its list, and what it was asked."""
    asked: list[str] = []

    async def aircall(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["method"])
        status, body = script[scope["method"]].pop(0)
        await answering(status, body)[0](scope, receive, send)

    return aircall, asked


async def deletion(home: Path, script: Script) -> tuple[Any, list[str], list[str]]:
    """What came of deleting a tag, what was asked for it, and what is journaled."""
    app, asked = scripted(script)
    journal = Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS))
    ours = gateway_to(app, journal=journal, operations=REGISTRY.ids, retries=Retries(first=0.0))
    try:
        came: Any = await ours.send(bound("delete_tag", tag_id=1), Caller())
    except ToolError as error:
        came = error
    journaled_as = await outcomes(journal)
    await ours.aclose()
    return came, asked, journaled_as


async def test_deleting_what_was_never_there_is_no_success(home: Path) -> None:
    came, asked, journaled_as = await deletion(home, {"DELETE": [(404, GONE)]})
    assert isinstance(came, Refused)
    assert (asked, journaled_as) == (["DELETE"], ["failed"])


async def test_a_look_that_finds_it_gone_has_found_it_deleted(home: Path) -> None:
    came, asked, journaled_as = await deletion(
        home, {"DELETE": [(502, None)], "GET": [(404, GONE)]}
    )
    assert came.status == 204
    assert (asked, journaled_as) == (["DELETE", "GET"], ["done"])


@pytest.mark.parametrize("body", NOT_AIRCALLS)
async def test_what_stands_before_aircall_cannot_say_that_a_thing_is_gone(
    home: Path, body: Any
) -> None:
    unseen: Script = {"DELETE": [(502, None), (404, GONE)], "GET": [(404, body)]}
    came, asked, journaled_as = await deletion(home, unseen)
    assert came.status == 204  # by the second attempt, and not by the look
    assert (asked, journaled_as) == (["DELETE", "GET", "DELETE"], ["done"])
    untold: Script = {"DELETE": [(502, None), (404, body)], "GET": [(404, body)]}
    came, asked, journaled_as = await deletion(home, untold)
    assert isinstance(came, OutcomeUnknown)
    assert (asked, journaled_as[0]) == (["DELETE", "GET", "DELETE"], "unknown")


# A look and the breaker


async def test_a_look_is_sent_though_the_breaker_is_open(home: Path) -> None:
    async with upstream() as there:
        journal = Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS))
        breakers = Breakers(lambda: Breaker(failures=1))
        ours = gateway(there.proxy.base_url, journal=journal, breakers=breakers)
        there.proxy.once(Fault("reset"))
        reply = await ours.send(there.dial(), Caller())
        assert "aircall_search_calls shows it" in reply.notes[0]
        assert there.arrivals() == 2
        with pytest.raises(Unreachable):  # and what it heard closed nothing
            await ours.send(bound("get_company"), Caller())
        assert there.arrivals() == 2
        await ours.aclose()


async def test_a_look_that_fails_opens_no_breaker(home: Path) -> None:
    async with upstream() as there:
        journal = Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS))
        breakers = Breakers(lambda: Breaker(failures=2))
        ours = gateway(there.proxy.base_url, journal=journal, breakers=breakers)
        there.proxy.plan = lambda: Fault("reset")
        with pytest.raises(OutcomeUnknown):
            await ours.send(there.dial(), Caller())
        assert there.arrivals("search_calls") == 3
        there.proxy.plan = lambda: None
        await ours.send(bound("get_company"), Caller())
        assert there.arrivals("get_company") == 1
        await ours.aclose()
