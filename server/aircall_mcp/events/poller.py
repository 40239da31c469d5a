"""Events without a webhook: reads the list of calls again and again, and adds to the log.

At most six requests a minute, none of them repeated, in the lane that steps back for people; where
the company's limit is used up, fewer. A look reads on from what was reached, far enough back to see
the calls that go on; every fourth request sweeps through what is older, for long calls and late
voicemails. What was told is written down, so that whoever polls next goes on there.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from ..errors import AircallMCPError, BudgetExhausted, ToolError
from ..gateway.ask import Aircall, Sends
from ..ground.caller import Caller
from ..ground.clock import Clock
from ..ground.operation import PAGE_SIZE, Operation
from ..storage.lock import Alone, Latch
from .coverage import HEARTBEAT
from .event import matches
from .log import EventLog
from .polled import Polling, Waiting, name_of
from .retention import Retention
from .steps import POLLED, arrivals_of, is_over, may_leave_word, moment, rows_of, steps_of

log = logging.getLogger(__name__)

Json = dict[str, Any]

MOST = 5
"""Requests of ours in any 60 seconds; one more may be sent, with a credential that was renewed."""
BEAT = 12.0
"""Seconds between two requests."""
SLOWEST = 120.0
"""Seconds between two, at most, while the company's limit is used up."""
REST = 300.0
"""Seconds before another try where it cannot be done at all, and between two looks for whether
another process has stopped."""
LATE = 120.0
"""Seconds by which a call may come late into the list."""
BACK = 72 * 3600.0
"""Seconds of a pause that are caught up with."""
DAY = 86_400.0
SWEPT = 2 * 3600.0
"""Seconds that every sweep goes back, whatever is waited for."""
SOON = 600.0
"""Seconds after a call in which its voicemail is looked for with every look."""
BOTH = 180.0
"""Seconds for which a webhook and the list both tell, before it alone does."""


