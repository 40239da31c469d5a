"""Whether it may be done at all: judges are asked in order, once for all that one call takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..errors import NeedsConfirmation, ToolError
from ..ground.caller import Caller
from ..ground.operation import Allowance, Bound
from ..ground.reply import Reply
from .refusals import not_allowed
from .request import Brake, Link, Request


@dataclass(frozen=True, slots=True)
class Allow:
    """`waived` is what needs nobody's yes because our own sandbox listens there."""

    waived: tuple[Allowance, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """A person must say yes first; `words` say to what, `hint` how."""

    words: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Deny:
    error: ToolError


Verdict: TypeAlias = Allow | Ask | Deny

Judge: TypeAlias = Callable[[Bound, Caller], Awaitable[Verdict]]

Guard: TypeAlias = Callable[[Bound, Caller], Awaitable[None]]
"""Raises `NotAllowed` for an effect that nobody but a person may have."""


class Gate:
    """Asks every judge, and the first that does not allow it has the last word."""

    def __init__(self, then: Link, judges: Sequence[Judge]) -> None:
        self._then = then
        self._judges = judges

    async def send(self, request: Request) -> Reply:
        waived = await self.admit(request.bound, request.caller)
        return await self._then.send(replace(request, waived=waived))

    async def admit(self, bound: Bound, caller: Caller) -> tuple[Allowance, ...]:
        """What was waived, where it may be done. Raises `NotAllowed`, `NeedsConfirmation`."""
        waived: list[Allowance] = []
        for judge in self._judges:
            verdict = await judge(bound, caller)
            if isinstance(verdict, Deny):
                raise verdict.error
            if isinstance(verdict, Ask):
                raise NeedsConfirmation(verdict.words, hint=verdict.hint)
            waived += verdict.waived
        return tuple(waived)


def by_owner(
    allowed: frozenset[Allowance], listens: Callable[[], Awaitable[bool]], loopback: str
) -> Judge:
    """Allows what the owner allows, what a person asked for, and what goes to Aircall where
    `listens` says that our own sandbox does. What our own tools do stays in the owner's home, and
    goes on when the sandbox is gone. `loopback` is the address that is asked, if it is one of this
    machine.
    """

    async def judge(bound: Bound, caller: Caller) -> Verdict:
        needed: tuple[Allowance, ...] = (bound.operation.effect, *bound.stakes)
        lacking: tuple[Allowance, ...] = tuple(word for word in needed if word not in allowed)
        if caller.person or not lacking:
            return Allow()
        if not bound.operation.ours and await listens():
            return Allow(waived=lacking)
        return Deny(not_allowed(bound, lacking, loopback))

    return judge


def by_brake(brake: Brake) -> Judge:
    """Lets through what `brake` does not raise for, whoever asks: a person, too."""

    async def judge(bound: Bound, _caller: Caller) -> Verdict:
        brake(bound.operation)
        return Allow()

    return judge


def by_guard(guard: Guard) -> Judge:
    """Lets through what is a read, and what `guard` does not raise for."""

    async def judge(bound: Bound, caller: Caller) -> Verdict:
        if bound.operation.effect != "read":
            await guard(bound, caller)
        return Allow()

    return judge
