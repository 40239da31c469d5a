"""The operations on offer: the owner's selection, with the old names still answering."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import NotOffered, SettingsError
from ..ground.nearest import nearest
from ..ground.operation import Operation, Parameter
from ..spec import Compiled, Toolset

SEARCH = "search"
"""The toolset of our own tools that find and perform operations: on offer unless excluded."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the owner wants on offer. `read_only` wins over all the rest."""

    toolsets: Sequence[str] = ()
    tools: Sequence[str] = ()
    exclude_tools: Sequence[str] = ()
    read_only: bool = False
    include_deprecated: bool = False
    surface: str = "full"


class Registry:
    """Operations by tool name, in the order of the toolsets.

    Iterating gives those a client lists; `in` tells those that may be performed, which in the
    small surface are more; `known` are all there are, so that search and errors can speak of what
    is not on offer.
    """

    def __init__(
        self,
        operations: Iterable[Operation],
        *,
        toolsets: Iterable[Toolset] = (),
        aliases: Mapping[str, str] | None = None,
        offered: Iterable[str] | None = None,
        surface: str = "full",
    ) -> None:
        self.known: tuple[Operation, ...] = tuple(operations)
        self.toolsets: tuple[Toolset, ...] = tuple(toolsets)
        self._aliases = dict(aliases or {})
        self._by_tool = {operation.tool: operation for operation in self.known}
        self.ids: Mapping[str, Operation] = {operation.id: operation for operation in self.known}
        self.surface = surface
        self._offered = frozenset(self._by_tool if offered is None else offered)
        self._listed = {
            operation.tool: operation
            for operation in self.known
            if operation.tool in self._offered and surface in operation.surfaces
        }

    @classmethod
    def of(cls, compiled: Compiled) -> Registry:
        return cls(compiled.operations, toolsets=compiled.toolsets, aliases=compiled.aliases)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._listed.values())

    def __len__(self) -> int:
        return len(self._listed)

    def __contains__(self, operation: Operation) -> bool:
        return operation.tool in self._offered

    def select(self, selection: Selection) -> Registry:
        """The same operations with only the wanted ones on offer.

        Raises `SettingsError` for an unknown name, with the nearest known one.
        """
        toolset_names = [toolset.name for toolset in self.toolsets]
        _refuse_unknown("toolset", selection.toolsets, toolset_names)
        tool_names = {*self._by_tool, *self.ids, *self._aliases}
        _refuse_unknown("tool", (*selection.tools, *selection.exclude_tools), tool_names)
        wanted = {self._tool_of(name) for name in selection.tools}
        unwanted = {self._tool_of(name) for name in selection.exclude_tools}
        narrowed = bool(selection.toolsets or selection.tools)

        def on_offer(operation: Operation) -> bool:
            if selection.read_only and operation.effect != "read":
                return False
            if operation.tool in unwanted:
                return False
            if operation.tool in wanted or operation.toolset == SEARCH:
                return True
            if operation.retired and not selection.include_deprecated:
                return False
            return not narrowed or operation.toolset in selection.toolsets

        return Registry(
            self.known,
            toolsets=self.toolsets,
            aliases=self._aliases,
            offered=[operation.tool for operation in self.known if on_offer(operation)],
            surface=selection.surface,
        )

    def with_accounts(self, names: Sequence[str]) -> Registry:
        """The same, every operation with an `account` argument, if there are several accounts."""
        if len(names) < 2:
            return self
        schema = {"type": "string", "enum": list(names), "description": "Aircall company"}
        account = Parameter("account", "account", "ours", False, schema)
        return Registry(
            (o if o.ours else _with(o, account) for o in self.known),
            toolsets=self.toolsets,
            aliases=self._aliases,
            offered=self._offered,
            surface=self.surface,
        )

    def get(self, name: str) -> Operation:
        """The operation on offer under this tool name, or an old one. Raises `NotOffered`."""
        operation = self._listed.get(self._aliases.get(name, name))
        if operation is None:
            close = nearest(name, self._listed)
            raise NotOffered(f"Unknown tool: {name[:80]}.", hint=close)
        return operation

    def find(self, text: str) -> Operation:
        """Any known operation by tool name, operationId or `METHOD /path`. Raises `NotOffered`."""
        name = text.strip()
        operation = self._by_tool.get(self._tool_of(name))
        if operation is None and " " in name:
            route = _plain_route(name)
            operation = next((o for o in self.known if _plain_route(o.route) == route), None)
        if operation is None:
            close = nearest(name, [*self._by_tool, *self.ids])
            raise NotOffered(f"Unknown operation: {name[:80]}.", hint=close)
        return operation

    def _tool_of(self, name: str) -> str:
        if name in self.ids:
            return self.ids[name].tool
        return self._aliases.get(name, name)


def _with(operation: Operation, parameter: Parameter) -> Operation:
    properties = {**operation.input_schema["properties"], parameter.name: parameter.schema}
    return replace(
        operation,
        parameters=(*operation.parameters, parameter),
        input_schema={**operation.input_schema, "properties": properties},
    )


def _refuse_unknown(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = set(known)
    for name in names:
        if name not in known:
            raise SettingsError(f"Unknown {what}: {name[:80]}.", hint=nearest(name, known))


def _plain_route(route: str) -> str:
    method, _, path = route.partition(" ")
    segments = path.strip().rstrip("/").split("?")[0].split("/")
    return f"{method.upper()} " + "/".join(
        "{}" if segment[:1] in ("{", ":", "<") else segment for segment in segments
    )
