from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate
from pathlib import Path
from typing import TypeVar

import pytest

from aircall_mcp.errors import BudgetExhausted, StoreError
from aircall_mcp.gateway.budget import LONGEST_PAUSE, Budget, pause_of
from aircall_mcp.gateway.ledger import MIGRATIONS, RECOVERY, Share
from aircall_mcp.storage.state import InMemory, State, boot, until_reboot
from aircall_mcp.storage.store import Transaction

from ..house import Clock
from ..waiting import until

T = TypeVar("T")
pytestmark = pytest.mark.anyio

WALL = 1_795_082_400.0


class Office:
    """Budgets over one state, on one clock that their waiting moves on."""

    def __init__(self, home: Path) -> None:
        self.clock = Clock(1_000.0)
        self.home = home
        self.budgets: list[Budget] = []
        self.told: list[tuple[float, float | None, str]] = []

    def budget(self, *, wall: Callable[[], float] = lambda: WALL) -> Budget:
        made = Budget(
            lambda: until_reboot(self.home, "state", MIGRATIONS, "b1"),
            clock=self.clock,
            wall=wall,
            sleep=self._sleep,
            random=lambda: 0.0,
        )
        self.budgets.append(made)
        return made

    async def _sleep(self, seconds: float) -> None:
        self.clock.pass_by(seconds)
        await asyncio.sleep(0)

    async def tell(self, done: float, total: float | None, words: str) -> None:
        self.told.append((done, total, words))


@pytest.fixture
async def office(home: Path) -> AsyncIterator[Office]:
    office = Office(home)
    yield office
    for budget in office.budgets:
        await budget.aclose()


THREE = Share("company", 3)


async def spend(budget: Budget, share: Share, count: int = 1) -> None:
    for _ in range(count):
        (await budget.slot(share, hold=25)).release()


async def test_a_slot_is_held_until_a_window_after_the_answer(office: Office) -> None:
    budget = office.budget()
    first = await budget.slot(THREE, hold=25)
    await spend(budget, THREE, 2)
    office.clock.pass_by(10)
    first.release()
    office.clock.pass_by(50.5)
    await spend(budget, THREE, 2)
    with pytest.raises(BudgetExhausted) as refused:
        await budget.slot(THREE, hold=25, patience=9)
    assert refused.value.retry_after == pytest.approx(9.5)
    office.clock.pass_by(9.6)
    await spend(budget, THREE)


async def test_budgets_of_other_processes_and_companies(office: Office) -> None:
    one, two = office.budget(), office.budget()
    await spend(one, THREE, 2)
    await spend(two, THREE)
    for budget in (one, two):
        with pytest.raises(BudgetExhausted):
            await budget.slot(THREE, hold=25)
    await spend(two, Share("another", 3), 3)


async def test_a_holder_that_died_frees_its_slot_with_its_lease(office: Office) -> None:
    one, two = office.budget(), office.budget()
    for _ in range(3):
        await one.slot(THREE, hold=25)  # and never a word again
    office.clock.pass_by(84)
    with pytest.raises(BudgetExhausted):
        await two.slot(THREE, hold=25, patience=0.5)
    office.clock.pass_by(1.1)
    await spend(two, THREE, 3)


async def test_what_was_not_sent_is_given_back(office: Office) -> None:
    budget = office.budget()
    slots = [await budget.slot(THREE, hold=25) for _ in range(3)]
    with pytest.raises(BudgetExhausted):
        await budget.slot(THREE, hold=25)
    for slot in slots:
        slot.give_back()
        slot.release()  # the first word counts
    await spend(budget, THREE, 3)
    with pytest.raises(BudgetExhausted):
        await budget.slot(THREE, hold=25)


async def test_what_was_sent_is_not_given_back_by_a_second_word(office: Office) -> None:
    budget = office.budget()
    for _ in range(3):
        slot = await budget.slot(THREE, hold=25)
        slot.release()
        slot.give_back()
    with pytest.raises(BudgetExhausted):
        await budget.slot(THREE, hold=25)


