"""What a principal may see and call, made from the registry at the start, never from a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from .. import spec
from ..errors import NotOffered, quoted
from ..ground.caller import OWNER
from ..ground.config import Settings
from ..ground.extras import absent, how_to_have
from ..ground.nearest import nearest
from ..ground.operation import Operation
from ..ground.prompt import Prompt
from .registry import Registry
from .selection import EVERYTHING, Selection
from .tools import tool_for

MOST_KEPT = 100
"""Offers that are kept ready; one for a principal that was gone is made anew."""


class Offer:
    """Operations by tool name, in the order of the toolsets.

    Iterating gives those that a client lists; `in` tells those that may be performed, which in
    the smaller surfaces are more. What narrows it can only take away.
    """

    def __init__(
        self, registry: Registry, selection: Selection = EVERYTHING, *narrower: Selection
    ) -> None:
        """Raises `SettingsError` where a selection names what there is not."""
        self.registry = registry
        self.surface = selection.surface
        self._absent = selection.absent
        self._offered = selection.of(registry).intersection(*(one.of(registry) for one in narrower))
        self._listed = {
            operation.tool: operation
            for operation in registry.known
            if operation.tool in self._offered and self.surface in operation.surfaces
        }

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._listed.values())

    def __len__(self) -> int:
        return len(self._listed)

    def __contains__(self, operation: Operation) -> bool:
        return operation.tool in self._offered

    def why_not(self, operation: Operation) -> str:
        """Why this one is not on offer, with what to do about it where that can be said."""
        if operation.extra in self._absent:
            return how_to_have(operation.extra)
        return "The owner's selection leaves this tool out."

    def _instead(self, name: str) -> str:
        """What to call where no tool is listed as `name`."""
        operation = self.registry.operation_of(name)
        if operation is not None and operation.extra in self._absent:
            return how_to_have(operation.extra)
        if operation is None or operation not in self:
            return nearest(name, self._listed)
        if operation.tool in self._listed:
            return f"Its name here is `{operation.tool}`."
        performer = self.registry.ids.get(operation.effect)
        if performer is None or performer.tool not in self._listed:
            return nearest(name, self._listed)
        return f"Call it with {performer.tool}: operation {operation.id!r}, and its arguments."

    @cached_property
    def tools(self) -> tuple[dict[str, Any], ...]:
        """What tools/list answers, in its wire form; made once."""
        return tuple(tool_for(operation) for operation in self)

    @cached_property
    def prompts(self) -> tuple[Prompt, ...]:
        """Those whose tools are all on offer."""
        ids = self.registry.ids
        return tuple(
            prompt
            for prompt in self.registry.prompts
            if all(name in ids and ids[name] in self for name in prompt.needs)
        )

    def get(self, name: str) -> Operation:
        """The operation listed under this tool name, or an old one. Raises `NotOffered`."""
        operation = self._listed.get(self.registry.renamed(name))
        if operation is None:
            raise NotOffered(f"Unknown tool: {quoted(name, 80)}.", hint=self._instead(name))
        return operation


class Offers:
    """The offer of each principal: the owner's selection, and within it what `to_principal` says.

    Raises `SettingsError` where the owner's selection names what there is not.
    """

    def __init__(
        self,
        registry: Registry,
        selection: Selection = EVERYTHING,
        *,
        to_principal: Callable[[str], Selection] = lambda _: EVERYTHING,
    ) -> None:
        self.registry = registry
        self._selection = selection
        self._to_principal = to_principal
        self._kept: dict[str, Offer] = {OWNER: Offer(registry, selection)}

    def to(self, principal: str = OWNER) -> Offer:
        """What `principal` may see and call: the same object as long as it is kept."""
        if principal not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                del self._kept[next(one for one in self._kept if one != OWNER)]
            narrower = self._to_principal(principal)
            self._kept[principal] = Offer(self.registry, self._selection, narrower)
        return self._kept[principal]


def offers_for(
    settings: Settings, accounts: Sequence[str] = (), *, without: frozenset[str] | None = None
) -> Offers:
    """What is on offer; calls may name these accounts. `without` are extras to do without, None for
    those that are not installed. Raises `SpecError`, `SettingsError`."""
    selection = Selection(
        toolsets=settings.toolsets,
        tools=settings.tools,
        exclude_tools=settings.exclude_tools,
        read_only=settings.read_only,
        include_deprecated=settings.include_deprecated,
        surface=settings.surface,
        absent=absent() if without is None else without,
    )
    return Offers(Registry.of(spec.load()).with_accounts(accounts), selection)
