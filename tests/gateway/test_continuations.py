"""What waits of a list, and for whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aircall_mcp.gateway.continuations import LASTING, Continuations
from aircall_mcp.ground.caller import Caller

from ..harness import Clock
from ..upstream import bound
from .lists import Reader, Tags, items_of, page_of

pytestmark = pytest.mark.anyio


async def going_on(reader: Reader) -> Any:
    """The arguments that go on behind the 20th of 50 items that were read."""
    return page_of(await reader.read(bound("list_tags"), room=20)).next


async def test_what_waits_is_gone_after_a_while_and_is_read_again_at_the_right_place() -> None:
    tags = Tags(120)
    reader = Reader(tags)
    following = await going_on(reader)
    reader.clock.pass_by(LASTING - 1)
    soon = await reader.read(bound("list_tags", **following), room=20)
    assert items_of([soon]) == list(range(21, 41))
    assert soon.notes[0] == f"Read {LASTING - 1:.0f} s ago; fresh:true reads anew."
    assert soon.notes[1:] == ("No more has room in one answer; page.next goes on from here.",)
    assert tags.asked == [(1, 50)]
    reader.clock.pass_by(LASTING)
    late = await reader.read(bound("list_tags", **page_of(soon).next), room=20)
    assert items_of([late]) == list(range(41, 51))
    assert (tags.asked, late.notes) == ([(1, 50), (1, 50)], ())


@pytest.mark.parametrize("other", ["company", "account", "caller", "filter", "fresh", "write"])
async def test_what_waits_is_given_to_nobody_else(other: str) -> None:
    tags = Tags(120)
    reader = Reader(tags)
    following = await going_on(reader)
    asking, caller = bound("list_tags", **following), Caller()
    if other == "company":
        reader.company = "another"
    elif other == "account":
        asking = replace(asking, account="rome")
    elif other == "caller":
        caller = Caller(account="rome")
    elif other == "filter":
        asking = bound("list_tags", **following, order="asc")
    elif other == "fresh":
        asking = bound("list_tags", **following, fresh=True)
    else:
        reader.kept.forget("larkspur")
    got = await reader.read(asking, caller=caller)
    assert items_of([got]) == list(range(21, 71))[: len(got.body["tags"])]
    assert tags.asked[1] == (1, 50)
    assert "fresh" not in page_of(got).next


async def test_what_another_company_writes_forgets_nothing_here() -> None:
    tags = Tags(120)
    reader = Reader(tags)
    following = await going_on(reader)
    reader.kept.forget("another")
    await reader.read(bound("list_tags", **following), room=20)
    assert tags.asked == [(1, 50)]


async def test_what_waits_is_bounded_in_bytes() -> None:
    """Of the same read the beginning goes."""
    tags = Tags(150)
    tags.weight = 40_000
    clock = Clock(0.0)
    kept = Continuations(clock.handed(), most=100_000)
    reader = Reader(tags, kept=kept)
    whole = page_of(await reader.read(bound("list_tags", max_items=150)))
    assert whole.next is None
    page = page_of(await reader.read(bound("list_tags", max_items=149)))
    assert len(tags.asked) == 6
    late = await reader.read(bound("list_tags", **page.cut_to(120).next))
    assert items_of([late]) == list(range(121, 151))
    assert len(tags.asked) == 6
    early = await reader.read(bound("list_tags", **{**page.cut_to(10).next, "max_items": 1}))
    assert items_of([early]) == [11]
    assert len(tags.asked) == 7


async def test_of_several_that_wait_the_oldest_goes() -> None:
    tags = Tags(60)
    tags.weight = 40_000
    reader = Reader(tags, kept=Continuations(Clock(0.0).handed(), most=100_000))
    names = ("list_tags", "list_teams", "list_numbers")
    following = {name: page_of(await reader.read(bound(name, max_items=10))).next for name in names}
    tags.asked.clear()
    for name in ("list_numbers", "list_teams"):
        await reader.read(bound(name, **following[name]))
    assert tags.asked == []
    await reader.read(bound("list_tags", **following["list_tags"]))
    assert tags.asked == [(1, 50)]


async def test_what_waits_remembers_that_a_sandbox_gave_it() -> None:
    tags = Tags(60)
    tags.sandbox = True
    reader = Reader(tags)
    following = await going_on(reader)
    got = await reader.read(bound("list_tags", **following), room=20)
    assert (got.sandbox, tags.asked) == (True, [(1, 50)])
