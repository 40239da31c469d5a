"""The circuit breaker: send nothing to an upstream that does not answer.

Five failures in a row open it for 30 seconds; then one request goes through as a probe, and its
outcome closes or opens it again. Each company has a breaker of its own, as it has a budget and a
cache: Aircall fails for one company, too, and what one of them gets must not shut out another. That
Aircall is down altogether each finds out for itself, with five requests.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import Unreachable
from ..ground.caller import CompanyId
from ..ground.clock import Clock

FAILURES = 5
REST = 30.0
MOST = 200
"""Companies whose failures are remembered."""


class Breaker:
    """For one company, in one process. Every admitted request must be reported once, and the probe
    as what it is: those that were admitted before it may end while it is under way."""

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        rest: float = REST,
        clock: Clock | None = None,
    ) -> None:
        self._most = failures
        self._rest = rest
        self._clock = clock or Clock()
        self._failed = 0
        self._open_until: float | None = None
        self._probing = False

    def admit(self) -> bool:
        """Whether this request is the probe. Raises `Unreachable` while it is open."""
        if self._open_until is None:
            return False
        left = self._open_until - self._clock.monotonic()
        if left > 0 or self._probing:
            raise Unreachable(
                f"Aircall has not answered the last {self._failed} requests; nothing was sent.",
                hint="Nothing was changed. The next try is possible in"
                f" {max(1, round(left))} seconds. See https://status.aircall.com.",
            )
        self._probing = True
        return True

    def report(self, *, answered: bool | None, probe: bool) -> None:
        """Whether Aircall answered, if only with a refusal; None where that was not found out.

        `probe` is what `admit` said.
        """
        if probe:
            self._probing = False
        if answered is None:
            return
        if answered:
            self._failed, self._open_until = 0, None
            return
        self._failed += 1
        if self._failed >= self._most:
            self._open_until = self._clock.monotonic() + self._rest


class Breakers:
    """One for each company, made by `make` when it is first asked for, and at most `most`.

    Where there are more, the one that was not asked for the longest is forgotten, as if it were
    closed.
    """

    def __init__(self, make: Callable[[], Breaker] = Breaker, *, most: int = MOST) -> None:
        self._make = make
        self._most = most
        self._of: dict[CompanyId, Breaker] = {}

    def of(self, company: CompanyId) -> Breaker:
        breaker = self._of.pop(company, None) or self._make()
        self._of[company] = breaker  # the latest at the end
        if len(self._of) > self._most:
            del self._of[next(iter(self._of))]
        return breaker
