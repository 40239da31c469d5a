"""Workflows before a faulty way: each step of each of them, spoilt in every way that networks have.

A run is one workflow, one of its requests, one fault. It is held to this: what comes back is all
there is, or says exactly that it is not, or is an error; and what reaches people is done at most
once, and said to be done only where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from aircall_mcp.desk import Answer, Outcome
from aircall_mcp.gateway.breaker import Breaker, Breakers
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import EVERYTHING

from ..house import Clock
from ..proxy import Fault
from ..upstream import REGISTRY, Upstream, gateway, upstream
from .shift import Shift

ONCE: tuple[Fault, ...] = (
    Fault("hang up"), Fault("reset"), Fault("reset", after=False), Fault("half-close"),
    Fault("cut request", at=20), Fault("cut", at=10), Fault("cut", at=300), Fault("garbage"),
    Fault("html"), Fault("huge headers"), Fault("answer", at=500), Fault("answer", at=503),
    Fault("answer", at=404), Fault("answer", at=400), Fault("answer", at=403, after=False),
    Fault("answer", at=200),
)  # fmt: skip
"""What happens to a request; the last is an empty object with a 200."""

Verify = Callable[[Outcome, Mapping[str, Any], Upstream], None]


@dataclass(frozen=True)
class Case:
    """A workflow with its arguments. `verify` raises where what came back, beside what comes back
    without a fault, is neither whole nor honest; `begin` makes the sandbox ready for a run."""

    tool: str
    arguments: Mapping[str, Any]
    verify: Verify
    begin: Callable[[Upstream], None] = lambda _upstream: None
    once: bool = True
    """Whether the very same call, without a fault, must then give what a first one gives."""


@dataclass
class Report:
    runs: int = 0
    whole: int = 0
    partial: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list[str])


@asynccontextmanager
async def shifted(home: Path, up: Upstream, clock: Clock, rest: Clock) -> AsyncGenerator[Shift]:
    """A desk of its own that knows only the proxy; its breaker goes by `rest`."""
    within = gateway(
        up.proxy.base_url, allowed=EVERYTHING,
        breakers=Breakers(lambda: Breaker(clock=rest.handed())),
    )  # fmt: skip
    shift = Shift(REGISTRY, up.sandbox, clock, home, gateway=within, heard=False)
    shift.caller = Caller(deadline=5.0)
    try:
        yield shift
    finally:
        await shift.desk.aclose()


def counted(up: Upstream, step: int, fault: Fault, *, lasting: bool) -> None:
    """From now on the request `step` meets `fault`, and with `lasting` all behind it, too."""
    seen = [0]

    def plan() -> Fault | None:
        seen[0] += 1
        return fault if seen[0] == step or (lasting and seen[0] > step) else None

    up.proxy.plan = plan


async def ask(shift: Shift, case: Case) -> Outcome:
    outcome = await shift.desk.call(f"aircall_{case.tool}", dict(case.arguments), shift.caller)
    assert isinstance(outcome.payload, dict)
    return outcome


async def run(
    cases: Sequence[Case], home: Path, *, most: int, seed: int = 1,
    world: Callable[[Upstream], Awaitable[None]] | None = None,
) -> Report:  # fmt: skip
    """Each workflow at each of its steps with each fault, once and lasting; of all these, `most`
    drawn by `seed`, all workflows alike."""
    report, chance = Report(), Random(seed)
    clock = Clock()
    async with upstream(clock=clock) as up:
        if world is not None:
            await world(up)
        for number, case in enumerate(cases):
            place = home / f"case-{number}"
            case.begin(up)
            before = up.arrivals()
            async with shifted(place, up, clock, Clock()) as shift:
                truth = await ask(shift, case)
            assert isinstance(truth, Answer), truth.payload
            steps = up.arrivals() - before
            drawn = [(step, fault, lasting) for step in range(1, steps + 1)
                     for fault in ONCE for lasting in (False, True)]  # fmt: skip
            share = max(1, most // len(cases))
            drawn = [chance.choice(drawn) for _ in range(share)]
            for turn, (step, fault, lasting) in enumerate(drawn):
                case.begin(up)
                rest = Clock()
                async with shifted(place / str(turn), up, clock, rest) as shift:
                    counted(up, step, fault, lasting=lasting)
                    told = f"{case.tool} step {step} {fault} lasting={lasting}"
                    async with asyncio.timeout(60):
                        outcome = await ask(shift, case)
                    up.proxy.plan = lambda: None
                    _judge(report, case, outcome, truth, up, told)
                    if case.once:
                        rest.pass_by(3_600)  # whoever was left alone may be asked again
                        again = await ask(shift, case)
                        if not (isinstance(again, Answer) and same(again.payload, truth.payload)):
                            report.wrong.append(f"{told}: the same call again: {again.payload}")
    return report


def _judge(
    report: Report, case: Case, outcome: Outcome, truth: Answer, up: Upstream, told: str
) -> None:
    report.runs += 1
    if not isinstance(outcome, Answer):
        report.refused += 1
    elif outcome.payload.get("page", {}).get("complete", True):
        report.whole += 1
    else:
        report.partial += 1
    try:
        case.verify(outcome, truth.payload, up)
    except AssertionError as error:
        report.wrong.append(f"{told}: {error} {outcome.payload}")


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two answers say the same, but for their notes."""
    return {**one, "notes": None} == {**other, "notes": None}


def whole_or_honest(key: str) -> Verify:
    """For what reads: the list `key` is all of it, or part of it and said to be, with why."""

    def verify(outcome: Outcome, truth: Mapping[str, Any], _up: Upstream) -> None:
        payload = outcome.payload
        if not isinstance(outcome, Answer):
            assert payload["error"]["kind"] not in ("", None)
            assert payload["error"]["message"]
            return
        page = payload["page"]
        if page["complete"]:
            assert same(payload, truth), "it is called complete, and is not"
            return
        assert page.get("why"), "it does not say what is missing"
        if key:
            known = truth["data"][key]
            assert all(row in known for row in payload["data"][key]), "it made something up"

    return verify


def larger(case: Case, **arguments: Any) -> Case:
    return replace(case, arguments={**case.arguments, **arguments})
