"""One tool that a framework has no words for fails none of the rest."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aircall_mcp import Toolkit

pytestmark = pytest.mark.anyio

FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "agents_sdk": ("agents", {"strict": True, "defer_loading": False}),
    "langchain": ("langchain_core", {}),
    "pydantic_ai": ("pydantic_ai", {"strict": None}),
}
BAD: list[dict[str, Any]] = [
    {},
    {"type": "object"},
    {"type": "object", "properties": {"a": {"$ref": "#"}}},
    {"type": "object", "properties": {"a": {"type": "nonsense"}}},
]


@pytest.mark.parametrize("form", FORMS)
async def test_a_bad_schema_leaves_the_other_tools_as_they_are(form: str, tmp_path: Path) -> None:
    package, choices = FORMS[form]
    pytest.importorskip(package)
    made = import_module(f"aircall_mcp.toolkit.forms.{form}").form
    async with Toolkit.sandbox(environment={"AIRCALL_MCP_HOME": str(tmp_path)}) as aircall:
        good = aircall.load("list_calls")
    for schema in BAD:
        tools = (replace(good, name="bad", schema=schema), good)
        performs: Any = SimpleNamespace(tools=tools, approves=False)
        assert [one.name for one in made(performs, **choices)][1:] == [good.name]