class Refusing:
    """A state that refuses to write as long as it is full, or lets nobody through its gate."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.full = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.came = asyncio.Event()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self.came.set()
        await self.gate.wait()
        if self.full:
            raise StoreError("No room.")
        return await self._state.write(work)

    def close(self) -> None:
        self._state.close()


async def test_what_ended_is_not_forgotten_with_a_write_that_failed() -> None:
    state = Refusing(InMemory(MIGRATIONS))
    budget = Budget(lambda: state, longest_wait=0)
    slots = [await budget.slot(THREE, hold=25) for _ in range(3)]
    slots[0].release()
    slots[1].give_back()
    slots[2].give_back()
    state.full = True
    for _ in range(2):
        with pytest.raises(StoreError):
            await budget.slot(THREE, hold=25)
    state.full = False
    await spend(budget, THREE, 2)
    with pytest.raises(BudgetExhausted):
        await budget.slot(THREE, hold=25)
    await budget.aclose()


async def test_nor_with_one_that_failed_after_its_asker_was_gone() -> None:
    state = Refusing(InMemory(MIGRATIONS))
    budget = Budget(lambda: state, longest_wait=0)
    for slot in [await budget.slot(THREE, hold=25) for _ in range(3)]:
        slot.give_back()
    state.gate.clear()
    state.came.clear()
    asking = asyncio.ensure_future(budget.slot(THREE, hold=25))
    await state.came.wait()
    asking.cancel()
    await asyncio.wait({asking})
    state.full = True
    state.gate.set()
    with pytest.raises(StoreError):
        await budget.slot(THREE, hold=25)
    state.full = False
    await spend(budget, THREE, 3)
    await budget.aclose()


async def test_nor_with_one_that_nobody_asked_for() -> None:
    state = Refusing(InMemory(MIGRATIONS))
    budget = Budget(lambda: state, window=0.08, longest_wait=0)
    one = Share("company", 1)
    slot = await budget.slot(one, hold=25)
    state.full = True
    state.came.clear()
    slot.give_back()
    await state.came.wait()
    await asyncio.sleep(0)
    state.full = False
    await spend(budget, one)
    with pytest.raises(BudgetExhausted):
        await budget.slot(one, hold=25)
    await budget.aclose()


async def test_nor_with_one_that_was_under_way_at_the_end(office: Office) -> None:
    state = Refusing(until_reboot(office.home, "state", MIGRATIONS, "b1"))
    budget = Budget(lambda: state, window=0.08, clock=office.clock)
    for slot in [await budget.slot(THREE, hold=25) for _ in range(3)]:
        slot.give_back()
    state.gate.clear()
    state.came.clear()
    await state.came.wait()
    ending = asyncio.ensure_future(budget.aclose())
    await asyncio.sleep(0)
    state.gate.set()
    await ending
    after = office.budget()
    await spend(after, THREE, 3)
    with pytest.raises(BudgetExhausted):
        await after.slot(THREE, hold=25)


async def test_it_waits_and_says_so_and_gives_up_at_once_when_it_is_sure(office: Office) -> None:
    budget = office.budget()
    await spend(budget, THREE, 3)
    before = office.clock()
    with pytest.raises(BudgetExhausted) as refused:
        await budget.slot(THREE, hold=25)
    assert refused.value.retry_after == pytest.approx(60)
    assert office.clock() == before
    office.clock.pass_by(45)
    slot = await budget.slot(THREE, hold=25, progress=office.tell)
    assert office.clock() == pytest.approx(before + 60)
    slot.release()
    assert len(office.told) == 15
    assert office.told[0] == (0, pytest.approx(15), "Waiting: the request limit is used up")


async def test_bulk_leaves_a_fifth_to_people_who_wait(office: Office) -> None:
    budget = office.budget()
    bulk, waiting = Share("company", 10, "bulk"), Share("company", 10)
    await spend(budget, bulk, 8)
    with pytest.raises(BudgetExhausted):
        await budget.slot(bulk, hold=25)
    await spend(budget, waiting, 2)
    with pytest.raises(BudgetExhausted):
        await budget.slot(waiting, hold=25)
    await spend(budget, Share("tiny", 1, "bulk"))


async def test_a_person_goes_before_bulk_when_both_wait(home: Path) -> None:
    budget = Budget(lambda: InMemory(MIGRATIONS), window=0.4)
    bulk, waiting = Share("company", 2, "bulk"), Share("company", 2)
    came: list[str] = []

    async def take(share: Share) -> None:
        slot = await budget.slot(share, hold=1)
        came.append(share.lane)
        slot.release()

    await asyncio.gather(take(waiting), take(waiting))
    await asyncio.gather(take(bulk), take(waiting), take(waiting))
    assert came[2:] == ["waiting", "waiting", "bulk"]
    await budget.aclose()


class Gated:
    """A state whose writes wait while `gate` is shut."""

    def __init__(self) -> None:
        self._state = InMemory(MIGRATIONS)
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        await self.gate.wait()
        return await self._state.write(work)

    def close(self) -> None:
        self._state.close()


async def test_bulk_behind_a_person_leaves_others_their_turn_while_slots_come_back() -> None:
    state = Gated()
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        state.gate.set()
        await asyncio.sleep(0)

    budget = Budget(lambda: state, sleep=sleep)
    other = await budget.slot(Share("other", 2), hold=1)
    state.gate.clear()
    person = asyncio.ensure_future(budget.slot(Share("company", 9), hold=1))
    await asyncio.sleep(0)  # the person's look at the log is under way
    other.release()
    bulk = await budget.slot(Share("company", 9, "bulk"), hold=1)
    assert waited  # it stepped back, and the loop went round
    (await person).release()
    bulk.release()
    await budget.aclose()


async def test_those_in_line_keep_their_order_and_their_patience(home: Path) -> None:
    budget = Budget(lambda: InMemory(MIGRATIONS), window=0.3)
    share = Share("company", 1)
    came: list[int] = []

    async def take(number: int, patience: float) -> None:
        slot = await budget.slot(share, hold=1, patience=patience)
        came.append(number)
        slot.release()

    results = await asyncio.gather(
        *(take(n, 5) for n in range(4)), take(9, 0.5), return_exceptions=True
    )
    assert came == [0, 1, 2, 3]
    assert isinstance(results[4], BudgetExhausted)
    await budget.aclose()


async def test_a_cancelled_wait_leaves_no_slot_behind(home: Path) -> None:
    budget = Budget(lambda: until_reboot(home, "state", MIGRATIONS, "b1"), window=30)
    share = Share("company", 5)
    for _ in range(40):
        asking = asyncio.ensure_future(budget.slot(share, hold=25))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking})
        if not asking.cancelled():
            asking.result().give_back()
    for _ in range(5):
        (await budget.slot(share, hold=25, patience=0.2)).release()
    with pytest.raises(BudgetExhausted):
        await budget.slot(share, hold=25, patience=0.2)
    await budget.aclose()


async def test_a_429_pauses_every_process(office: Office) -> None:
    one, two = office.budget(), office.budget()
    await spend(one, THREE)
    error = await one.learn(THREE, 429, {"retry-after": "12"})
    assert error is not None
    assert error.retry_after == 12
    with pytest.raises(BudgetExhausted) as refused:
        await two.slot(THREE, hold=25, patience=10)
    assert refused.value.retry_after == pytest.approx(12)
    await two.slot(THREE, hold=25, patience=13, progress=office.tell)
    assert office.clock() == pytest.approx(1_012)
    assert office.told[0][2] == "Waiting: Aircall asked us to pause"


async def test_throttled_below_the_limit_it_goes_slower_and_recovers(office: Office) -> None:
    budget, share = office.budget(), Share("company", 20)
    await spend(budget, share, 5)
    await budget.learn(share, 429, {"retry-after": "1"})
    await budget.learn(share, 429, {"retry-after": "1"})  # of the same burst: counts once
    office.clock.pass_by(62)
    await spend(budget, share, 18)
    with pytest.raises(BudgetExhausted):
        await budget.slot(share, hold=25)
    office.clock.pass_by(RECOVERY)
    await spend(budget, share, 20)


async def test_headers_only_lower_the_limit(office: Office) -> None:
    budget = office.budget()
    for said in ("1000", "0", "-3", "many", "nan", "1e400", ""):
        await budget.learn(THREE, 200, {"x-aircallapi-limit": said})
    await spend(budget, THREE, 3)
    share = Share("another", 30)
    await budget.learn(share, 200, {"x-aircallapi-limit": "2"})
    await spend(budget, share, 2)
    with pytest.raises(BudgetExhausted):
        await budget.slot(share, hold=25)


async def test_what_others_spend_takes_slots_here(office: Office) -> None:
    budget, share = office.budget(), Share("company", 10)
    await spend(budget, share, 2)
    headers = {"x-aircallapi-remaining": "3", "x-aircallapi-reset": str(WALL + 20)}
    await budget.learn(share, 200, headers)
    await budget.learn(share, 200, headers)  # said twice, true once
    await spend(budget, share, 3)
    with pytest.raises(BudgetExhausted) as refused:
        await budget.slot(share, hold=25, patience=19)
    assert refused.value.retry_after == pytest.approx(20)


async def test_what_remains_is_of_the_limit_that_was_said_with_it(office: Office) -> None:
    budget, share = office.budget(), Share("company", 60)
    headers = {"x-aircallapi-limit": "30", "x-aircallapi-remaining": "10"}
    await budget.learn(share, 200, headers)
    await spend(budget, share, 10)
    with pytest.raises(BudgetExhausted):
        await budget.slot(share, hold=25, patience=0)


DATE = formatdate(WALL, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "7.5"}, 7.5),
        ({"retry-after": "-5"}, 1),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "1e12"}, 120),
        ({"retry-after": "9" * 400}, 60),
        ({"retry-after": "soon"}, 60),
        ({"retry-after": "nan"}, 60),
        ({"retry-after": "inf"}, 60),
        ({"retry-after": formatdate(WALL + 33, usegmt=True)}, 33),
        ({"retry-after": formatdate(WALL - 3_600, usegmt=True)}, 1),
        ({"retry-after": "Thu, 99 Nov 2026 10:00:00 GMT", "x-aircallapi-reset": "25"}, 25),
        ({"retry-after": "soon", "x-aircallapi-reset": str(int(WALL) + 40)}, 40),
        ({"x-aircallapi-reset": str(int(WALL) + 40)}, 40),
        ({"x-aircallapi-reset": str((int(WALL) + 40) * 1_000)}, 40),
        ({"x-aircallapi-reset": "-4"}, 1),
        ({"x-aircallapi-reset": "-1e12"}, 1),
        ({"x-aircallapi-reset": "1e12"}, 1),
        ({"x-aircallapi-reset": "1e300"}, 120),
        ({"x-aircallapi-reset": "never"}, 60),
        ({"x-aircallapi-reset": ""}, 60),
        ({"x-aircallapi-reset": "30"}, 30),
    ],
)
@pytest.mark.parametrize("jump", [0.0, 3_600.0, -3_600.0])
def test_every_form_of_header(headers: dict[str, str], seconds: float, jump: float) -> None:
    assert pause_of({**headers, "date": DATE}, WALL + jump) == pytest.approx(seconds)
    assert 1 <= pause_of(headers, WALL + jump) <= LONGEST_PAUSE


async def test_the_wall_clock_may_jump(office: Office) -> None:
    jumps = iter(WALL + 3_600 * (-1) ** n for n in range(1_000))
    budget = office.budget(wall=lambda: next(jumps))
    share = Share("company", 3)
    for _ in range(4):
        await spend(budget, share, 3)
        error = await budget.learn(share, 429, {"x-aircallapi-reset": str(WALL + 9), "date": DATE})
        assert error is not None
        assert error.retry_after == 9
        office.clock.pass_by(700)


def files_of(home: Path) -> set[tuple[str, int]]:
    return {(file.name[:11], file.stat().st_mode & 0o777) for file in home.iterdir()}


async def test_nothing_of_an_earlier_boot_is_read_or_left(home: Path) -> None:
    def budget(boot: str) -> Budget:
        return Budget(lambda: until_reboot(home, "state", MIGRATIONS, boot))

    before = budget("b1")
    await spend(before, THREE, 3)
    await before.aclose()
    assert files_of(home) == {("state-b1.db", 0o600)}
    after = budget("b2")
    await spend(after, THREE, 3)
    await after.aclose()
    assert files_of(home) == {("state-b2.db", 0o600)}


async def test_without_a_name_of_the_boot_an_impossible_future_is_forgotten(home: Path) -> None:
    late = Budget(lambda: until_reboot(home, "state", MIGRATIONS, ""), clock=lambda: 9e6)
    await spend(late, THREE, 3)
    await late.learn(THREE, 429, {"retry-after": "120"})
    await late.aclose()
    early = Budget(lambda: until_reboot(home, "state", MIGRATIONS, ""), clock=lambda: 50.0)
    await spend(early, THREE, 3)
    await early.aclose()
    assert (home / "state.db").exists()


async def test_what_ended_is_settled_without_a_next_request(home: Path) -> None:
    budget = Budget(lambda: until_reboot(home, "state", MIGRATIONS, "b1"), window=0.2)
    (await budget.slot(THREE, hold=500)).release()
    file = sqlite3.connect(home / "state-b1.db")
    await until(lambda: file.execute("SELECT settled FROM slot").fetchone() == (1,))
    file.close()
    await budget.aclose()


def test_the_boot_has_a_name_or_none() -> None:
    assert boot() == boot()
    assert boot() == "" or len(boot()) == 12
