"""Filling the path of an operation: no value leaves its segment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..errors import ArgumentError

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def fill(template: str, values: Mapping[str, Any], said: Mapping[str, str] | None = None) -> str:
    """Put `values` into the `{holes}` of a path, each as exactly one segment.

    No value can climb, split or end the path: dots are encoded too, since `..` means something to
    servers even where it is a legal segment, and the result is held against the template again.
    Raises `ArgumentError` for a value that cannot be a segment, by the name that `said` has for
    its hole.
    """
    segments: list[str] = []
    for segment in template.split("/"):
        if not segment.startswith("{"):
            segments.append(segment)
            continue
        hole = segment[1:-1]
        name = (said or {}).get(hole, hole)
        if hole not in values:
            raise ArgumentError(f"`{name}` is missing from the path.")
        segments.append(_segment(name, values[hole]))
    path = "/".join(segments)
    _hold_against(template, path)
    return path


def _segment(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ArgumentError(f"`{name}` must be an id.")
    if isinstance(value, int):
        if not 0 < value < 10**19:
            raise ArgumentError(f"`{name}` must be a positive id.")
        return str(value)
    if not value or len(value) > 256 or not value.strip("."):
        raise ArgumentError(f"`{name}` cannot be empty, only dots, or over 256 characters.")
    if _CONTROL.search(value):
        raise ArgumentError(f"`{name}` contains a control character.")
    try:
        return quote(value, safe="@").replace(".", "%2E")
    except UnicodeEncodeError:
        raise ArgumentError(f"`{name}` is not valid text.") from None


def _hold_against(template: str, path: str) -> None:
    expected, actual = template.split("/"), path.split("/")
    same = len(expected) == len(actual) and all(
        want == got or (want.startswith("{") and got and got.strip("."))
        for want, got in zip(expected, actual, strict=True)
    )
    if not same or any(mark in path for mark in "?#\\") or "//" in path:
        raise ArgumentError("The path would leave its template.")
