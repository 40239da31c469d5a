"""Workflows before a faulty way: each step of each of them, spoilt in every way that networks have.

A run is one workflow and what happens to its requests; a person says yes to whatever they are
asked. It is held to this: what comes back is all there is, or says exactly that it is not, or is an
error; what reaches people is done at most once, and said to be done only where it was; and the very
same call, without a fault, then brings all of it, or an account that is as exact.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Literal

from aircall_mcp.desk import Answer, Outcome, Question
from aircall_mcp.events.log import EventLog
from aircall_mcp.gateway.breaker import Breaker, Breakers
from aircall_mcp.gateway.journal import MIGRATIONS as JOURNAL
from aircall_mcp.gateway.journal import Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock as Handed
from aircall_mcp.ground.performs import performers_of
from aircall_mcp.offer import Offers
from aircall_mcp.safety.judge import Judge
from aircall_mcp.safety.policy import Line, Policy
from aircall_mcp.safety.safety import Safety
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.scripts import Scripts
from aircall_mcp.storage.state import InMemory
from aircall_mcp.workflows import Workflows
from aircall_mcp.workflows.kit import Kit

from ..harness import THURSDAY, AskingDesk, Clock, KnownCompany, plans_over, sandbox_with
from ..proxy import Fault
from ..upstream import REGISTRY, Upstream, gateway, nearby
from .harness import deaf

ONCE: tuple[Fault, ...] = (
    Fault("hang up"), Fault("reset"), Fault("reset", after=False), Fault("half-close"),
    Fault("cut request", at=20), Fault("cut request", at=40), Fault("cut", at=10),
    Fault("cut", at=300), Fault("garbage"), Fault("html"), Fault("huge headers"),
    Fault("answer", at=500), Fault("answer", at=502), Fault("answer", at=503),
    Fault("answer", at=503, after=False), Fault("answer", at=404, after=False),
    Fault("answer", at=400, after=False), Fault("answer", at=403, after=False),
    Fault("answer", at=200),
)  # fmt: skip
"""What happens to a request; the last is an empty object with a 200. Who says 400, 403 or 404 has
done nothing: else no account could be exact."""

HOLLOW = Fault("answer", at=200, after=False)
"""The empty object where nothing was done: for effects of which Aircall always tells."""

ASKING = Policy(effects={"reach": Line("ask")}, batches=Line("ask", 2))

Stands = Literal["whole", "in part", "refused"]
Verify = Callable[[Outcome, Mapping[str, Any], Upstream], Stands]


@dataclass(frozen=True)
class Case:
    """A workflow with its arguments. `verify` raises where what came back, beside what comes back
    without a fault, is neither whole nor honest; `world` is added to the sandbox. After an `effect`
    the same call may be told of the one before it; all others give what a first one gives. `faults`
    are what may happen to its requests."""

    tool: str
    arguments: Mapping[str, Any]
    verify: Verify
    effect: bool = False
    world: Callable[[Sandbox], None] = lambda _sandbox: None
    faults: tuple[Fault, ...] = ONCE


@dataclass(frozen=True)
class Way:
    """What happens to the requests of a run, from 1 on; with `lasting` to all behind the last."""

    spoilt: Mapping[int, Fault]
    lasting: bool = False

    def plan(self) -> Callable[[], Fault | None]:
        seen, last = [0], max(self.spoilt)

        def plan() -> Fault | None:
            seen[0] += 1
            at = last if self.lasting and seen[0] > last else seen[0]
            return self.spoilt.get(at)

        return plan


@dataclass
class Report:
    runs: int = 0
    stood: Counter[Stands] = field(default_factory=Counter[Stands])
    wrong: list[str] = field(default_factory=list[str])


def ways(steps: int, faults: Sequence[Fault], chance: Random) -> Iterator[Way]:
    """Each step with each fault, once and lasting, in an order drawn by lot; then two of them in a
    run, without end."""
    single = [Way({step: fault}, lasting) for step in range(1, steps + 1) for fault in faults
              for lasting in (False, True)]  # fmt: skip
    yield from chance.sample(single, len(single))
    while True:
        first = chance.randint(1, steps)
        later = first + chance.randint(1, steps)
        spoilt = {first: chance.choice(faults), later: chance.choice(faults)}
        yield Way(spoilt, chance.random() < 0.5)


@asynccontextmanager
async def opened(
    up: Upstream, log: EventLog, clock: Clock, rest: Clock
) -> AsyncGenerator[AskingDesk]:
    """A desk that knows only the proxy, with nothing behind it yet. Whoever waits makes the time
    pass; the breaker goes by `rest`."""

    async def passing(seconds: float) -> None:
        clock.pass_by(seconds)
        await asyncio.sleep(0)

    handed = Handed(clock, clock, passing)
    safety = Safety.of(Path(), clock=handed, fleeting=True)
    judge = Judge(lambda: ASKING, KnownCompany(), safety, clock=handed)
    journal = Journal(lambda: InMemory(JOURNAL), clock=handed)
    within = gateway(
        up.proxy.base_url, sandbox=True, journal=journal, judges=(judge,), clock=handed,
        breakers=Breakers(lambda: Breaker(clock=rest.handed())),
    )  # fmt: skip
    plans = plans_over(REGISTRY, judge, safety, within, journal, clock=handed)
    kit = Kit(within, REGISTRY.ids, log=lambda: log, clock=handed, plans=plans)
    scripts = Scripts(lambda: desk, plans.drafts)
    performers = {**Workflows(lambda: kit).performers, **performers_of(Scripts, lambda: scripts)}
    desk = AskingDesk(safety, Offers(REGISTRY), within, plans=plans, performers=performers)
    try:
        yield desk
    finally:
        await scripts.aclose()
        await kit.contacts.aclose()
        await desk.aclose()


async def ask(desk: AskingDesk, case: Case) -> Outcome:
    """What comes of it where a person says yes."""
    for _ in range(4):
        outcome = await desk.call(f"aircall_{case.tool}", dict(case.arguments), Caller(deadline=5))
        if not isinstance(outcome, Question):
            return outcome
        assert await desk.answer(outcome.approval, yes=True, grade=2, way="tests")
    raise AssertionError("it asks again and again")


async def run(case: Case, home: Path, *, most: int, seed: int = 1) -> Report:
    """`most` runs of one workflow, each before a sandbox of its own."""
    report, clock, log = Report(), Clock(), deaf(home)
    async with nearby(clock=clock) as up:
        truth, steps = await _run(Report(), case, Way({0: ONCE[0]}), {}, up, log, clock)
        assert isinstance(truth, Answer), truth.payload
        for way in islice(ways(steps, case.faults, Random(seed)), most):
            await _run(report, case, way, truth.payload, up, log, clock)
    return report


async def _run(
    report: Report, case: Case, way: Way, truth: Mapping[str, Any], up: Upstream, log: EventLog,
    clock: Clock,
) -> tuple[Outcome, int]:  # fmt: skip
    """One run: what its first call gave, in how many requests. Without a `truth` to hold it to,
    that is the truth."""
    clock.now, rest = THURSDAY, Clock()
    if case.effect or not truth:  # what only reads leaves it as it was
        up.sandbox = sandbox_with(clock=clock, requests_per_minute=None)
        case.world(up.sandbox)
    async with opened(up, log, clock, rest) as desk, asyncio.timeout(600):
        up.proxy.plan, before = way.plan(), up.proxy.requests
        outcome = await ask(desk, case)
        up.proxy.plan, steps = lambda: None, up.proxy.requests - before
        truth = truth or outcome.payload
        report.runs += 1
        try:
            report.stood[case.verify(outcome, truth, up)] += 1
            rest.pass_by(3_600)  # whoever was left alone may be asked again
            again = await ask(desk, case)
            stands = case.verify(again, truth, up)
            if case.effect and stands == "refused":
                assert again.payload["error"]["kind"] in TOLD, "it is not done, and was not begun"
            elif not case.effect:
                assert isinstance(again, Answer)
                assert same(again.payload, truth), f"the same call again: {again.payload}"
        except AssertionError as error:
            report.wrong.append(f"{case.tool} {way}: {error} {outcome.payload}")
    return outcome, steps


TOLD = ("outcome_unknown", "duplicate")
"""Kinds of errors that say: it may be done, it was done."""


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two answers say the same, but for their notes."""
    return {**one, "notes": None} == {**other, "notes": None}
