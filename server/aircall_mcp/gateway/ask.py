"""How our own code calls an operation: bound, sent, and the reply returned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..errors import Unreachable
from ..ground.caller import Caller
from ..ground.operation import Bound, Operation
from ..ground.reply import Reply


class Sends(Protocol):
    """The gateway, as its callers see it."""

    async def send(self, bound: Bound, caller: Caller) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Aircall:
    """Asks Aircall for our own code: binds, sends and gives the reply.

    `fresh`: no answer that was kept. Raises what `bind` and the gateway raise; where it is `strict`
    also `Unreachable` for a question that is answered with nothing.
    """

    gateway: Sends
    operations: Mapping[str, Operation]
    caller: Caller = field(default_factory=Caller)
    fresh: bool = False
    strict: bool = False

    def by(self, caller: Caller, *, fresh: bool | None = None) -> Aircall:
        """The same for another caller."""
        fresh = self.fresh if fresh is None else fresh
        return replace(self, caller=caller, fresh=fresh)

    async def ask(self, operation_id: str, /, **arguments: Any) -> Reply:
        bound = self.operations[operation_id].bind(arguments)
        if self.fresh:
            bound = replace(bound, fresh=True)
        reply = await self.gateway.send(bound, self.caller)
        return answered(bound, reply) if self.strict else reply


def answered(bound: Bound, reply: Reply) -> Reply:
    """`reply`, unless it answers a question with nothing at all: that says neither that there is
    none of it nor that there is, and whoever goes on from it guesses."""
    if bound.operation.effect == "read" and not reply.body:
        raise Unreachable("Aircall's answer was empty.", hint="Ask again in a moment.")
    return reply
