"""Plain JSON Schema, for everything that has no form of its own here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..schemas import loose
from ..tool import Tool

Json = dict[str, Any]


def form(tools: Iterable[Tool]) -> list[Json]:
    return [
        {
            "name": tool.name,
            "description": tool.description,
            "parameters": loose(tool.schema),
            "effect": tool.effect,
            "parallel_safe": tool.parallel_safe,
            **({"output_schema": dict(tool.output_schema)} if tool.output_schema else {}),
        }
        for tool in tools
    ]
