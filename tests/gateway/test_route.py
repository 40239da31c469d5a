"""Where a request goes, alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.gateway.ledger import Share
from aircall_mcp.gateway.route import LONGEST_QUERY, Route, Router
from aircall_mcp.ground.caller import Caller

from .links import Replies, request

pytestmark = pytest.mark.anyio


async def company(account: str | None) -> tuple[str, int]:
    return f"hash of {account}", 7


async def test_url_account_and_share_are_filled_in() -> None:
    then = Replies()
    asking = request("list_tags", Caller(account="lyon", lane="bulk"), page=2)
    await Route(then, Router("https://a.test", company)).send(asking)
    came = then.came[0]
    assert came.url == "https://a.test/v1/tags?page=2&per_page=50&order=desc"
    assert (came.account, came.share) == ("lyon", Share("hash of lyon", 7, "bulk"))
    named = replace(asking, bound=replace(asking.bound, account="paris"))
    await Route(then, Router("https://a.test", company)).send(named)
    assert then.came[1].account == "paris"


async def test_a_query_that_no_url_can_hold_is_refused_before_anybody_is_asked() -> None:
    then, asking = Replies(), request()
    long = replace(asking, bound=replace(asking.bound, query=(("q", "x" * LONGEST_QUERY),)))
    with pytest.raises(ArgumentError):
        await Route(then, Router("https://a.test", company)).send(long)
    assert not then.came
