"""Which connections are accepted while others wait, and for how long an idle one may stay.

Nobody who connects has shown yet who he is. So a request has so long to arrive, connections and
what came of unfinished requests are bounded in all, and at the bound the oldest of those that keep
us waiting makes room for whoever comes. What is being answered never does.

An address counts for itself only where it says who comes. A loopback or private one is a tunnel or
a proxy, which brings everybody, and what a proxy says of those behind it is not asked: whoever
writes such a header is somebody else each time.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Literal

from .addresses import is_public
from .clock import Clock

log = logging.getLogger(__name__)

SWEEP_SECONDS = 0.25
"""Between two looks for those whose time is over."""
TELL_SECONDS = 60.0
"""Between two lines in the log of how many were turned away."""

Waits = Literal["head", "body", "reader"]
"""What keeps us waiting: the head of a request, the rest of its body, somebody who reads an answer
(or lets go of the connection)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long, in seconds, and how much. `unfinished` is bytes of requests in all."""

    head: float = 10.0
    body: float = 15.0
    reader: float = 15.0
    connections: int = 400
    from_one: int = 100
    unfinished: int = 16 * 1024 * 1024

    @staticmethod
    def here() -> Bounds:
        """As many connections as this process may open: other files have their share, too."""
        if sys.platform == "win32":
            return Bounds()
        import resource

        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if allowed == resource.RLIM_INFINITY:
            return Bounds()
        most = min(Bounds().connections, max(16, allowed // 3))
        return Bounds(connections=most, from_one=max(4, most // 4))


@dataclass(slots=True, eq=False)
class Visit:
    """One connection. `end` answers with the status, if it bears an answer, and cuts it off."""

    end: Callable[[int], None]
    address: str = ""
    """Empty where it does not say who comes."""
    stage: Hashable = None
    waits: Waits | None = None
    since: float = 0.0
    held: int = 0


@dataclass(slots=True)
class Admission:
    """All that are connected to one port."""

    bounds: Bounds = field(default_factory=Bounds.here)
    clock: Clock = field(default_factory=Clock)
    _visits: set[Visit] = field(default_factory=set[Visit])
    _waiting: dict[Visit, None] = field(default_factory=dict[Visit, None])
    """Those that keep us waiting, the oldest first."""
    _held: int = 0
    _from: Counter[str] = field(default_factory=Counter[str])
    _turned: Counter[int] = field(default_factory=Counter[int])
    _told: float = float("-inf")

    @property
    def connected(self) -> int:
        return len(self._visits)

    @property
    def held(self) -> int:
        """Bytes of requests that are not whole yet."""
        return self._held

    @property
    def crowded(self) -> bool:
        """Half of the room is taken: nobody stays for another request. Else who asks for little
        again and again would always be the youngest, and an honest one the oldest."""
        return 2 * len(self._visits) >= self.bounds.connections

    def enter(self, visit: Visit, address: str) -> None:
        """Somebody has connected, and is let in or ended at once."""
        visit.address = address if is_public(address) else ""
        self._visits.add(visit)
        if visit.address:
            self._from[visit.address] += 1
            if self._from[visit.address] > self.bounds.from_one:
                oldest = next((one for one in self._waiting if one.address == visit.address), visit)
                self._turn_away(oldest, 503)
        if len(self._visits) > self.bounds.connections:
            self._turn_away(next(iter(self._waiting), visit), 503)
        if visit in self._visits:
            self.waits(visit, "head", stage=visit.stage)

    def waits(self, visit: Visit, what: Waits | None, *, stage: Hashable, held: int = 0) -> None:
        """What this connection waits for now, None where it waits for us, and the bytes of its
        request that we hold. Its time begins anew with another `stage`."""
        if visit not in self._visits:
            return
        if (what, stage) != (visit.waits, visit.stage) or what is None:
            self._waiting.pop(visit, None)
            visit.waits, visit.stage, visit.since = what, stage, self.clock.monotonic()
            if what is not None:
                self._waiting[visit] = None
        self._held += held - visit.held
        visit.held = held
        while self._held > self.bounds.unfinished:
            # Whoever has sent nothing makes no room here.
            oldest = next((one for one in self._waiting if one.held), visit)
            if oldest not in self._visits:
                break  # the rest is with those who are being answered
            self._turn_away(oldest, 503)

    def leave(self, visit: Visit) -> None:
        if visit not in self._visits:
            return
        self._visits.remove(visit)
        self._waiting.pop(visit, None)
        self._held -= visit.held
        visit.held = 0
        if visit.address:
            self._from[visit.address] -= 1
            if not self._from[visit.address]:
                del self._from[visit.address]

    def sweep(self) -> None:
        """End those whose time is over."""
        now = self.clock.monotonic()
        time = {"head": self.bounds.head, "body": self.bounds.body, "reader": self.bounds.reader}
        for visit in list(self._waiting):
            if visit.waits is not None and now - visit.since >= time[visit.waits]:
                self._turn_away(visit, 408)
        if self._turned and now - self._told >= TELL_SECONDS:
            slow, room = self._turned[408], self._turned[503]
            log.warning("connections ended: %d too slow, %d to make room", slow, room)
            self._turned.clear()
            self._told = now

    async def keep(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.clock.sleep(SWEEP_SECONDS)
            self.sweep()

    def _turn_away(self, visit: Visit, status: int) -> None:
        sent = visit.held > 0
        self.leave(visit)
        self._turned[status] += 1
        visit.end(status if sent else 0)
