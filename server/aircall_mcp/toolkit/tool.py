"""One tool as a program sees it, and what the forms know of the toolkit that performs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from ..desk import Outcome, Question
    from ..ground.effects import Effect
    from .asked import Asked

Json = dict[str, Any]
Approve: TypeAlias = "Callable[[Question], bool | Awaitable[bool]]"
"""A person's answer to a question: its `preview`, `effect`, `arguments` and `grade` say to what."""


@dataclass(frozen=True, slots=True)
class Tool:
    """`schema` is the JSON Schema of its arguments, without those that are bound. `effect` is
    `read`, `write`, `reach` (a person, or money) or `delete`; `stakes` say what else a call always
    or ever has at stake (`exposes`, `administers`). `output_schema` is that of its answer, where it
    is described. `once` are those that, called the same again, do another one.
    """

    name: str
    title: str
    description: str
    schema: Json
    example: Json
    effect: Effect
    stakes: tuple[str, ...] = ()
    output_schema: Mapping[str, Any] | None = None
    once: bool = False

    @property
    def reads(self) -> bool:
        """Whether it changes nothing: it may run beside others, and out of a model's code. What an
        argument of it has at stake is asked about all the same."""
        return self.effect == "read"

    @property
    def parallel_safe(self) -> bool:
        """Whether it may run beside other calls of one turn; effects keep their order."""
        return self.reads

    @property
    def optional(self) -> tuple[str, ...]:
        """The names of the arguments that may be left out."""
        required = self.schema.get("required", ())
        return tuple(name for name in self.schema["properties"] if name not in required)


class Performs(Protocol):
    """The toolkit, as its forms see it."""

    @property
    def tools(self) -> tuple[Tool, ...]: ...

    @property
    def approves(self) -> bool: ...

    def load(self, name: str) -> Tool: ...

    async def outcome(
        self,
        name: str,
        arguments: Any,
        *,
        client: str = "",
        approve: Approve | None = None,
        way: str = "callback",
    ) -> Outcome: ...

    async def asks(self, name: str, arguments: Any, *, client: str = "") -> bool: ...

    @property
    def asked(self) -> Asked: ...
