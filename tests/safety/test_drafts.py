from __future__ import annotations

import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.safety.drafts import Draft, Drafts

from ..harness import Clock


@pytest.fixture
def drafts(clock: Clock) -> Drafts:
    return Drafts(clock.handed())


def test_a_draft_is_found_by_its_principal_for_a_day(
    drafts: Drafts, clock: Clock, registry: Registry
) -> None:
    steps = [registry.ids["delete_tag"].bind({"tag_id": 1})]
    draft = drafts.keep(steps, "ann", "acme")
    assert (draft.steps, draft.account) == (tuple(steps), "acme")
    assert drafts.find(draft.id, "bert") is None
    assert drafts.find("0123456789", "ann") is None
    clock.pass_by(86_399)
    assert drafts.find(draft.id, "ann") == draft
    clock.pass_by(1)
    assert drafts.find(draft.id, "ann") is None


def test_the_oldest_goes_first_ones_own_and_after_that_anybodys(drafts: Drafts) -> None:
    def keep(principal: str) -> Draft:
        return drafts.keep([], principal, None)

    def stand(some: list[Draft]) -> list[bool]:
        return [drafts.find(one.id, one.principal) is not None for one in some]

    first = keep("bert")
    mine = [keep("ann") for _ in range(20)]
    assert stand([first, *mine]) == [True] * 21
    mine.append(keep("ann"))
    assert stand([first, *mine]) == [True, False, *[True] * 20]
    others = [keep(f"other {number}") for number in range(179)]
    assert stand([first, *others]) == [True] * 180
    keep("one more")
    assert stand([first, *mine[1:], *others]) == [False, *[True] * 199]
