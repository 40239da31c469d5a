"""Gemini's function declarations: a subset of OpenAPI, and no object without properties."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from ..schemas import for_gemini
from ..tool import Tool

log = logging.getLogger(__name__)

Json = dict[str, Any]


def form(tools: Iterable[Tool]) -> list[Json]:
    """One tool with all declarations; one that has no such form is left out, and logged."""
    made: list[Json] = []
    for tool in tools:
        try:
            schema = for_gemini(tool.schema)
        except (KeyError, TypeError, ValueError):
            log.warning("%s: its schema has no form for Gemini", tool.name)
            continue
        shape = {} if schema is None else {"parameters": schema}
        made.append({"name": tool.name, "description": tool.description, **shape})
    return [{"function_declarations": made}]
