"""What travels through the chain: a request down, an attempt and a reply up."""

from __future__ import annotations

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
"""Told of every answer as it came. It must not wait, and keep nothing longer than it has to."""


def unheard(_request: Request, _answered: Answered) -> None:
    """Nobody listens."""


def released(_operation: Operation) -> None:
    """Everything may begin."""


ANYBODY = Share("", 60)
"""The share of what has not been routed yet."""


async def _nothing() -> None:
    """Nobody wants to hear of the first byte."""


class Journaled(Protocol):
    """An effect's line in the journal, as the chain below it needs it."""

    async def open(self) -> None:
        """Write down that it is about to be sent. Raises what keeps it from being sent."""
        ...

    def nothing_done(self, status: int) -> None:
        """An answer of this status said that nothing was done."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One operation on its way down; each link hands on what it adds.

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
        """The same, to be tried again within the time that began with the first attempt."""
        return replace(self, until=attempt.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """When the attempt began, and when all of them end: moments of the gateway's clock."""

    began: float = 0.0
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class NotSent(_Tried):
    """Not a byte left. `passing` says that another attempt may fare better."""

    words: str
    hint: str = ""
    passing: bool = True


@dataclass(frozen=True, slots=True)
class Lost(_Tried):
    """A byte left and there is no answer to give. `passing` as in `NotSent`."""

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
    """One concern of the way down to what becomes a reply. Raises what a caller hears of."""

    async def send(self, request: Request) -> Reply: ...


class Trying(Protocol):
    """One concern of an attempt. Raises only for what stops the whole request."""

    async def send(self, request: Request) -> Attempt: ...
