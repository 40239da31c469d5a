"""Whether a call may be done at all: judges are asked in order, once for one call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

import anyio

from ..errors import Duplicate, NeedsConfirmation, OutcomeUnknown, ToolError
from ..ground.caller import Caller
from ..ground.operation import Allowance, Bound
from ..ground.reply import Reply
from .request import Brake, Link, Request, Unsent


@dataclass(frozen=True, slots=True)
class Allow:
    """`waived` is what needs nobody's yes because our own sandbox listens there. `undo` gives back
    what was used up for it, where nothing was done; it is told whether that is since the same was
    done a moment ago, on whose yes it would be done once more."""

    waived: tuple[Allowance, ...] = ()
    undo: tuple[Callable[[bool], Awaitable[None]], ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """A person must say yes first; `words` say to what, `hint` how. `grade` is how surely, and
    `account` the one that would act."""

    words: str
    hint: str = ""
    grade: int = 1
    account: str = ""


@dataclass(frozen=True, slots=True)
class Deny:
    error: ToolError


Verdict: TypeAlias = Allow | Ask | Deny

Judge: TypeAlias = Callable[[Bound, Caller], Awaitable[Verdict]]

Guard: TypeAlias = Callable[[Bound, Caller], Awaitable[None]]
"""Raises `NotAllowed` for an effect that only a person may cause."""


Acting: TypeAlias = Callable[[str | None], Awaitable[str | None]]
"""The account that acts, for a named one or None. Raises `CredentialError`."""


async def as_named(account: str | None) -> str | None:
    return account


Repeated: TypeAlias = Callable[[Request], Awaitable[None]]
"""Raises `Duplicate` or `OutcomeUnknown` for an effect that was done a moment ago."""


async def never_before(_request: Request) -> None:
    pass


class Tried(Exception):
    """Carries the effect that would have been sent up to the dry run that asked for it."""

    def __init__(self, bound: Bound, caller: Caller) -> None:
        super().__init__(bound.operation.id)
        self.bound = bound
        self.caller = caller


class Gate:
    """Asks every judge, and the first that does not allow it has the last word. Nobody is asked for
    a yes to what is `repeated`."""

    def __init__(
        self,
        then: Link,
        judges: Sequence[Judge],
        acting: Acting = as_named,
        repeated: Repeated = never_before,
    ) -> None:
        self._then = then
        self._judges = judges
        self._acting = acting
        self._repeated = repeated

    async def send(self, request: Request) -> Reply:
        # Who acts is decided once: what is judged, waits and is written down for one account is
        # not sent for another, which a person makes the one that is meant meanwhile.
        caller = request.caller
        if caller.trial and request.operation.effect != "read":
            raise Tried(request.bound, caller)
        with suppress(ToolError):  # a judge may have more to say of it
            acting = await self._acting(request.bound.account or caller.account)
            caller = caller if acting == caller.account else replace(caller, account=acting)
        async with self.admitted(request.bound, caller) as waived:
            return await self._then.send(replace(request, caller=caller, waived=waived))

    @asynccontextmanager
    async def admitted(self, bound: Bound, caller: Caller) -> AsyncGenerator[tuple[Allowance, ...]]:
        """What was waived, where it may be done within. What the judges used up for it is given
        back where it ends with nothing done. Raises `NotAllowed`, `NeedsConfirmation`, and for
        what nobody need be asked for `Duplicate` or `OutcomeUnknown`."""
        allowed: list[Allow] = []
        begun = False
        try:
            for judge in self._judges:
                verdict = await judge(bound, caller)
                if isinstance(verdict, Deny):
                    raise verdict.error
                if isinstance(verdict, Ask):
                    await self._repeated(Request(bound, caller))
                    raise NeedsConfirmation(
                        verdict.words,
                        hint=verdict.hint,
                        grade=verdict.grade,
                        account=verdict.account,
                        about=bound,
                    )
                allowed.append(verdict)
            begun = True
            yield tuple(word for one in allowed for word in one.waived)
        except ToolError as error:
            if not begun or not isinstance(error, OutcomeUnknown):  # what may have been done was
                await _undone(allowed, twice=begun and isinstance(error, Duplicate))
            raise
        except Unsent:
            with anyio.CancelScope(shield=True):
                await _undone(allowed)
            raise


async def _undone(allowed: Sequence[Allow], *, twice: bool = False) -> None:
    for undo in (undo for one in allowed for undo in one.undo):
        await undo(twice)


def by_brake(brake: Brake) -> Judge:
    """Allows everything for which `brake` does not raise; it applies to people, too."""

    async def judge(bound: Bound, _caller: Caller) -> Verdict:
        brake(bound.operation)
        return Allow()

    return judge


def by_guard(guard: Guard) -> Judge:
    """Allows reads, and everything for which `guard` does not raise."""

    async def judge(bound: Bound, caller: Caller) -> Verdict:
        if bound.operation.effect != "read":
            await guard(bound, caller)
        return Allow()

    return judge
