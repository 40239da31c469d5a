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
"""Returns a person's answer to a question, which has `preview`, `effect`, `arguments`, `grade`."""


@dataclass(frozen=True, slots=True)
class Tool:
    """`schema` is the JSON Schema of its arguments, without those that are fixed. `effect` is
    `read`, `write`, `reach` (a person, or money) or `delete`; `stakes` are those that a call always
    or sometimes has (`exposes`, `administers`). `output_schema` is the schema of its answer, if it
    is described. `once`: the same call again would do it a second time.
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
        """Whether it changes nothing: it may run beside others, and be called by a model's code. If
        an argument has stakes, a person is asked even so."""
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
