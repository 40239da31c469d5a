"""The journal's link and an effect's entry, alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from aircall_mcp.errors import Duplicate, StoreError
from aircall_mcp.gateway.intents import Entry, Intents
from aircall_mcp.gateway.journal import MIGRATIONS, Intent, Journal
from aircall_mcp.gateway.request import Request
from aircall_mcp.ground.weight import Aside
from aircall_mcp.storage.state import InMemory

from .links import Tries, answered, lost, not_sent, request

pytestmark = pytest.mark.anyio

DIAL = request("start_outbound_call", user_id=1, number_id=2, to="+33199001234")


def entered(journal: Journal, *, past: bool = False) -> tuple[Request, Entry]:
    async def over(_earlier: Intent) -> bool:
        return past

    entry = Entry(journal, DIAL, over, Aside())
    return replace(DIAL, entry=entry, before_first_byte=entry.leaving), entry


def journal_of() -> Journal:
    return Journal(lambda: InMemory(MIGRATIONS))


async def outcomes(journal: Journal) -> list[str]:
    return [intent.outcome for intent in await journal.newest()]


async def test_it_is_written_before_it_is_sent_and_marked_before_the_first_byte() -> None:
    journal = journal_of()
    seen: list[list[str]] = []

    class Watching:
        async def send(self, request: Request) -> object:
            seen.append(await outcomes(journal))
            await request.before_first_byte()
            seen.append(await outcomes(journal))
            return answered(204)

    asking, entry = entered(journal)
    await Intents(Watching()).send(asking)  # type: ignore[arg-type]
    assert seen == [["pending"], ["sent"]]
    assert entry.begun
    assert entry.doubt
    await entry.close("done", 204)
    assert await outcomes(journal) == ["done"]
    journal.close()


async def test_over_all_attempts_there_is_one_intent_and_one_mark() -> None:
    journal = journal_of()
    asking, entry = entered(journal)
    link = Intents(Tries(not_sent(), answered(429), answered(204)))
    for doubt in (False, False, True):
        await link.send(asking)
        assert entry.doubt is doubt
    assert (entry.begun, entry.refused) == (True, 429)
    assert await outcomes(journal) == ["sent"]
    journal.close()


@pytest.mark.parametrize("status", [204, 400, 404, 408, 409, 422, 500, 502, 503, 504])
async def test_what_may_have_been_done_stays_in_doubt(status: int) -> None:
    journal = journal_of()
    asking, entry = entered(journal)
    await Intents(Tries(answered(status))).send(asking)
    assert (entry.doubt, entry.refused) == (True, 0)
    journal.close()


@pytest.mark.parametrize("status", [401, 403, 429])
async def test_what_was_turned_away_was_not_done(status: int) -> None:
    journal = journal_of()
    asking, entry = entered(journal)
    await Intents(Tries(answered(status))).send(asking)
    assert (entry.doubt, entry.refused) == (False, status)
    journal.close()


async def test_an_answer_that_nothing_was_done_says_so_of_its_own_attempt_alone() -> None:
    journal = journal_of()
    asking, entry = entered(journal)
    link = Intents(Tries(lost(), answered(429), not_sent()))
    for _ in range(3):
        await link.send(asking)
        assert entry.doubt
    journal.close()


async def test_the_same_is_refused_unless_a_look_says_that_it_is_past() -> None:
    journal = journal_of()
    asking, entry = entered(journal)
    await Intents(Tries(answered(204))).send(asking)
    then = Tries(answered(204))
    with pytest.raises(Duplicate):
        await Intents(then).send(entered(journal)[0])
    await entry.close("done", 204)
    with pytest.raises(Duplicate):
        await Intents(then).send(entered(journal)[0])
    assert not then.came
    await Intents(then).send(entered(journal, past=True)[0])
    assert len(then.came) == 1
    assert sorted(await outcomes(journal)) == ["over", "sent"]
    journal.close()


async def test_what_nobody_waits_for_is_sent_only_to_end_a_doubt() -> None:
    journal = journal_of()
    asking, entry = entered(journal)
    then = Tries(answered(429), lost(), answered(204))
    await Intents(then).send(asking)
    entry.abandon()
    with pytest.raises(asyncio.CancelledError):
        await Intents(then).send(asking)
    assert len(then.came) == 1
    entry.doubt = True
    await Intents(then).send(asking)
    assert len(then.came) == 2
    journal.close()


async def test_what_cannot_be_written_down_is_not_sent() -> None:
    class Full:
        async def write(self, _work: object) -> object:
            raise StoreError("No room.")

        def close(self) -> None:
            """Nothing is open."""

    then = Tries(answered(204))
    with pytest.raises(StoreError):
        await Intents(then).send(entered(Journal(lambda: Full()))[0])  # type: ignore[arg-type]
    assert not then.came


async def test_a_read_passes() -> None:
    then, asking = Tries(answered()), request()
    await Intents(then).send(asking)
    assert then.came == [asking]
