"""Our own tools and their implementations. A tool that is described and not implemented, or the
other way round, is found at the start and not by its first user.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from ..errors import SpecError
from .caller import Caller
from .operation import Operation

Json = dict[str, Any]
Performer: TypeAlias = Callable[[Mapping[str, Any], Caller], Awaitable[Json]]
"""Takes validated arguments, returns the result in the form of every result."""
P = TypeVar("P")
Method = TypeVar("Method", bound=Callable[..., Awaitable[Json]])

_MARK = "_performs"


def performs(operation: str) -> Callable[[Method], Method]:
    """Mark a method with parameters (arguments, caller) as the performer of this operationId."""

    def mark(method: Method) -> Method:
        setattr(method, _MARK, operation)
        return method

    return mark


def performers_of(kind: type[P], find: Callable[[], P]) -> dict[str, Performer]:
    """The performers of the class `kind`, by operationId; each calls the object that `find` returns
    at that moment. Raises `SpecError` for an operation that is performed twice."""
    performers: dict[str, Performer] = {}
    for name, method in vars(kind).items():
        operation = getattr(method, _MARK, None)
        if operation in performers:
            raise SpecError(f"{operation} is performed twice")
        if operation is not None:
            performers[operation] = _of(name, find)
    return performers


def performer_of(operation: str, find: Callable[[], object]) -> Performer:
    """The performer of the object that `find` returns; found at the first call, so that nothing is
    imported before."""

    async def perform(arguments: Mapping[str, Any], caller: Caller) -> Json:
        found = find()
        return await performers_of(type(found), lambda: found)[operation](arguments, caller)

    return perform


def _of(name: str, find: Callable[[], Any]) -> Performer:
    async def perform(arguments: Mapping[str, Any], caller: Caller) -> Json:
        return await getattr(find(), name)(arguments, caller)

    return perform


def hold_against(described: Iterable[Operation], performed: Iterable[str]) -> None:
    """Raise `SpecError` unless each tool of ours is performed, and nothing else is."""
    ours = {operation.id for operation in described if operation.ours}
    if unlike := ours ^ set(performed):
        raise SpecError(f"described or performed, but not both: {', '.join(sorted(unlike))}")
