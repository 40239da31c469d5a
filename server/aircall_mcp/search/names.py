"""Operations by what they are called: tool name, operationId, `METHOD /path`, or nearly so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from ..ground.operation import Operation

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ROUTE = r"(?is)\s*(?:(get|post|put|patch|delete)\s+)?(\S.{0,300}?)\s*"
_HOST = r"https?://[^/\s]{1,200}"
_HOLE = r"[{<:].*|[+\d].*|[0-9a-f]{8}-.*"
_VERSION = r"v\d"
_PREFIX = "aircall_"
_TOOL = r"(?i)\baircall_[a-z0-9_]{1,80}"
_EXACT_ROUTE = r"(?i)\s*(?:get|post|put|patch|delete)\s+/\S{0,300}\s*"
_APART = re.compile(r"[\W_]+")
_LONGEST_NAME = 80

# Patterns are compiled when a query may fit them, which is not at the first search.


class Names:
    """Finds operations by name alone; a sentence finds nothing here."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        operations = tuple(operations)
        self._by_id = {operation.id: operation for operation in operations}
        self._by_name: dict[str, list[Operation]] = {}
        for operation in operations:
            own = operation.id
            unversioned = own[:-3] if own[-3:-1] == "_v" and own[-1].isdecimal() else own
            for name in {_plain(operation.tool): 0, _plain(own): 0, unversioned: 0}:
                self._by_name.setdefault(name, []).append(operation)
        _in_force_first(self._by_name)

    @cached_property
    def _by_route(self) -> Mapping[tuple[str, ...], list[Operation]]:
        routes: dict[tuple[str, ...], list[Operation]] = {}
        for operation in self._by_id.values():
            if not operation.ours:
                for route in (_steps(operation.path), _steps(operation.path, versions=False)):
                    routes.setdefault((operation.method, *route), []).append(operation)
        _in_force_first(routes)
        return routes

    def find(self, query: str) -> list[Operation]:
        """The operations that `query` names, the best first; those in force before retired ones,
        unless the retired one's own name was given. Empty for anything but a name or a route."""
        if len(query) > _LONGEST_NAME * 4:
            return []
        named = self._by_name.get(_plain(query))
        if named:
            plain = _plain(query).removeprefix(_PREFIX)
            return sorted(named, key=lambda operation: operation.id != plain)
        tools = re.findall(_TOOL, query) if "_" in query else ()
        told = [name for word in tools for name in self._by_name.get(_plain(word), ())]
        if told:
            return _once(told)
        found = self._routed(query)
        instead = [o.retired.replacement for o in found if o.retired is not None]
        return _once([*(self._by_id[name] for name in instead if name in self._by_id), *found])

    @staticmethod
    def named(query: str) -> bool:
        """Whether `query` is a name or a route by its form, whatever exists."""
        if "_" in query and re.fullmatch(_TOOL, query.strip()):
            return True
        return "/" in query and bool(re.fullmatch(_EXACT_ROUTE, query))

    def _routed(self, query: str) -> list[Operation]:
        if "/" not in query and not query.lstrip().upper().startswith(_METHODS):
            return []
        matched = re.fullmatch(_ROUTE, query)
        if matched is None:
            return []
        method, path = (matched[1] or "").upper(), matched[2]
        if not method and "/" not in path:
            return []
        path = re.sub(_HOST, "", path).split("?")[0]
        if "/" not in path and (" " in path.strip() or not method):
            # `POST users calls`: the fixed steps of a route, written apart.
            path = "/".join(path.split())
        elif " " in path.strip():
            return []
        steps = _steps(path)
        if not steps:
            return []
        methods = ("PUT", "POST") if method == "PATCH" else (method,) if method else _METHODS
        for written in (steps, _steps(path, versions=False)):
            found = [o for m in methods for o in self._by_route.get((m, *written), ())]
            if found:
                return _once(sorted(found, key=lambda o: o.retired is not None))
        fixed = tuple(step for step in _steps(path, versions=False) if step != "{}")
        found = [
            operation
            for (m, *route), operations in self._by_route.items()
            if m in methods and fixed and tuple(s for s in route if s != "{}") == fixed
            for operation in operations
        ]
        return _once(sorted(found, key=lambda o: (o.retired is not None, len(o.path))))


def _in_force_first(operations: Mapping[Any, list[Operation]]) -> None:
    for found in operations.values():
        if len(found) > 1:
            found.sort(key=lambda operation: operation.retired is not None)


def _once(operations: Iterable[Operation]) -> list[Operation]:
    return list({operation.id: operation for operation in operations}.values())


def _plain(name: str) -> str:
    if name.isascii() and name.isidentifier() and "__" not in name:  # as every name of ours is
        return name[:_LONGEST_NAME].lower().strip("_")
    return _APART.sub("_", name[:_LONGEST_NAME].strip().lower()).strip("_")


def _steps(path: str, *, versions: bool = True) -> Sequence[str]:
    steps = [step.lower() for step in path.strip().strip("/").split("/") if step]
    if not versions:
        steps = [step for step in steps if not re.fullmatch(_VERSION, step)]
    return tuple("{}" if re.fullmatch(_HOLE, step) else step for step in steps)
