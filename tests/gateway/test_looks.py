"""The read-back, over a next link that says what is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from aircall_mcp.errors import BudgetExhausted
from aircall_mcp.gateway.looks import LOOK, Looks, lost_reply
from aircall_mcp.gateway.request import Attempt
from aircall_mcp.gateway.route import Router
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock
from aircall_mcp.ground.weight import Aside

from ..upstream import REGISTRY
from .links import Tries, answered, lost, request

pytestmark = pytest.mark.anyio

TAG = request("create_tag", Caller(account="lyon", lane="bulk"), name="Upsell", color="#123456")
GONE = request("delete_tag", tag_id=7)
THERE = {"id": 7, "name": "Upsell", "color": "#123456"}


def looks(then: Tries) -> Looks:
    return Looks(then, Router("https://a.test"), REGISTRY.ids, Aside(), Clock())


@pytest.mark.parametrize(
    ("effect", "attempt", "shown"),
    [
        (TAG, answered(200, {"tags": [THERE]}), THERE),
        (TAG, answered(200, {"tags": []}), False),
        (TAG, answered(500), None),
        (TAG, lost(), None),
        (TAG, BudgetExhausted("Full.", retry_after=1), None),
        (GONE, answered(404, {"error": "Not Found"}), {}),
        (GONE, answered(404, {"message": "Not Found"}), None),
        (GONE, answered(200, {"tag": THERE}), False),
    ],
)
async def test_what_a_look_shows(
    effect: Any, attempt: Attempt | Exception, shown: Mapping[str, Any] | bool | None
) -> None:
    then = Tries(attempt)
    assert await looks(then).look(effect, 1.0) == shown
    looked = then.came[0]
    assert looked.look
    assert looked.operation.effect == "read"
    assert (looked.caller.lane, looked.caller.deadline) == ("waiting", LOOK)
    assert looked.caller.account == effect.caller.account


def test_the_reply_that_got_lost_says_that_it_did() -> None:
    reply = lost_reply(TAG.operation, THERE, sandbox=False)
    assert reply.status == TAG.operation.answer.status
    assert reply.body == {"tag": THERE}
    assert "(id 7)" in reply.notes[0]
    gone = lost_reply(GONE.operation, {}, sandbox=False)
    assert (gone.status, gone.body) == (204, None)
