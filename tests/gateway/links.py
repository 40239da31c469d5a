"""A next link that is not one: it says what a test tells it to, and remembers what came."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aircall_mcp.gateway.request import Answered, Attempt, Lost, NotSent, Request
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.reply import Reply

from ..upstream import bound


def request(name: str = "ping", caller: Caller | None = None, /, **arguments: Any) -> Request:
    return Request(bound(name, **arguments), caller or Caller(), url=f"https://a.test/{name}")


def answered(status: int = 200, body: Any = None, **more: Any) -> Answered:
    return Answered(status, more.pop("headers", {}), body, until=time.monotonic() + 25, **more)


def lost(*, passing: bool = True, until: float = 1e9) -> Lost:
    return Lost("It broke.", passing=passing, until=until)


def not_sent(*, passing: bool = True, until: float = 1e9) -> NotSent:
    return NotSent("It broke.", passing=passing, until=until)


class Tries:
    """Gives one attempt after another; before each that left, it calls upwards as the wire does.

    An exception is raised, before a byte left.
    """

    def __init__(self, *attempts: Attempt | BaseException) -> None:
        self._attempts = list(attempts)
        self.came: list[Request] = []

    async def send(self, request: Request) -> Attempt:
        self.came.append(request)
        attempt = self._attempts.pop(0)
        if isinstance(attempt, BaseException):
            raise attempt
        if not isinstance(attempt, NotSent):
            await request.before_first_byte()
        return attempt


class Replies:
    """Gives what `reply` makes of a request."""

    def __init__(self, reply: Callable[[Request], Awaitable[Reply]] | None = None) -> None:
        self._reply = reply
        self.came: list[Request] = []

    async def send(self, request: Request) -> Reply:
        self.came.append(request)
        return Reply(200, {}) if self._reply is None else await self._reply(request)
