from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.gateway.journal import (
    GUARD,
    KEPT,
    MIGRATIONS,
    SETTLED_AFTER,
    Intent,
    Journal,
    fingerprint,
)
from aircall_mcp.ground.clock import Clock as Handed
from aircall_mcp.storage.state import durable

from ..harness import Clock

pytestmark = pytest.mark.anyio


class JournalFile:
    """Journals over one file, with clocks that tests move."""

    def __init__(self, home: Path) -> None:
        self.path = home / "journal.db"
        self.clock, self.wall = Clock(1_000.0), Clock()
        self.made: list[Journal] = []

    def journal(self, boot: str = "b1") -> Journal:
        journal = Journal(
            lambda: durable(self.path, MIGRATIONS),
            boot=lambda: boot,
            clock=Handed(self.clock, self.wall),
        )
        self.made.append(journal)
        return journal

    def pass_by(self, seconds: float) -> None:
        self.clock.pass_by(seconds)
        self.wall.pass_by(seconds)


@pytest.fixture
def journal_file(home: Path) -> Iterator[JournalFile]:
    journal_file = JournalFile(home)
    yield journal_file
    for journal in journal_file.made:
        journal.close()


async def begin(journal: Journal, print_: str = "x", **more: Any) -> tuple[Intent, bool]:
    given: dict[str, Any] = {"guarded": True, "patience": 30.0, **more}
    return await journal.begin("dial", "company", print_, **given)


@pytest.mark.parametrize("outcome", ["pending", "sent", "unknown", "done"])
async def test_the_same_is_refused_while_the_earlier_stands(
    journal_file: JournalFile, outcome: Any
) -> None:
    journal, other = journal_file.journal(), journal_file.journal()
    first, written = await begin(journal)
    assert written
    if outcome != "pending":
        await journal.mark(first, outcome, 204 if outcome == "done" else 0)
    journal_file.pass_by(20)
    earlier, written = await begin(other)
    assert not written
    assert (earlier.id, earlier.outcome, earlier.age) == (first.id, outcome, 20)
    journal_file.pass_by(GUARD - 20.5)
    assert not (await begin(other))[1]
    journal_file.pass_by(1)
    assert (await begin(other))[1]


@pytest.mark.parametrize("outcome", ["failed", "not_sent"])
async def test_what_did_not_happen_stands_in_nobodys_way(
    journal_file: JournalFile, outcome: Any
) -> None:
    journal = journal_file.journal()
    first, _ = await begin(journal)
    await journal.mark(first, outcome, 405)
    assert (await begin(journal))[1]


async def test_other_arguments_and_what_is_not_guarded_pass(journal_file: JournalFile) -> None:
    journal = journal_file.journal()
    await begin(journal)
    assert (await begin(journal, "y"))[1]
    assert (await begin(journal, guarded=False))[1]


async def test_whoever_dies_at_it_leaves_an_unknown_outcome(journal_file: JournalFile) -> None:
    first, _ = await begin(journal_file.journal())
    journal_file.pass_by(31)
    earlier, written = await begin(journal_file.journal())
    assert (earlier.id, earlier.outcome, written) == (first.id, "unknown", False)


async def test_after_a_reboot_the_wall_clock_tells_the_age(journal_file: JournalFile) -> None:
    await begin(journal_file.journal("b1"))
    journal_file.clock.now = 5.0
    journal_file.wall.pass_by(40)
    earlier, written = await begin(journal_file.journal("b2"))
    assert (earlier.outcome, earlier.age, written) == ("unknown", 40, False)
    journal_file.wall.pass_by(-3_600)
    assert not (await begin(journal_file.journal("b2")))[1]
    journal_file.wall.pass_by(3_600 + 81)
    assert (await begin(journal_file.journal("b2")))[1]


@pytest.mark.parametrize("jump", [3_600.0, -3_600.0, 40 * 86_400.0])
async def test_a_wall_clock_that_jumps_lifts_no_guard(
    journal_file: JournalFile, jump: float
) -> None:
    journal = journal_file.journal()
    await begin(journal)
    journal_file.wall.pass_by(jump)
    journal_file.clock.pass_by(1)
    assert not (await begin(journal))[1]


async def test_a_wall_clock_that_jumps_ahead_forgets_no_intent_that_stands(
    journal_file: JournalFile,
) -> None:
    journal = journal_file.journal()
    first, _ = await begin(journal)
    journal_file.wall.pass_by(KEPT + 1)
    assert (await begin(journal, "another"))[1]  # which clears away what is old
    earlier, written = await begin(journal)
    assert (earlier.id, written) == (first.id, False)


