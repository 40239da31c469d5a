"""What a script may call: every offered operation, as a function named by its id with arguments by
name. A read returns what the tool answers; an effect is noted for a plan."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, Final, Protocol, cast, runtime_checkable

from ..errors import ArgumentError, ToolError
from ..ground.caller import Caller
from ..ground.operation import Bound, Operation
from ..offer.offer import Offer
from ..offer.stubs import spelled, stub_of
from ..offer.tools import error_of
from ..safety.plans import MOST
from .interpreter import Function

log = logging.getLogger(__name__)

Json = dict[str, Any]

MOST_CALLS: Final = 200
AT_ONCE: Final = 8
"""Calls of one script that are on their way at the same time."""
LEFT_OUT: Final = frozenset({"plan", "run_script", "approval_status"})
"""Beside the toolset of the search: what takes other calls, and what a person is asked."""


class Told(Protocol):
    @property
    def payload(self) -> Json: ...


@runtime_checkable
class Answered(Told, Protocol):
    """It went well; `written` is the payload as JSON text, which no failure has."""

    @property
    def written(self) -> str: ...


class Performs(Protocol):
    """The desk, as scripts see it."""

    def offer(self, principal: str, /) -> Offer: ...
    def scrub(self, text: str, /) -> str: ...
    async def acting(self, caller: Caller, /) -> Caller: ...
    async def perform(self, operation: Operation, arguments: Any, caller: Caller, /) -> Told: ...
    async def steps(
        self, operation: Operation, arguments: Any, caller: Caller, /
    ) -> tuple[Bound, ...]: ...


class Functions:
    """Those of one script; they count what it calls. `sandbox`: whether one of them was answered by
    the sandbox; `partial` are the lists that came without their end."""

    def __init__(self, desk: Performs, caller: Caller, most_calls: int = MOST_CALLS) -> None:
        self._desk = desk
        self._caller = caller
        self._most = most_calls
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._steps: dict[int, tuple[Bound, ...]] = {}
        self._open: dict[int, str] = {}
        self._under_way: set[asyncio.Task[Any]] = set()
        self._over = False
        self.calls = 0
        self.reads = 0
        self.sandbox = False
        self.partial: dict[str, None] = {}

    def by_name(self) -> dict[str, Function]:
        """Each by its operation id, and by the name of its tool."""
        offer = self._desk.offer(self._caller.principal)
        found: dict[str, Function] = {}
        for operation in offer.registry.known:
            if operation not in offer or operation.toolset == "search" or operation.id in LEFT_OUT:
                continue
            found[operation.id] = found[operation.tool] = self._function(operation)
        return found

    @property
    def steps(self) -> tuple[Bound, ...]:
        """The effects, in the order of their calls."""
        return tuple(step for _, steps in sorted(self._steps.items()) for step in steps)

    @property
    def unawaited(self) -> list[str]:
        """The functions whose calls never came to an end."""
        return sorted(set(self._open.values()))

    def end(self) -> None:
        """The script is over: nothing goes on for it, awaited or not."""
        self._over = True
        for task in self._under_way:
            task.cancel()

    def _function(self, operation: Operation) -> Function:
        def called(*args: Any, **kwargs: Any) -> Coroutine[Any, Any, str]:
            self.calls += 1
            if self.calls > self._most:
                raise RuntimeError(f"argument: a script may make {self._most} calls.")
            self._open[self.calls] = operation.id
            return self._answered(self.calls, operation, args, kwargs)

        return called

    async def _answered(
        self, number: int, operation: Operation, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> str:
        """In JSON. Raises `RuntimeError`, which is all that a script hears of a failure."""
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._under_way.add(task)
        try:
            if self._over:
                return ""  # nobody reads it
            async with self._slots:
                arguments = _given(operation, args, kwargs)
                if operation.effect == "read":
                    return await self._read(operation, arguments)
                return await self._noted(number, operation, arguments)
        except ToolError as error:
            raise RuntimeError(self._desk.scrub(_said(error_of(error)))) from None
        except _Failed as error:
            raise RuntimeError(error.said) from None
        except Exception:
            log.exception("a call of a script: %s", operation.tool)
            raise RuntimeError("internal: something went wrong here.") from None
        finally:
            self._open.pop(number, None)
            self._under_way.discard(task)

    async def _read(self, operation: Operation, arguments: Json) -> str:
        self.reads += 1
        told = await self._desk.perform(operation, arguments, self._caller)
        if not isinstance(told, Answered):
            raise _Failed(_said(told.payload))
        payload = told.payload
        self.sandbox = self.sandbox or payload.get("sandbox") is True
        page = payload.get("page")
        if isinstance(page, dict) and cast("Json", page).get("complete") is False:
            self.partial[operation.id] = None
        return told.written

    async def _noted(self, number: int, operation: Operation, arguments: Json) -> str:
        steps = await self._desk.steps(operation, arguments, self._caller)
        if sum(map(len, self._steps.values())) + len(steps) > MOST:
            raise ArgumentError(
                f"A plan has at most {MOST} steps.",
                hint="Do the rest in another script.",
            )
        self._steps[number] = steps
        return json.dumps({"data": {"planned": len(steps)}})


class _Failed(Exception):
    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


def _given(operation: Operation, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Json:
    """The arguments under their own names. Raises `ArgumentError`."""
    if args:
        raise ArgumentError(
            f"{operation.id} takes its arguments by name.", hint=stub_of(operation, bare=True)
        )
    names = {spelled(one.name): one.name for one in operation.parameters}
    return {names.get(name, name): value for name, value in kwargs.items() if value is not None}


def _said(payload: Json) -> str:
    """An error in a line: its kind, what happened, what to do."""
    error = payload.get("error", {})
    return f"{error.get('kind')}: {error.get('message')} {error.get('hint', '')}".strip()
