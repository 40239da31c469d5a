"""The query of a request, as Aircall reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast


def pairs(name: str, value: Any) -> Iterable[tuple[str, str]]:
    """`name` and text, once for each item of an array; booleans as `true` and `false`."""
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from pairs(name, item)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    else:
        yield name, str(value)
