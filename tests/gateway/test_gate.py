"""The gate, alone: judges in order, and the first that does not allow has the last word."""

from __future__ import annotations

import pytest

from aircall_mcp.errors import NeedsConfirmation, NotAllowed
from aircall_mcp.gateway.gate import Allow, Ask, Deny, Gate, Verdict, by_guard
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Bound

from .links import Replies, request

pytestmark = pytest.mark.anyio

DIAL = request("start_outbound_call", user_id=1, number_id=2, to="+33199001234")


class Judge:
    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        self.asked = 0

    async def __call__(self, _bound: Bound, _caller: Caller) -> Verdict:
        self.asked += 1
        return self._verdict


async def test_all_are_asked_and_what_they_waive_goes_along() -> None:
    then, judges = Replies(), [Judge(Allow()), Judge(Allow(waived=("reach",)))]
    await Gate(then, judges).send(DIAL)
    assert [judge.asked for judge in judges] == [1, 1]
    assert then.came[0].waived == ("reach",)


@pytest.mark.parametrize(
    ("verdict", "error"),
    [
        (Deny(NotAllowed("No.", hint="h")), NotAllowed),
        (Ask("Dial +33199001234?", "A person answers."), NeedsConfirmation),
    ],
)
async def test_the_first_that_does_not_allow_has_the_last_word(
    verdict: Verdict, error: type[NotAllowed | NeedsConfirmation]
) -> None:
    then, first, last = Replies(), Judge(verdict), Judge(Allow())
    with pytest.raises(error) as stopped:
        await Gate(then, [first, last]).send(DIAL)
    assert stopped.value.hint
    assert (last.asked, then.came) == (0, [])


async def test_the_guard_is_asked_of_effects_alone() -> None:
    async def guard(_bound: Bound, _caller: Caller) -> None:
        raise NotAllowed("Ours.")

    judge = by_guard(guard)
    assert await judge(request().bound, Caller()) == Allow()
    with pytest.raises(NotAllowed):
        await judge(DIAL.bound, Caller())