@pytest.mark.parametrize("boot", ["b2", "", "b1"])
async def test_an_intent_from_the_future_stands_and_is_under_way_no_more(
    journal_file: JournalFile, boot: str
) -> None:
    """Both clocks run behind the intent: those of a machine that came up without the time. Where
    the boot has no name of its own, the monotonic clock alone tells that it is another one."""
    first, _ = await begin(journal_file.journal(boot if boot != "b2" else "b1"))
    journal_file.clock.now = 5.0
    journal_file.wall.pass_by(-86_400)
    for _ in range(2):
        earlier, written = await begin(journal_file.journal(boot))
        assert (earlier.id, earlier.outcome, earlier.age) == (first.id, "unknown", 0)
        assert not written
        journal_file.pass_by(GUARD + 1)
    journal_file.wall.pass_by(86_400)
    assert (await begin(journal_file.journal(boot)))[1]


async def test_the_monotonic_clock_of_another_boot_tells_no_age(journal_file: JournalFile) -> None:
    await begin(journal_file.journal("b1"))
    journal_file.clock.pass_by(10 * GUARD)  # up for longer than the other one was
    journal_file.wall.pass_by(7)
    earlier, written = await begin(journal_file.journal("b2"))
    assert (earlier.outcome, earlier.age, written) == ("unknown", 7, False)


async def test_of_several_boots_the_youngest_intent_stands_in_the_way(
    journal_file: JournalFile,
) -> None:
    await begin(journal_file.journal("b1"), guarded=False)
    journal_file.pass_by(50)
    last, _ = await begin(journal_file.journal("b2"), guarded=False)
    journal_file.pass_by(50)
    earlier, written = await begin(journal_file.journal("b3"))
    assert (earlier.id, earlier.age, written) == (last.id, 50, False)
    journal_file.pass_by(GUARD - 99)
    assert (await begin(journal_file.journal("b3")))[0].id == last.id


@pytest.mark.parametrize("outcome", ["pending", "sent", "unknown"])
async def test_who_is_more_patient_than_the_guard_is_guarded_for_as_long_as_it_may_come(
    journal_file: JournalFile, outcome: Any
) -> None:
    journal = journal_file.journal()
    first, _ = await begin(journal, patience=605.0)
    await journal.mark(first, outcome)
    journal_file.pass_by(600)
    earlier, written = await begin(journal, patience=6.0)
    assert (earlier.id, earlier.outcome, earlier.patience) == (first.id, outcome, 605)
    assert not written
    journal_file.pass_by(5 + SETTLED_AFTER - 0.5)
    assert (await begin(journal))[0].outcome == "unknown"
    journal_file.pass_by(1)
    assert (await begin(journal))[1]


async def test_only_one_goes_past_an_earlier_intent(journal_file: JournalFile) -> None:
    one, two = journal_file.journal(), journal_file.journal()
    first, _ = await begin(one)
    results = await asyncio.gather(*(begin(journal, despite=first.id) for journal in (one, two)))
    assert sorted(written for _, written in results) == [False, True]


async def test_of_many_at_once_one_is_written(journal_file: JournalFile) -> None:
    journals = [journal_file.journal() for _ in range(4)]
    results = await asyncio.gather(*(begin(journals[n % 4]) for n in range(24)))
    assert sum(written for _, written in results) == 1


async def test_old_intents_are_forgotten_and_new_ones_listed(journal_file: JournalFile) -> None:
    journal = journal_file.journal()
    await begin(journal, "old")
    journal_file.pass_by(KEPT + 1)
    await begin(journal, "new")
    journal_file.pass_by(1)
    last, _ = await begin(journal, "newer")
    listed = await journal.newest()
    assert [(intent.operation, intent.outcome) for intent in listed] == [("dial", "pending")] * 2
    assert listed[0].id == last.id


async def test_the_file_names_nobody(journal_file: JournalFile) -> None:
    journal = journal_file.journal()
    print_ = fingerprint("company", "POST", "/v1/users/7/calls", {"to": "+33612345678"})
    await begin(journal, print_)
    journal.close()
    content = journal_file.path.read_bytes()
    assert b"33612345678" not in content
    assert journal_file.path.stat().st_mode & 0o777 == 0o600


def test_a_fingerprint_is_of_values_not_of_their_order() -> None:
    assert fingerprint("a", {"x": 1, "y": [1, 2]}) == fingerprint("a", {"y": [1, 2], "x": 1})
    assert fingerprint("a", {"y": [1, 2]}) != fingerprint("a", {"y": [2, 1]})
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint("\ud800") != fingerprint("\ud801")
