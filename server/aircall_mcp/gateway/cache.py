"""Reads that need not be sent: an equal one is under way, or was answered a moment ago.

Answers are kept in memory alone, by account, for as many seconds as their operation says. What we
write forgets them. An answer is shared by everybody who gets it, so nobody may change it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeAlias, TypeVar

from ..ground.caller import Whose
from ..ground.clock import Clock
from ..ground.operation import Operation
from ..ground.reply import Reply
from .request import Link, Request

T = TypeVar("T")
_Place: TypeAlias = tuple[Whose, str]
"""Whose answer, and to what."""

MOST = 200
"""Answers kept at the same time, over all accounts."""


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    answer: T
    since: float
    until: float


class Cache(Generic[T]):
    """See the module docstring."""

    def __init__(self, *, clock: Clock | None = None, most: int = MOST) -> None:
        self._clock = clock or Clock()
        self._most = most
        self._kept: dict[_Place, _Kept[T]] = {}
        self._flying: dict[_Place, asyncio.Future[T]] = {}

    async def get(
        self,
        whose: Whose,
        key: str,
        ask: Callable[[], Awaitable[T]],
        *,
        keep: float = 0.0,
        worth: Callable[[T], bool] = lambda _: True,
        fresh: bool = False,
    ) -> tuple[T, float]:
        """The answer to `key` and its age in seconds.

        `keep` is for how many seconds it may be given again, if it is `worth` it; `fresh` takes
        none that was kept. Who is cancelled does not take the others along: one of them asks anew.
        """
        place = (whose, key)
        while True:
            kept = None if fresh else self._kept.get(place)
            if kept is not None and self._clock.monotonic() < kept.until:
                return kept.answer, self._clock.monotonic() - kept.since
            flying = self._flying.get(place)
            if flying is None:
                return await self._ask(place, ask, keep, worth), 0.0
            await asyncio.wait({flying})
            if not flying.cancelled():
                return flying.result(), 0.0

    def forget(self, company: str) -> None:
        """Something was written: what was read before of the company, or is being read, by whatever
        account, is not the truth now."""
        for place in [place for place in self._kept if place[0].company == company]:
            del self._kept[place]
        for place in [place for place in self._flying if place[0].company == company]:
            del self._flying[place]

    async def _ask(
        self,
        place: _Place,
        ask: Callable[[], Awaitable[T]],
        keep: float,
        worth: Callable[[T], bool],
    ) -> T:
        flying: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._flying[place] = flying
        try:
            answer = await ask()
        except asyncio.CancelledError:
            flying.cancel()
            raise
        except BaseException as error:
            flying.set_exception(error)
            flying.exception()  # it may be that nobody else waits to hear of it
            raise
        else:
            flying.set_result(answer)
            if keep and self._flying.get(place) is flying and worth(answer):
                self._keep(place, answer, keep)
            return answer
        finally:
            if self._flying.get(place) is flying:
                del self._flying[place]

    def _keep(self, place: _Place, answer: T, keep: float) -> None:
        now = self._clock.monotonic()
        self._kept.pop(place, None)
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[place] = _Kept(answer, now, now + keep)


class Cached:
    """The link: equal reads of one company and account are joined and cached; effects pass."""

    def __init__(self, then: Link, cache: Cache[Reply]) -> None:
        self._then = then
        self._cache = cache

    async def send(self, request: Request) -> Reply:
        operation, share = request.operation, request.share
        if operation.repeatable != "safe":
            return await self._then.send(request)
        reply, age = await self._cache.get(
            # An account must not join another's of the same company, whose key may be refused; nor
            # a waiting person a bulk read, which has more patience than they.
            Whose(share.company, request.account or ""),
            f"{share.lane} {request.url}",
            lambda: self._then.send(request),
            keep=operation.keeps,
            worth=lambda reply: _is_answer(operation, reply),
            fresh=request.bound.fresh,
        )
        return replace(reply, age=age) if age else reply


def _is_answer(operation: Operation, reply: Reply) -> bool:
    """Whether `reply` is complete; an incomplete one may be complete the next time."""
    key, body = operation.answer.key, reply.body
    return not key or (isinstance(body, dict) and key in body)
