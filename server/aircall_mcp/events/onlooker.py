"""Events for somebody who waits, if nothing is stored: made from changes in the list of calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from ..errors import NotAllowed
from ..gateway.ask import Aircall, Sends
from ..ground.caller import Caller
from ..ground.clock import Clock
from ..ground.operation import PAGE_SIZE, Operation
from .answers import REGISTER
from .event import Event, matches
from .numbers import numbers_in, sought, subject
from .steps import POLLED, rows_of, steps_of

Json = dict[str, Any]

EVERY = 10.0
"""Seconds between two looks: a company's requests are few, and others need them, too."""


class Onlooker:
    """Looks at Aircall's list of the calls of the last four hours, `every` so many seconds."""

    def __init__(
        self,
        gateway: Sends,
        operations: Mapping[str, Operation],
        *,
        clock: Clock | None = None,
        every: float = EVERY,
    ) -> None:
        self._aircall = Aircall(gateway, operations, fresh=True)
        self._clock = clock or Clock()
        self._every = every

    async def events(
        self, kinds: Sequence[str], match: Json, caller: Caller
    ) -> AsyncGenerator[tuple[int, Event | None]]:
        """Each event that matches, once something has happened to a call; None after each look.

        Raises `NotAllowed` where none of `kinds` can be seen there."""
        wanted = [kind for kind in POLLED if not kinds or matches(kind, kinds)]
        if not wanted:
            raise NotAllowed(f"{', '.join(kinds)}: only a webhook reports that.", hint=REGISTER)
        known = {call["id"]: frozenset(steps_of(call)) for call in await self._calls(caller)}
        yield 0, None
        while True:
            await self._clock.sleep(self._every)
            for call in await self._calls(caller):
                before = known.get(call["id"], frozenset())
                known[call["id"]] = frozenset(steps_of(call))
                for kind in POLLED:
                    if kind in wanted and kind in known[call["id"]] - before:
                        now = self._clock.wall()
                        event = Event(0, "", kind, now, now, call["id"], call)
                        if _fits(event, match):
                            yield 0, event
            yield 0, None

    async def _calls(self, caller: Caller) -> list[Json]:
        since = int(self._clock.wall()) - 4 * 3600
        asking = self._aircall.by(caller)
        newest = {"from": since, "order": "desc", "per_page": PAGE_SIZE, "fetch_contact": True}
        reply = await asking.ask("list_calls", **newest)
        return rows_of(reply.body)


def _fits(event: Event, match: Json) -> bool:
    """Whether the event is about all that `match` names."""
    about = subject(event.kind, event.kind.partition(".")[0], event.data)
    for name, wanted in match.items():
        if name == "number":
            if sought(wanted) not in numbers_in(event.data):
                return False
        elif about.get(name) != wanted:
            return False
    return True
