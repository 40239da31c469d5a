"""The brake in the chain: asked at the gate, and again when a byte is about to leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from aircall_mcp.errors import NotAllowed, OutcomeUnknown, ToolError
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway import ledger as budgets
from aircall_mcp.gateway.budget import Budget
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Bound
from aircall_mcp.safety import Brake
from aircall_mcp.storage.state import InMemory, State
from aircall_mcp.storage.store import Transaction

from ..proxy import Fault
from ..upstream import bound, gateway, upstream
from ..waiting import until
from .journaled import outcomes

pytestmark = pytest.mark.anyio

T = TypeVar("T")

TAG = bound("create_tag", name="Upsell", color="#FF5733")


async def refusal(ours: Gateway, asked: Bound, caller: Caller | None = None) -> ToolError:
    with pytest.raises(ToolError) as raised:
        await ours.send(asked, caller or Caller())
    return raised.value


async def test_while_it_is_pulled_no_effect_arrives_and_reads_go_on(home: Path) -> None:
    brake = Brake(home)
    async with upstream() as there:
        ours = gateway(there.proxy.base_url, home, brake=brake)
        brake.pull()
        for asked in (TAG, there.dial(), bound("delete_tag", tag_id=1)):
            for caller in (Caller(), Caller(interface="mcp"), Caller(person=True)):
                assert isinstance(await refusal(ours, asked, caller), NotAllowed)
            with pytest.raises(NotAllowed):
                async with ours.admitted(asked, Caller()):
                    raise AssertionError("nothing may be done within")
        assert there.arrivals() == 0
        await ours.send(bound("list_tags"), Caller())
        brake.release()
        await ours.send(TAG, Caller())
        assert (there.arrivals(), there.performed("create_tag")) == (2, 1)
        await ours.aclose()


async def test_what_waited_for_its_slot_does_not_begin(home: Path) -> None:
    """It passed the gate before the brake was pulled, and gets its slot after."""
    brake = Brake(home)

    async def one_a_minute(_account: str | None) -> tuple[str, int]:
        return "company", 1

    budget = Budget(lambda: InMemory(budgets.MIGRATIONS), window=0.4, longest_wait=60)
    journal = Journal(lambda: InMemory(journals.MIGRATIONS))
    async with upstream() as there:
        ours = gateway(
            there.proxy.base_url,
            budget=budget, journal=journal, brake=brake, company=one_a_minute,
        )  # fmt: skip
        await ours.send(bound("ping"), Caller())
        told: set[int] = set()

        def caller(number: int) -> Caller:
            async def progress(_done: float, _total: float | None, _message: str) -> None:
                told.add(number)

            return Caller(progress=progress)

        waiting = asyncio.create_task(ours.send(TAG, caller(1)))
        other = bound("create_tag", name="Renewal", color="#00FF00")
        beside = asyncio.create_task(ours.send(other, caller(2)))
        await until(lambda: told == {1, 2})
        brake.pull()
        for task in (waiting, beside):
            with pytest.raises(NotAllowed):
                await task
        assert there.arrivals("create_tag") == 0
        assert await outcomes(journal) == ["not_sent", "not_sent"]
        # The slot that it had waited for is given back.
        await ours.send(bound("list_tags"), Caller())
        await ours.aclose()


class Pulling:
    """A journal on which the brake is pulled while its `at`-th commit waits for the disk."""

    def __init__(self, brake: Brake, at: int) -> None:
        self._state: State = InMemory(journals.MIGRATIONS)
        self._brake = brake
        self._left = at

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self._left -= 1
        result = await self._state.write(work)
        if not self._left:
            self._brake.pull()
        return result

    def close(self) -> None:
        self._state.close()


@pytest.mark.parametrize("commit", [1, 2])
async def test_what_waited_for_the_disk_does_not_begin(home: Path, commit: int) -> None:
    """The intent was written, or even the mark that it is sent: not a byte has left."""
    brake = Brake(home)
    journal = Journal(lambda: Pulling(brake, commit))
    async with upstream() as there:
        ours = gateway(there.proxy.base_url, journal=journal, brake=brake)
        assert isinstance(await refusal(ours, TAG), NotAllowed)
        assert there.arrivals() == 0
        assert await outcomes(journal) == ["not_sent"]
        brake.release()
        await ours.send(TAG, Caller())
        assert there.performed("create_tag") == 1
        await ours.aclose()


async def test_what_was_sent_is_finished_and_told(home: Path) -> None:
    brake = Brake(home)
    journal = Journal(lambda: InMemory(journals.MIGRATIONS))
    async with upstream(latency=0.3) as there:
        ours = gateway(there.proxy.base_url, journal=journal, brake=brake)
        sent = asyncio.create_task(ours.send(TAG, Caller()))

        async def out() -> bool:
            return await outcomes(journal) == ["sent"]

        await until(out)
        brake.pull()
        assert (await sent).status in (200, 201)
        assert await outcomes(journal) == ["done"]
        await ours.aclose()


async def test_a_second_attempt_does_not_begin_and_the_first_stays_in_doubt(home: Path) -> None:
    """What was sent and not answered would be sent again: not after the brake was pulled. Nor is
    it said that nothing was sent."""
    brake = Brake(home)
    journal = Journal(lambda: InMemory(journals.MIGRATIONS))
    async with upstream() as there:
        user = next(iter(there.sandbox.world.users))
        faults = [Fault("reset", after=False)]

        def plan() -> Fault | None:
            brake.pull()
            return faults.pop() if faults else None

        there.proxy.plan = plan
        ours = gateway(there.proxy.base_url, journal=journal, brake=brake)
        error = await refusal(ours, bound("update_user_v2", user_id=user, first_name="Ana"))
        assert isinstance(error, OutcomeUnknown)
        assert there.arrivals("update_user_v2") == 0
        assert await outcomes(journal) == ["unknown"]
        await ours.aclose()
