"""An Aircall that has one list and counts what it is asked for, and somebody who reads the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aircall_mcp.gateway.continuations import Continuations
from aircall_mcp.gateway.pages import Pages
from aircall_mcp.gateway.request import Request
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock as Handed
from aircall_mcp.ground.operation import Bound
from aircall_mcp.ground.reply import Reply, Room
from aircall_mcp.ground.weight import Aside

from ..harness import THURSDAY, Clock
from ..upstream import bound

LINK = "https://api.aircall.io/v1/tags?page=2"


class Tags:
    """A list that is paged through by numbers, and what was asked for: pages and their sizes.

    `rows` may change between two requests, of which `before` is told the number.
    """

    def __init__(self, count: int = 0, size: Callable[[int], int] = lambda _: 1) -> None:
        self.rows = [{"id": n, "size": size(n)} for n in range(1, count + 1)]
        self.asked: list[tuple[int, int]] = []
        self.before: Callable[[int], None] = lambda _number: None
        self.sandbox = False
        self.weight = 1_000

    async def send(self, request: Request) -> Reply:
        query = dict(request.bound.query)
        page, size = int(query["page"]), int(query["per_page"])
        self.before(len(self.asked) + 1)
        self.asked.append((page, size))
        rows = self.chosen(query)
        items = rows[(page - 1) * size : page * size]
        key = request.operation.answer.key
        meta = self.meta(page, size, items, len(rows))
        return Reply(200, {key: items, "meta": meta}, self.sandbox, weight=self.weight)

    def chosen(self, _query: dict[str, str]) -> list[dict[str, Any]]:
        return self.rows

    def meta(self, page: int, size: int, items: list[Any], total: int) -> dict[str, Any]:
        link = LINK if page * size < total else None
        return {"total": total, "per_page": size, "count": len(items), "next_page_link": link}


class Reader:
    """The link, and a model that follows `next`."""

    def __init__(self, then: Any, *, kept: Continuations | None = None) -> None:
        self.clock = Clock(0.0)
        self.company = "larkspur"
        self.then = then
        self.kept = kept or Continuations(self.clock.handed())

        async def company(_account: str | None) -> tuple[str, int]:
            return self.company, 60

        self.pages = Pages(
            then, self.kept, company, Aside(), clock=Handed(self.clock, lambda: THURSDAY),
            sandbox=False,
        )  # fmt: skip

    async def read(
        self, asked: Bound, *, room: int | None = None, caller: Caller | None = None
    ) -> Reply:
        has = None if room is None else Room(room, lambda item: item["size"])
        return await self.pages.send(Request(asked, caller or Caller(), several=True, room=has))

    async def all(
        self, name: str, room: int | None, check: Callable[[Reply], None], **arguments: Any
    ) -> list[Reply]:
        """The answers of all calls that follow one another."""
        replies: list[Reply] = []
        following: Any = arguments
        while following is not None:
            replies.append(await self.read(bound(name, **following), room=room))
            check(replies[-1])
            page = replies[-1].page
            assert page is not None
            following = page.next
            assert len(replies) < 2_000
        return replies


def items_of(replies: list[Reply], key: str = "tags") -> list[int]:
    return [item["id"] for reply in replies for item in reply.body[key]]


def page_of(reply: Reply) -> Any:
    assert reply.page is not None
    return reply.page
