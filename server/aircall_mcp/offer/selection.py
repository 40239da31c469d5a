"""Which tools the owner wants to offer, or allows to a principal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import SettingsError, quoted
from ..ground.nearest import nearest
from ..ground.operation import Operation
from .registry import FINDS, Registry

MANY = 30
"""Names that an error does not list any more."""
SEARCH = "search"
"""The toolset of our own tools that find and perform operations: on offer unless excluded."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A choice among the operations. `read_only` wins over all the rest; what names no toolset and
    no tool takes them all. What needs one of the extras that are `absent` cannot be had."""

    toolsets: Sequence[str] = ()
    tools: Sequence[str] = ()
    exclude_tools: Sequence[str] = ()
    read_only: bool = False
    include_deprecated: bool = False
    surface: str = "full"
    absent: frozenset[str] = frozenset()

    def of(self, registry: Registry) -> frozenset[str]:
        """The tool names of the wanted operations.

        Raises `SettingsError` for an unknown name, with the nearest known one.
        """
        _refuse_unknown("toolset", self.toolsets, [one.name for one in registry.toolsets])
        _refuse_unknown("tool", (*self.tools, *self.exclude_tools), registry.names)
        wanted = {registry.tool_of(name) for name in self.tools}
        unwanted = {registry.tool_of(name) for name in self.exclude_tools}

        def on_offer(operation: Operation) -> bool:
            if self.read_only and operation.effect != "read":
                return False
            if operation.tool in unwanted or operation.extra in self.absent:
                return False
            if operation.tool in wanted or operation.toolset == SEARCH:
                return True
            if operation.retired and not self.include_deprecated:
                return False
            narrowed = bool(self.toolsets or self.tools)
            return not narrowed or operation.toolset in self.toolsets

        return frozenset(one.tool for one in registry.known if on_offer(one))


EVERYTHING = Selection(include_deprecated=True)
"""All that there is, the retired too."""


def _refuse_unknown(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = set(known)
    for name in names:
        if name not in known:
            few = f"Known: {', '.join(sorted(known))}." if len(known) < MANY else FINDS
            raise SettingsError(
                f"Unknown {what}: {quoted(name, 80)}.", hint=nearest(name, known) or few
            )
