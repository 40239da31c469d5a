"""Asking Aircall for our own code."""

from __future__ import annotations

import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.gateway.ask import Aircall
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Bound
from aircall_mcp.ground.reply import Reply

from ..upstream import REGISTRY

pytestmark = pytest.mark.anyio


class Recording:
    def __init__(self) -> None:
        self.sent: list[tuple[Bound, Caller]] = []

    async def send(self, bound: Bound, caller: Caller) -> Reply:
        self.sent.append((bound, caller))
        return Reply(200, {"tag": {"id": 7}})


async def test_it_binds_sends_and_gives_the_reply() -> None:
    gateway = Recording()
    aircall = Aircall(gateway, REGISTRY.ids, Caller(interface="webhooks"))
    reply = await aircall.ask("get_tag", tag_id=7)
    assert reply.body == {"tag": {"id": 7}}
    bound, caller = gateway.sent[0]
    assert (bound.operation.id, bound.path, bound.fresh) == ("get_tag", "/v1/tags/7", False)
    assert caller.interface == "webhooks"
    lyon = Caller(account="lyon")
    await aircall.by(lyon, fresh=True).ask("get_tag", tag_id=7)
    bound, caller = gateway.sent[1]
    assert (bound.fresh, caller) == (True, lyon)
    with pytest.raises(ArgumentError):
        await aircall.ask("get_tag", tag_id="seven")
    assert len(gateway.sent) == 2
