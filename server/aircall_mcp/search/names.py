"""Operations by what they are called: tool name, operationId, `METHOD /path`, or nearly so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..ground.operation import Operation

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ROUTE = re.compile(
    r"\s*(?:(get|post|put|patch|delete)\s+)?(\S.{0,300}?)\s*", re.IGNORECASE | re.DOTALL
)
_HOST = re.compile(r"https?://[^/\s]{1,200}")
_HOLE = re.compile(r"[{<:].*|[+\d].*|[0-9a-f]{8}-.*")
_VERSION = re.compile(r"v\d")
_PREFIX = "aircall_"
_TOOL = re.compile(r"\baircall_[a-z0-9_]{1,80}", re.IGNORECASE)
_EXACT_ROUTE = re.compile(r"\s*(?:get|post|put|patch|delete)\s+/\S{0,300}\s*", re.IGNORECASE)
_LONGEST_NAME = 80


class Names:
    """Finds operations by name alone; a sentence finds nothing here."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        operations = tuple(operations)
        self._by_id = {operation.id: operation for operation in operations}
        self._by_name: dict[str, list[Operation]] = {}
        self._by_route: dict[tuple[str, ...], list[Operation]] = {}
        for operation in operations:
            unversioned = re.sub(r"_v\d$", "", operation.id)
            for name in {_plain(operation.tool): 0, _plain(operation.id): 0, unversioned: 0}:
                self._by_name.setdefault(name, []).append(operation)
            if not operation.ours:
                for route in (_steps(operation.path), _steps(operation.path, versions=False)):
                    self._by_route.setdefault((operation.method, *route), []).append(operation)
        for found in (*self._by_name.values(), *self._by_route.values()):
            found.sort(key=lambda operation: operation.retired is not None)

    def find(self, query: str) -> list[Operation]:
        """The operations that `query` names, the best first; those in force before retired ones,
        unless the retired one's own name was given. Empty for anything but a name or a route."""
        if len(query) > _LONGEST_NAME * 4:
            return []
        named = self._by_name.get(_plain(query))
        if named:
            plain = _plain(query).removeprefix(_PREFIX)
            return sorted(named, key=lambda operation: operation.id != plain)
        told = [
            name for word in _TOOL.findall(query) for name in self._by_name.get(_plain(word), ())
        ]
        if told:
            return _once(told)
        found = self._routed(query)
        instead = [o.retired.replacement for o in found if o.retired is not None]
        return _once([*(self._by_id[name] for name in instead if name in self._by_id), *found])

    @staticmethod
    def named(query: str) -> bool:
        """Whether `query` is a name or a route by its form, whatever exists."""
        return bool(_TOOL.fullmatch(query.strip()) or _EXACT_ROUTE.fullmatch(query))

    def _routed(self, query: str) -> list[Operation]:
        matched = _ROUTE.fullmatch(query)
        if matched is None:
            return []
        method, path = (matched[1] or "").upper(), matched[2]
        if not method and "/" not in path:
            return []
        path = _HOST.sub("", path).split("?")[0]
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


def _once(operations: Iterable[Operation]) -> list[Operation]:
    return list({operation.id: operation for operation in operations}.values())


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name[:_LONGEST_NAME].strip().lower()).strip("_")


def _steps(path: str, *, versions: bool = True) -> Sequence[str]:
    steps = [step.lower() for step in path.strip().strip("/").split("/") if step]
    if not versions:
        steps = [step for step in steps if not _VERSION.fullmatch(step)]
    return tuple("{}" if _HOLE.fullmatch(step) else step for step in steps)
