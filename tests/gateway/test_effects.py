"""Effects: done once, finished in the dark, settled by a look, and remembered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from aircall_mcp.errors import (
    NotAllowed,
    OutcomeUnknown,
    Refused,
    StoreError,
    ToolError,
    Unreachable,
)
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway import ledger as budgets
from aircall_mcp.gateway.breaker import Breaker, Breakers
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.gateway.journal import GUARD, Journal
from aircall_mcp.gateway.retries import Retries
from aircall_mcp.ground.caller import Caller
from aircall_mcp.storage.state import InMemory, State, durable
from aircall_mcp.storage.store import Transaction

from ..house import App, answering, gateway_to
from ..proxy import Fault
from ..upstream import REGISTRY, Upstream, bound, gateway, upstream

T = TypeVar("T")
pytestmark = pytest.mark.anyio

SOON = Caller(deadline=0.5)


class Hours:
    """The monotonic clock of a gateway and its journal, as fast as tests want."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Counting:
    """A state that counts its commits, and may refuse them from some number on."""

    def __init__(self, state: State, full_after: int = 99) -> None:
        self._state = state
        self.commits = 0
        self._full_after = full_after

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if self.commits >= self._full_after:
            raise StoreError("No room.")
        self.commits += 1
        return await self._state.write(work)

    def close(self) -> None:
        self._state.close()


def journaled(there: Upstream, home: Path, hours: Hours | None = None) -> tuple[Gateway, Journal]:
    journal = Journal(
        lambda: durable(home / "journal.db", journals.MIGRATIONS), clock=hours or Hours()
    )
    return gateway(there.proxy.base_url, journal=journal), journal


async def outcomes(journal: Journal) -> list[str]:
    return [intent.outcome for intent in await journal.newest()]


