"""A process that carries out one plan in a home, and dies where it is told to:
`python -m tests.chaos.planner HOME URL COMMIT AFTER`, with the steps as JSON on stdin.

It dies before or after its COMMIT-th commit, counted over the journal and what the policy keeps;
0 lets it live, and then it prints the answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from aircall_mcp import spec
from aircall_mcp.desk import Desk
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock
from aircall_mcp.offer import Offers, Registry
from aircall_mcp.safety.judge import Judge
from aircall_mcp.safety.policy import Line, Policy
from aircall_mcp.safety.safety import MIGRATIONS, Safety
from aircall_mcp.safety.visitors import MIGRATIONS as VISITORS
from aircall_mcp.safety.visitors import Visitors
from aircall_mcp.storage.state import InMemory, State, boot, durable
from aircall_mcp.storage.store import Transaction
from tests.harness import KnownCompany, auth_for, plans_over

T = TypeVar("T")

ASKING = Policy(effects={"reach": Line("ask")})


class Deadly:
    """States that kill the process before or after the `at`-th commit of all of them together."""

    def __init__(self, at: int, after: bool) -> None:
        self._left = at
        self._after = after

    def over(self, state: State) -> State:
        return _One(self, state)

    def before(self) -> None:
        self._left -= 1
        if not self._left and not self._after:
            os.kill(os.getpid(), signal.SIGKILL)

    def behind(self) -> None:
        if not self._left and self._after:
            os.kill(os.getpid(), signal.SIGKILL)


class _One:
    def __init__(self, deadly: Deadly, state: State) -> None:
        self._deadly = deadly
        self._state = state

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self._deadly.before()
        result = await self._state.write(work)
        self._deadly.behind()
        return result

    def close(self) -> None:
        self._state.close()


async def carry_out(home: Path, url: str, deadly: Deadly, steps: object) -> object:
    """What a model hears of it, as JSON."""
    offers = Offers(Registry.of(spec.load()))
    seen = Visitors(InMemory(VISITORS), Clock())
    safety = Safety.over(deadly.over(durable(home / "usage.db", MIGRATIONS)), seen, Clock())
    journal = Journal(
        lambda: deadly.over(durable(home / "journal.db", journals.MIGRATIONS)), boot=boot
    )
    judge = Judge(lambda: ASKING, KnownCompany(), safety)
    auth = auth_for(url, ("id", "token"))
    gateway = Gateway(base_url=url, auth=auth, journal=journal, judges=(judge,))
    plans = plans_over(offers.registry, judge, safety, gateway, journal, home=home)
    desk = Desk(offers, gateway, approvals=safety.approvals, plans=plans)
    outcome = await desk.call("aircall_plan", {"steps": steps}, Caller(deadline=5))
    await gateway.aclose()
    await auth.aclose()
    journal.close()
    safety.close()
    return outcome.payload


if __name__ == "__main__":
    where, address, commit, after = sys.argv[1:]
    told = carry_out(
        Path(where), address, Deadly(int(commit), after == "after"), json.load(sys.stdin)
    )
    print(json.dumps(asyncio.run(told)))
