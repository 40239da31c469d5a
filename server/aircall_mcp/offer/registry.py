"""All operations, and the old names that still lead to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..errors import NotOffered, quoted
from ..ground.nearest import nearest
from ..ground.operation import WORKFLOWS, Operation, Parameter
from ..ground.prompt import Prompt
from ..spec import Compiled, Toolset

STANDING = "approval_status"
"""The one workflow that asks nothing of Aircall."""


class Registry:
    """Operations in the order of the toolsets, on offer or not: search and errors speak of what is
    not on offer, too. `ids` has them by operationId."""

    def __init__(
        self,
        operations: Iterable[Operation],
        *,
        toolsets: Iterable[Toolset] = (),
        aliases: Mapping[str, str] | None = None,
        prompts: Iterable[Prompt] = (),
    ) -> None:
        self.known: tuple[Operation, ...] = tuple(operations)
        self.toolsets: tuple[Toolset, ...] = tuple(toolsets)
        self.prompts: tuple[Prompt, ...] = tuple(prompts)
        self._aliases = dict(aliases or {})
        self._by_tool = {operation.tool: operation for operation in self.known}
        self.ids: Mapping[str, Operation] = {operation.id: operation for operation in self.known}

    @classmethod
    def of(cls, compiled: Compiled) -> Registry:
        return cls(
            compiled.operations,
            toolsets=compiled.toolsets,
            aliases=compiled.aliases,
            prompts=compiled.prompts,
        )

    @property
    def names(self) -> frozenset[str]:
        """All that an owner may call an operation by: tool names, operationIds and old names."""
        return frozenset({*self._by_tool, *self.ids, *self._aliases})

    @property
    def judged(self) -> list[str]:
        """The operationIds that a policy may name: of a tool that is made of others, those are."""
        return [operation.id for operation in self.known if not operation.composed]

    def with_accounts(self, names: Sequence[str]) -> Registry:
        """The same, with an `account` argument for all that asks something of Aircall, if there are
        several accounts."""
        if len(names) < 2:
            return self
        schema = {"type": "string", "enum": list(names), "description": "Aircall company"}
        account = Parameter("account", "account", "ours", False, schema)
        return Registry(
            (_with(o, account) if _asks_aircall(o) else o for o in self.known),
            toolsets=self.toolsets,
            aliases=self._aliases,
            prompts=self.prompts,
        )

    def renamed(self, name: str) -> str:
        """The tool name that `name` has become, or `name` itself."""
        return self._aliases.get(name, name)

    def tool_of(self, name: str) -> str:
        """The tool name for a tool name, an operationId or an old name."""
        return self.ids[name].tool if name in self.ids else self.renamed(name)

    def operation_of(self, name: str) -> Operation | None:
        """The operation of a tool name, an operationId or an old name."""
        return self._by_tool.get(self.tool_of(name))

    def schema_of(self, tool: str) -> Mapping[str, object] | None:
        """The arguments' JSON Schema of a tool, the same for everybody; None for no such tool."""
        operation = self._by_tool.get(tool)
        return None if operation is None else operation.input_schema

    def find(self, text: str) -> Operation:
        """Any known operation by tool name, operationId or `METHOD /path`. Raises `NotOffered`."""
        name = text.strip()
        operation = self.operation_of(name)
        if operation is None and " " in name:
            route = _plain_route(name)
            operation = next((o for o in self.known if _plain_route(o.route) == route), None)
        if operation is None:
            routes = [each.route.strip() for each in self.known]
            close = nearest(name, [*self._by_tool, *self.ids, *routes])
            raise NotOffered(f"Unknown operation: {quoted(name, 80)}.", hint=close or FINDS)
        return operation


FINDS = "A search in plain words finds one: `aircall-mcp search`, or the tool aircall_search."


def _asks_aircall(operation: Operation) -> bool:
    return not operation.ours or (operation.toolset == WORKFLOWS and operation.id != STANDING)


def _with(operation: Operation, parameter: Parameter) -> Operation:
    properties = {**operation.input_schema["properties"], parameter.name: parameter.schema}
    return replace(
        operation,
        parameters=(*operation.parameters, parameter),
        input_schema={**operation.input_schema, "properties": properties},
    )


def _plain_route(route: str) -> str:
    method, _, path = route.partition(" ")
    segments = path.strip().rstrip("/").split("?")[0].split("/")
    return f"{method.upper()} " + "/".join(
        "{}" if segment[:1] in ("{", ":", "<") else segment for segment in segments
    )
