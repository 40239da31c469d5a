"""What travels through the chain: a request down, an attempt and a reply up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

from ..ground.caller import Caller
from ..ground.operation import Allowance, Bound, Operation
from ..ground.reply import Reply, Room
from .ledger import Share

Brake: TypeAlias = Callable[[Operation], None]
"""Raises `NotAllowed` for what must not begin now. Asked at the gate, and again right before an
effect leaves, so it is quick."""


Heard: TypeAlias = "Callable[[Request, Answered], None]"
"""Called with every answer as it came. It must not wait, and must keep nothing for long."""


class Unsent(asyncio.CancelledError):
    """Nobody waits for the effect any more, and not a byte of it left or ever will."""


def unheard(_request: Request, _answered: Answered) -> None:
    """Nobody listens."""


def released(_operation: Operation) -> None:
    """Nothing is blocked."""


ANYBODY = Share("", 60)
"""The share of a request that is not routed yet."""


async def _nothing() -> None:
    """The first byte is not recorded."""


class Journaled(Protocol):
    """An effect's entry in the journal, as the lower links need it."""

    async def open(self) -> None:
        """Record that it is about to be sent. Raises if it must not be sent."""
        ...

    def nothing_done(self, status: int) -> None:
        """An answer of this status said that nothing was done."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One operation on its way down; each link adds something.

    `several`: a list may take several sends, and gives what has `room`. `waived` is what the owner
    does not allow and our own sandbox alone may be asked for. `look`: a read that tells of an
    effect, past the breaker.
    `until` is the moment of the gateway's clock after which no further attempt begins, None until
    the first one has. `entry` is an effect's line in the journal, `signed` the headers that carry
    the credential. `before_first_byte` is awaited before anything leaves; if it raises, nothing
    does. It is the one call upwards.
    """

    bound: Bound
    caller: Caller
    several: bool = False
    room: Room | None = None
    waived: tuple[Allowance, ...] = ()
    url: str = ""
    account: str | None = None
    share: Share = ANYBODY
    look: bool = False
    until: float | None = None
    entry: Journaled | None = None
    signed: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    before_first_byte: Callable[[], Awaitable[None]] = _nothing

    @property
    def operation(self) -> Operation:
        return self.bound.operation

    @property
    def alone(self) -> bool:
        """Whether it takes a connection of its own: what must not be repeated could be swallowed
        by a stale one, and the sandbox is asked anew for each, by none of before."""
        return bool(self.waived) or self.operation.repeatable == "never"

    def after(self, attempt: Attempt) -> Request:
        """The same for another attempt, within the time of the first."""
        return replace(self, until=attempt.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """When the attempt began, and when all of them end: moments of the gateway's clock."""

    began: float = 0.0
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class NotSent(_Tried):
    """No byte left. `passing`: another attempt may succeed."""

    words: str
    hint: str = ""
    passing: bool = True


@dataclass(frozen=True, slots=True)
class Lost(_Tried):
    """A byte left and there is no usable answer. `passing` as in `NotSent`."""

    words: str
    hint: str = ""
    passing: bool = True


@dataclass(frozen=True, slots=True)
class Answered(_Tried):
    """What came back; `body` is JSON, or None for an empty answer and for an error in no form.
    `weight` is the work it makes, in bytes."""

    status: int
    headers: Mapping[str, str]
    body: Any
    weight: int = 0

    @property
    def well(self) -> bool:
        return 200 <= self.status < 300


Attempt: TypeAlias = NotSent | Lost | Answered


class Link(Protocol):
    """A link that returns a reply. Raises the errors that a caller gets."""

    async def send(self, request: Request) -> Reply: ...


class Trying(Protocol):
    """A link that returns an attempt. Raises only what stops the whole request."""

    async def send(self, request: Request) -> Attempt: ...
