"""Looks: the read that shows what became of an effect, sent past the breaker and with a short
deadline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import AircallMCPError
from ..ground.clock import Clock
from ..ground.operation import Operation
from ..ground.reply import Reply
from ..ground.weight import Aside
from .journal import SETTLED_AFTER, Intent, Journal
from .limits import server_time
from .readback import found, look, over
from .refusals import missing
from .request import Answered, Request, Trying

LOOK = 4.0
"""Seconds for a read that settles an outcome."""


class Looks:
    """`operations` are those by whose reads an outcome can be told, by id."""

    def __init__(
        self,
        then: Trying,
        route: Callable[[Request], Awaitable[Request]],
        operations: Mapping[str, Operation],
        aside: Aside,
        clock: Clock,
    ) -> None:
        self._then = then
        self._route = route
        self._operations = operations
        self._aside = aside
        self._clock = clock

    async def look(self, request: Request, age: float) -> Mapping[str, Any] | bool | None:
        """What a read shows of an effect that was sent `age` seconds ago: the thing itself, False
        if it does not show it, None if there is no telling."""
        rule = request.operation.read_back
        by = self._operations.get(rule.operation) if rule else None
        bound = look(request.bound, by) if by else None
        if rule is None or by is None or bound is None:
            return None
        caller = replace(request.caller, lane="waiting", deadline=LOOK, patience=LOOK / 2)
        looking = Request(bound, caller, waived=request.waived, look=True)
        try:
            answered = await self._then.send(await self._route(looking))
        except AircallMCPError:
            return None
        if not isinstance(answered, Answered):
            return None
        if rule.gone and missing(answered):
            return {}
        if not answered.well:
            return None
        if rule.gone:
            return False
        since = server_time(answered.headers, self._clock.wall()) - age
        shown = await self._aside(
            lambda: found(request.bound, by, answered.body, since), weight=answered.weight
        )
        return False if shown is None else shown

    async def past(self, request: Request, earlier: Intent, journal: Journal | None) -> bool:
        """Whether the earlier of two equal intents stands in the way no longer, which a read tells:
        it is over by now, or never took place. What else the read tells is written down."""
        if earlier.outcome not in ("unknown", "done") or journal is None:
            return False
        shown = await self.look(request, earlier.age)
        if shown is None:
            return False
        if isinstance(shown, Mapping):
            if earlier.outcome == "unknown":
                await journal.mark(earlier, "done")
            return over(request.bound, shown)
        # Its own asker may have been more patient than this one.
        waited = earlier.age - earlier.patience
        return earlier.outcome == "unknown" and waited > SETTLED_AFTER


def lost_reply(operation: Operation, shown: Mapping[str, Any], *, sandbox: bool) -> Reply:
    """The reply that got lost, as far as the read that shows it tells."""
    key, rule = operation.answer.key, operation.read_back
    body: Any = {key: shown} if key else dict(shown)
    if operation.answer.status == 204:
        body = None
    known = isinstance(shown.get("id"), int) and 0 <= shown["id"] < 2**53
    identity = f" (id {shown['id']})" if known else ""
    by = f"aircall_{rule.operation}" if rule else "a read"
    note = f"The answer got lost, but it was done: {by} shows it{identity}."
    return Reply(operation.answer.status, body, sandbox, notes=(note,))