async def test_the_same_dial_again_is_refused_with_what_came_of_the_first(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        other, _ = journaled(there, home)  # another process
        await ours.send(there.dial(), Caller())
        for asking in (ours, other):
            with pytest.raises(NotAllowed) as refused:
                await asking.send(there.dial(), Caller())
            assert "was done with exactly these arguments" in refused.value.message
        assert there.arrivals("start_outbound_call") == 1
        assert await outcomes(journal) == ["done"]
        with pytest.raises(Refused):  # another number is another call; the agent is busy
            await ours.send(there.dial("+33199005678"), Caller())
        await ours.aclose()
        await other.aclose()


async def test_the_guard_lifts_once_the_call_is_over_and_in_any_case_after_its_time(
    home: Path,
) -> None:
    async with upstream() as there:
        hours = Hours()
        ours, journal = journaled(there, home, hours)
        await ours.send(there.dial(), Caller())
        call = there.sandbox.world.calls[-1]
        agent = there.sandbox.world.users[call.user or 0]
        agent.wrap_up = 0
        call.ended = call.started
        await ours.send(there.dial(), Caller())
        assert there.arrivals("start_outbound_call") == 2
        there.sandbox.world.calls[-1].ended = call.started + 1_000
        with pytest.raises(NotAllowed):
            await ours.send(there.dial(), Caller())
        hours.ahead = GUARD
        with pytest.raises(Refused):  # it is asked, and Aircall says that the agent is busy
            await ours.send(there.dial(), Caller())
        assert await outcomes(journal) == ["failed", "done", "over"]
        await ours.aclose()


async def test_an_answer_that_got_lost_is_settled_by_a_look(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        line = {"name": "Upsell", "color": "#123456"}
        for one, name in (
            (there.dial(), "start_outbound_call"),
            (bound("create_tag", **line), "create_tag"),
        ):
            faults = [Fault("reset")]
            there.proxy.plan = lambda faults=faults: faults.pop() if faults else None
            reply = await ours.send(one, Caller())
            assert reply.status == one.operation.answer.status
            assert "The answer got lost, but it was done" in reply.notes[0]
            assert there.arrivals(name) == 1
            if name == "create_tag":
                assert reply.body["tag"]["name"] == "Upsell"
        assert await outcomes(journal) == ["done", "done"]
        await ours.aclose()


async def test_what_a_look_does_not_show_stays_unknown_until_it_cannot_come_any_more(
    home: Path,
) -> None:
    async with upstream() as there:
        hours = Hours()
        ours, journal = journaled(there, home, hours)
        faults = [Fault("reset", after=False)]
        there.proxy.plan = lambda: faults.pop() if faults else None
        with pytest.raises(OutcomeUnknown) as unknown:
            await ours.send(there.dial(), Caller())
        assert "aircall_search_calls does not show it yet" in unknown.value.hint
        with pytest.raises(OutcomeUnknown) as refused:
            await ours.send(there.dial(), Caller())
        assert "it was not sent again" in refused.value.message
        assert there.arrivals("start_outbound_call") == 0
        hours.ahead = 60  # more than the deadline and the time that Aircall's edge waits
        await ours.send(there.dial(), Caller())
        assert there.arrivals("start_outbound_call") == 1
        assert await outcomes(journal) == ["done", "over"]
        await ours.aclose()


async def test_a_look_may_find_out_later_that_it_was_done(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        faults = [Fault("half-close")] * 9
        there.proxy.plan = lambda: faults.pop() if faults else None
        with pytest.raises(OutcomeUnknown):
            await ours.send(there.dial(), Caller())
        faults.clear()
        with pytest.raises((OutcomeUnknown, NotAllowed)):
            await ours.send(there.dial(), Caller())
        with pytest.raises(NotAllowed):
            await ours.send(there.dial(), Caller())
        assert there.arrivals("start_outbound_call") == 1
        assert await outcomes(journal) == ["done"]
        await ours.aclose()


async def test_cancelled_before_a_byte_it_is_not_sent(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        dialling = asyncio.ensure_future(ours.send(there.dial(), Caller()))
        await asyncio.sleep(0)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        await ours.drained()
        assert there.arrivals() == 0
        assert set(await outcomes(journal)) <= {"not_sent"}
        await ours.send(there.dial(), Caller())
        await ours.aclose()


async def test_cancelled_after_the_first_byte_it_is_finished_and_journaled(home: Path) -> None:
    async with upstream(latency=0.2) as there:
        ours, journal = journaled(there, home)
        sent = asyncio.Event()
        there.proxy.passed = lambda way, _count: sent.set() if way == "up" else None
        dialling = asyncio.ensure_future(ours.send(there.dial(), Caller()))
        await sent.wait()
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert await outcomes(journal) == ["sent"]
        await ours.drained()
        assert there.performed("start_outbound_call") == 1
        assert await outcomes(journal) == ["done"]
        await ours.aclose()


async def test_cancelled_while_it_waits_to_be_tried_again_it_is_not_sent_any_more(
    home: Path,
) -> None:
    async with upstream(requests_per_minute=1, window_seconds=2.0) as there:
        ours = gateway(there.proxy.base_url, home)
        await ours.send(bound("ping"), Caller())
        turned_away = asyncio.Event()
        there.proxy.passed = lambda way, _count: turned_away.set() if way == "down" else None
        dialling = asyncio.ensure_future(ours.send(there.dial(), Caller()))
        await turned_away.wait()
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        await ours.drained()
        assert [one.status for one in there.sandbox.arrivals] == [200, 429]
        await ours.aclose()


async def test_a_limit_that_cannot_be_noted_spoils_no_answer(home: Path) -> None:
    async with upstream(requests_per_minute=30, rate_headers="always") as there:
        counting = Counting(InMemory(budgets.MIGRATIONS), full_after=1)
        journal = Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS))
        ours = gateway(there.proxy.base_url, journal=journal, budget=Budget(lambda: counting))
        assert (await ours.send(there.dial(), Caller())).status == 204
        assert await outcomes(journal) == ["done"]
        await ours.aclose()


async def test_of_many_at_once_one_is_sent(home: Path) -> None:
    async with upstream(latency=0.05) as there:
        several = [journaled(there, home)[0] for _ in range(3)]
        results = await asyncio.gather(
            *(several[n % 3].send(there.dial(), Caller()) for n in range(12)),
            return_exceptions=True,
        )
        assert there.arrivals("start_outbound_call") == 1
        refused = [one for one in results if isinstance(one, OutcomeUnknown | NotAllowed)]
        assert len(refused) == 11
        for one in several:
            await one.aclose()


async def test_an_effect_takes_three_commits_and_a_read_none() -> None:
    async with upstream() as there:
        counting = Counting(InMemory(journals.MIGRATIONS))
        ours = gateway(there.proxy.base_url, journal=Journal(lambda: counting))
        await ours.send(bound("ping"), Caller())
        assert counting.commits == 0
        await ours.send(there.dial(), Caller())
        assert counting.commits == 3
        await ours.aclose()


@pytest.mark.parametrize("full_after", [0, 1])
async def test_what_cannot_be_written_down_is_not_sent(full_after: int) -> None:
    async with upstream() as there:
        counting = Counting(InMemory(journals.MIGRATIONS), full_after)
        ours = gateway(there.proxy.base_url, journal=Journal(lambda: counting))
        with pytest.raises(StoreError):
            await ours.send(there.dial(), Caller())
        assert there.arrivals() == 0
        await ours.aclose()


async def test_an_outcome_that_cannot_be_written_down_is_still_told() -> None:
    async with upstream() as there:
        counting = Counting(InMemory(journals.MIGRATIONS), 2)
        ours = gateway(there.proxy.base_url, journal=Journal(lambda: counting))
        assert (await ours.send(there.dial(), Caller())).status == 204
        await ours.aclose()


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


async def test_lists_that_change_slowly_are_kept_until_we_write(home: Path) -> None:
    async with upstream() as there:
        ours, _ = journaled(there, home)
        tags = (await ours.send(bound("list_tags"), Caller())).body["tags"]
        for _ in range(2):
            assert (await ours.send(bound("list_tags"), Caller())).body["tags"] == tags
        assert there.arrivals("list_tags") == 1
        await ours.send(bound("list_tags", fresh=True), Caller())
        assert there.arrivals("list_tags") == 2
        await ours.send(bound("create_tag", name="Upsell", color="#123456"), Caller())
        again = (await ours.send(bound("list_tags"), Caller())).body["tags"]
        assert len(again) == len(tags) + 1
        for _ in range(2):
            await ours.send(bound("list_calls"), Caller())
        assert there.arrivals("list_calls") == 2
        await ours.aclose()


async def test_the_same_read_at_once_arrives_once(home: Path) -> None:
    async with upstream(latency=0.05) as there:
        ours, _ = journaled(there, home)
        await asyncio.gather(*(ours.send(bound("list_calls"), Caller()) for _ in range(30)))
        assert there.arrivals("list_calls") == 1
        await ours.aclose()


async def test_the_breaker_leaves_aircall_alone_but_not_a_look(home: Path) -> None:
    async with upstream() as there:
        ours, _ = journaled(there, home)
        there.proxy.plan = lambda: Fault("reset", after=False)
        for _ in range(2):
            with pytest.raises(Unreachable):
                await ours.send(bound("get_company"), Caller())
        left = there.proxy.connections
        with pytest.raises(Unreachable) as refused:
            await ours.send(bound("get_company"), Caller())
        assert "has not answered" in refused.value.message
        assert there.proxy.connections == left == 5
        await ours.aclose()


def test_caller_and_reply_are_plain_values() -> None:
    assert Caller() == Caller()
    answer: Any = Caller(deadline=1)
    assert answer != Caller()


# Cut off


def cut_off() -> None:
    """What the end of a program that closed nothing does to the effects under way."""
    for task in asyncio.all_tasks():
        if getattr(task.get_coro(), "__qualname__", "") == "Effects._finished":
            task.cancel()


async def test_cut_off_while_it_is_out_it_is_unknown_and_never_failed(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        there.proxy.plan = lambda: Fault("silence")
        sent = asyncio.Event()
        there.proxy.passed = lambda way, _count: sent.set() if way == "up" else None
        dialling = asyncio.ensure_future(ours.send(there.dial(), Caller()))
        await sent.wait()
        cut_off()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert await outcomes(journal) == ["unknown"]
        await ours.aclose()


async def test_cut_off_before_its_answer_was_taken_in_it_is_unknown_and_never_failed(
    home: Path,
) -> None:
    async with upstream(requests_per_minute=30, rate_headers="always") as there:
        state = Stuck(InMemory(budgets.MIGRATIONS), after=1)  # its slot, but not what it learns
        journal = Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS))
        ours = gateway(there.proxy.base_url, journal=journal, budget=Budget(lambda: state))
        dialling = asyncio.ensure_future(ours.send(there.dial(), Caller()))
        await state.stuck.wait()
        cut_off()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert there.performed("start_outbound_call") == 1
        assert await outcomes(journal) == ["unknown"]
        state.after = 99
        await ours.aclose()


class Stuck:
    """A state that does not come back from a write, after so many that do."""

    def __init__(self, state: State, after: int) -> None:
        self._state = state
        self.after = after
        self.stuck = asyncio.Event()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self.after -= 1
        if self.after < 0:
            self.stuck.set()
            await asyncio.Event().wait()
        return await self._state.write(work)

    def close(self) -> None:
        self._state.close()


async def test_what_was_read_before_an_unknown_outcome_is_not_given_again(home: Path) -> None:
    async with upstream() as there:
        ours, journal = journaled(there, home)
        before = (await ours.send(bound("list_tags"), Caller())).body["tags"]
        there.proxy.plan = lambda: Fault("half-close")  # nobody hears of it, and no look either
        with pytest.raises(OutcomeUnknown):
            await ours.send(bound("create_tag", name="Upsell", color="#123456"), Caller())
        there.proxy.plan = lambda: None
        assert await outcomes(journal) == ["unknown"]
        after = (await ours.send(bound("list_tags"), Caller())).body["tags"]
        assert len(after) == len(before) + 1
        await ours.aclose()


async def test_what_may_still_come_is_not_sent_again_by_a_less_patient_asker(home: Path) -> None:
    async with upstream() as there:
        hours = Hours()
        ours, journal = journaled(there, home, hours)
        faults = [Fault("reset", after=False)]
        there.proxy.plan = lambda: faults.pop() if faults else None
        with pytest.raises(OutcomeUnknown):
            await ours.send(there.dial(), Caller(deadline=80))
        # For 80 seconds and a margin of 5 it could leave here, and for 30 more come there.
        for hours.ahead in (20, 50, 114):
            with pytest.raises(OutcomeUnknown):
                await ours.send(there.dial(), Caller(deadline=1))
        assert there.arrivals("start_outbound_call") == 0
        hours.ahead = 115.5
        await ours.send(there.dial(), Caller(deadline=1))
        assert there.arrivals("start_outbound_call") == 1
        assert await outcomes(journal) == ["done", "over"]
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
        faults = [Fault("reset")]
        there.proxy.plan = lambda: faults.pop() if faults else None
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
