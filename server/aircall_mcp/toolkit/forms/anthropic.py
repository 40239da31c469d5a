"""Anthropic's client tools. One request may have only a few strict tools, so these are chosen."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from ..schemas import loose, strict_anthropic
from ..tool import Tool

log = logging.getLogger(__name__)

Json = dict[str, Any]

MOST_STRICT: Final = 20
MOST_OPTIONAL: Final = 24
"""Over all strict tools of a request, those inside of objects too."""

CODE: Final = "code_execution_20260521"
TOOL_SEARCH: Final[Json] = {
    "type": "tool_search_tool_bm25_20251119",
    "name": "tool_search_tool_bm25",
}
_URGENT: Final = {"delete": 0, "reach": 0, "write": 1, "read": 2}


def form(
    tools: Sequence[Tool],
    *,
    strict: bool | Sequence[str],
    defer_loading: bool,
    programmatic: bool,
    examples: bool,
) -> list[Json]:
    """See `Toolkit.anthropic`."""
    wanted = [tool for tool in tools if strict is True or (strict and tool.name in strict)]
    chosen = strict_ones(wanted)
    made = [
        _tool(
            tool,
            chosen,
            defer=defer_loading and tool.name != "aircall_search",
            by_code=programmatic and tool.reads,
            example=examples,
        )
        for tool in tools
    ]
    if programmatic:
        made.append({"type": CODE, "name": "code_execution"})
    return [TOOL_SEARCH, *made] if defer_loading else made


def strict_ones(tools: Iterable[Tool]) -> dict[str, Json]:
    """The strict schemas of as many as one request takes: what has an effect first, then what
    leaves least open."""
    chosen: dict[str, Json] = {}
    room = MOST_OPTIONAL
    for tool in sorted(tools, key=lambda one: (_URGENT[one.effect], optional_in(one.schema))):
        try:
            schema = strict_anthropic(tool.schema)
        except (KeyError, TypeError, ValueError):
            log.warning("%s: its schema cannot be strict", tool.name)
            continue
        left = room - optional_in(schema)
        if left >= 0 and len(chosen) < MOST_STRICT:
            chosen[tool.name], room = schema, left
    return chosen


def optional_in(schema: Json) -> int:
    """How many properties may be left out, at any depth."""
    parts: Mapping[str, Json] = schema.get("properties", {})
    required: Collection[str] = schema.get("required", ())
    inside = [*parts.values(), *([schema["items"]] if "items" in schema else [])]
    return sum(name not in required for name in parts) + sum(map(optional_in, inside))


def _tool(
    tool: Tool, chosen: dict[str, Json], *, defer: bool, by_code: bool, example: bool
) -> Json:
    made: Json = {
        "name": tool.name,
        "description": tool.description,
        "input_schema": chosen.get(tool.name) or loose(tool.schema),
    }
    if tool.name in chosen:
        made["strict"] = True
    if defer:
        made["defer_loading"] = True
    if by_code:
        made["allowed_callers"] = ["direct", CODE]
    if example and tool.example:
        made["input_examples"] = [dict(tool.example)]
    return made
