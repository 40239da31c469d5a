"""OpenAI's function tools, of the Responses API and of Chat Completions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from ..schemas import loose, strict_openai
from ..tool import Tool

log = logging.getLogger(__name__)

Json = dict[str, Any]

TOOL_SEARCH: Json = {"type": "tool_search"}
PROGRAMMATIC: Json = {"type": "programmatic_tool_calling"}


def responses(
    tools: Iterable[Tool], *, strict: bool, defer_loading: bool, programmatic: bool
) -> list[Json]:
    """See `Toolkit.openai`. The tool that searches ours is never deferred."""
    made = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            **parameters(tool, strict=strict),
            **({"defer_loading": True} if defer_loading else {}),
            **_called_by_code(tool, programmatic=programmatic),
        }
        for tool in tools
    ]
    extra = [*([TOOL_SEARCH] if defer_loading else []), *([PROGRAMMATIC] if programmatic else [])]
    return [*made, *extra]


def chat(tools: Iterable[Tool], *, strict: bool) -> list[Json]:
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                **parameters(tool, strict=strict),
            },
        }
        for tool in tools
    ]


def parameters(tool: Tool, *, strict: bool) -> Json:
    """Strict where the schema can be; one that cannot is loose, and spoils nothing else."""
    if strict:
        try:
            return {"parameters": strict_openai(tool.schema), "strict": True}
        except (KeyError, TypeError, ValueError):
            log.warning("%s: its schema cannot be strict", tool.name)
    return {"parameters": loose(tool.schema), "strict": False}


def _called_by_code(tool: Tool, *, programmatic: bool) -> Mapping[str, Any]:
    if not (programmatic and tool.reads):
        return {}
    shape = {"output_schema": dict(tool.output_schema)} if tool.output_schema else {}
    return {"allowed_callers": ["direct", "programmatic"], **shape}