class Poller:
    """Of one account. Only the holder of `latch` polls; `install` sets up the log for the mailbox
    of the vault. `step` does what is due, and gives the seconds until the next is."""

    def __init__(
        self,
        account: str,
        gateway: Sends,
        operations: Mapping[str, Operation],
        events: EventLog,
        *,
        install: Callable[[], None] = lambda: None,
        latch: Latch | None = None,
        retention: Retention | None = None,
        clock: Clock | None = None,
    ) -> None:
        caller = Caller(
            interface="polling", account=account, lane="bulk", deadline=10, patience=0, once=True
        )
        self._aircall = Aircall(gateway, operations, caller, fresh=True)
        self._account = account
        self._events = events
        self._install = install
        self._latch = latch or Alone()
        self._retention = retention or Retention()
        self._clock = clock or Clock()
        self._asked: deque[float] = deque(maxlen=MOST)
        self._beat = BEAT
        self._forget()

    def _forget(self) -> None:
        """What another process may have changed meanwhile is read anew."""
        self._state: Polling | None = None
        self._waiting: dict[int, Waiting] = {}
        self._written: list[Waiting] = []
        self._told: dict[int, tuple[float, frozenset[str]]] = {}
        self._look: _Walk | None = None
        self._sweep: _Walk | None = None
        self._turn = 0
        self._heard_since: float | None = None
        self._covered = 0.0

    async def run(self) -> None:
        """Poll until cancelled, whenever nobody else does."""
        while True:
            try:
                if self._latch.take():
                    try:
                        await self._serve()
                    finally:
                        self._latch.release()
                        self._forget()
            except AircallMCPError as error:
                log.info("the calls of %s are not polled: %s", self._account, error.message)
            except Exception as error:
                log.error("polling: %s", type(error).__name__)  # noqa: TRY400 - a traceback would hold what was told
            await self._clock.sleep(REST)

    async def _serve(self) -> None:
        while True:
            await self._clock.sleep(await self.step())

    async def step(self) -> float:
        """One request at most. Raises `StoreError`, `CredentialError`."""
        if self._state is None:
            await self._begin()
        if await self._heard():
            return BEAT
        if (wait := self._until_room()) > 0:
            return wait
        try:
            await self._ask()
        except BudgetExhausted as error:  # nothing was sent, or a 429 came
            self._beat = min(max(2 * self._beat, error.retry_after or 0.0), SLOWEST)
        except ToolError as error:
            log.info("the calls of %s were not read: %s", self._account, error.message)
            self._look = self._sweep = None
            self._beat = min(2 * self._beat, SLOWEST)
        else:
            self._beat = BEAT
        await self._events.aside(self._keep_house)
        return self._beat

    async def _begin(self) -> None:
        await self._events.aside(self._install)
        polled, now = self._events.polled, self._clock.wall()
        known = await self._events.aside(lambda: polled.known(self._account))
        state = known[0] if known else Polling(self._account, now, now, now)
        if now - state.reached > BACK:
            state = replace(state, since=now - BACK, reached=now - BACK)
        await self._keep(replace(state, active=True, alive=now))
        waiting = await self._events.aside(lambda: polled.waiting(self._account))
        self._waiting = {one.call_id: one for one in waiting}

    async def _heard(self) -> bool:
        """Whether a webhook tells of all this. For a while both do: what happened before it stood
        it never tells of."""
        now = self._clock.wall()
        if not await self._events.aside(lambda: self._is_covered(now)):
            self._heard_since = None
            state = self._known()
            if not state.active:
                # Up to when it was covered all was told; what is older than that is remembered no
                # longer by those who know repetitions.
                reached = max(state.reached, self._covered - 2 * LATE, now - BACK)
                await self._keep(replace(state, active=True, alive=now, reached=reached))
            return False
        self._covered = now
        if self._heard_since is None:
            # Whoever begins while one stands has nothing to hand over.
            self._heard_since = now if self._known().active else now - BOTH
        if now - self._heard_since < BOTH:
            return False
        if self._known().active:
            await self._keep(replace(self._known(), active=False))
            self._look = self._sweep = None
        return True

    def _is_covered(self, now: float) -> bool:
        ours = [one for one in self._events.webhooks.active() if one.account == self._account]
        told = all(
            any(not one.kinds or matches(kind, one.kinds) for one in ours) for kind in POLLED
        )
        alive = self._events.coverage().alive
        return told and alive is not None and now - alive < 3 * HEARTBEAT

    def _known(self) -> Polling:
        if self._state is None:
            raise RuntimeError("not begun")
        return self._state

    async def _ask(self) -> None:
        """Read one page: of the look at what is new, or of the sweep."""
        now = self._clock.wall()
        self._turn = (self._turn + 1) % 4
        sweeps = self._turn == 0
        walk = self._sweep if sweeps else self._look
        if walk is None:
            walk = _Walk(self._oldest(now) if sweeps else self._recent(now), now)
        body = await self._page(walk)
        for row in rows_of(body):
            await self._absorb(row, now)
        after = walk.after(body)
        if sweeps:
            self._sweep = after
        else:
            self._look = after
        state = replace(self._known(), alive=now)
        if after is None and not sweeps:
            state = replace(state, reached=walk.began)
        waiting = [one for one in self._waiting.values() if not _is_gone(one, now)]
        self._waiting = {one.call_id: one for one in waiting}
        await self._keep(state, None if waiting == self._written else waiting)
        self._written = waiting

    async def _page(self, walk: _Walk) -> Any:
        try:
            reply = await self._aircall.ask(
                "list_calls",
                **{"from": int(walk.start), "order": "asc", "per_page": PAGE_SIZE},
                page=walk.page, fetch_contact=True,
            )  # fmt: skip
        finally:
            # By the end of it: whenever it was sent, a minute lies between.
            self._asked.append(self._clock.monotonic())
        return reply.body

    def _until_room(self) -> float:
        """Seconds until another request keeps within `MOST` a minute."""
        if len(self._asked) < MOST:
            return 0.0
        return max(self._asked[0] + 60 - self._clock.monotonic(), 0.0)

    async def _absorb(self, call: Json, now: float) -> None:
        """Tell the log of what is new of a call."""
        call_id, started = call["id"], moment(call, "started_at")
        over = is_over(call)
        # What was over when it began to look is no news.
        if over and started <= self._known().since - LATE and call_id not in self._waiting:
            return
        _, told = self._told.get(call_id, (0.0, frozenset[str]()))
        arrivals = arrivals_of(self._account, name_of(self._account), call, told)
        if arrivals:
            await self._events.aside(lambda: self._events.append(arrivals))
        self._told[call_id] = started, frozenset(steps_of(call))
        ended = (moment(call, "ended_at") or now) if over else 0.0
        if not over or may_leave_word(call):
            self._waiting[call_id] = Waiting(call_id, started, ended)
        else:
            self._waiting.pop(call_id, None)

    def _recent(self, now: float) -> float:
        """From where a look begins: before what is not told yet, and before the calls that go on or
        may leave a voicemail soon, as far as two pages reach."""
        begin = min(self._known().reached, now) - LATE
        starts = sorted((started for started, _ in self._told.values()), reverse=True)
        edge = starts[2 * PAGE_SIZE - 1] if len(starts) >= 2 * PAGE_SIZE else 0.0
        wanted = [
            one.started for one in self._waiting.values()
            if one.started >= edge and (not one.ended or now - one.ended < SOON)
        ]  # fmt: skip
        return min([begin, *wanted]) - 2  # a start moves by a second, and `from` is exclusive

    def _oldest(self, now: float) -> float:
        """From where a sweep begins."""
        for call_id in [one for one, (at, _) in self._told.items() if now - at > 2 * DAY]:
            del self._told[call_id]
        return min([now - SWEPT, *(one.started for one in self._waiting.values())]) - 2

    async def _keep(self, state: Polling, waiting: list[Waiting] | None = None) -> None:
        await self._events.aside(lambda: self._events.polled.keep(state, waiting))
        self._state = state

    def _keep_house(self) -> None:
        while self._events.prune(self._retention):
            pass


def _is_gone(one: Waiting, now: float) -> bool:
    return now - (one.ended or one.started) > DAY


class _Walk:
    """A way through the list, oldest first: page by page, and by the start of the last call, so
    that it goes on behind the cap of a list and where calls were moved."""

    def __init__(self, start: float, began: float, page: int = 1) -> None:
        self.start = start
        self.began = began
        self.page = page

    def after(self, body: Any) -> _Walk | None:
        """How it goes on behind this page, None at the end."""
        calls: Any = cast("Json", body).get("calls") if isinstance(body, dict) else None
        rows = rows_of(body)
        if not isinstance(calls, list) or len(cast("list[Any]", calls)) < PAGE_SIZE or not rows:
            return None
        last = moment(rows[-1], "started_at") - 1
        if last > self.start:
            return _Walk(last, self.began)
        return _Walk(self.start, self.began, self.page + 1)
