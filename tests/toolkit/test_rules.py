"""Every schema of every surface, by the rules of those who take it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Literal, cast

import jsonschema_rs
import pytest

from aircall_mcp import Toolkit, spec
from aircall_mcp.toolkit.forms import anthropic, openai, plain
from aircall_mcp.toolkit.forms import gemini as forms_gemini

from .rules import anthropic_strict, gemini, groq, openai_strict

pytestmark = pytest.mark.anyio

SURFACES: list[Literal["full", "tasks", "search"]] = ["full", "tasks", "search"]
surfaces = pytest.mark.parametrize("surface", SURFACES)
Json = dict[str, Any]


def opened(home: Any, surface: Literal["full", "tasks", "search"], **options: Any) -> Toolkit:
    environment = {"AIRCALL_MCP_HOME": str(home)}
    return Toolkit.sandbox(surface=surface, environment=environment, **options)


@surfaces
async def test_every_schema_is_taken_by_every_vendor(tmp_path: Any, surface: Any) -> None:
    async with opened(tmp_path, surface, include_deprecated=True) as aircall:
        for tool in (*aircall.openai(), *aircall.openai("chat")):
            assert openai_strict.faults(tool) == [], tool
        (declared,) = aircall.gemini()
        assert len(declared["function_declarations"]) == len(aircall.tools)
        for declaration in declared["function_declarations"]:
            assert gemini.faults(declaration) == [], declaration
        for tool in (*aircall.openai("chat"), *aircall.openai("chat", strict=False)):
            assert groq.faults(tool) == [], tool
        assert anthropic_strict.faults(aircall.anthropic()) == []


@surfaces
async def test_those_with_effects_are_strict_first_at_anthropic(
    tmp_path: Any, surface: Any
) -> None:
    async with opened(tmp_path, surface) as aircall:
        strict = [one["name"] for one in aircall.anthropic() if one.get("strict")]
        assert strict
        effects = {aircall.load(name).effect for name in strict}
        assert effects & {"reach", "delete"}
        named = aircall.anthropic(strict=["aircall_search"])
        assert [one["name"] for one in named if one.get("strict")] == ["aircall_search"]
        assert not any(one.get("strict") for one in aircall.anthropic(strict=False))


async def test_what_only_reads_may_be_called_by_code_and_nothing_else(tmp_path: Any) -> None:
    async with opened(tmp_path, "full") as aircall:
        by_code = {
            one["name"]
            for form in (aircall.openai(programmatic=True), aircall.anthropic(programmatic=True))
            for one in form
            if len(one.get("allowed_callers", ())) > 1
        }
        assert by_code == {one.name for one in aircall.tools if one.reads}
        deferred = [one for one in aircall.openai(defer_loading=True) if one.get("defer_loading")]
        assert len(deferred) == len(aircall.tools)
        search, *rest = aircall.anthropic(defer_loading=True)
        assert search["type"].startswith("tool_search_tool")
        assert [one["name"] for one in rest if not one.get("defer_loading")] == ["aircall_search"]


async def test_what_is_null_or_text_in_strict_arguments_means_the_same(tmp_path: Any) -> None:
    """The strict forms are about the same calls: their example, filled up with null, binds."""
    async with opened(tmp_path, "full") as aircall:
        forms = {one["name"]: one["parameters"] for one in aircall.openai()}
        known = {one.tool: one for one in spec.load().operations}
        for tool in aircall.tools:
            filled = as_text(tool.example, tool.schema)
            assert jsonschema_rs.is_valid(forms[tool.name], filled), (tool.name, filled)
            operation = known[tool.name]
            assert operation.bind(filled) == operation.bind(tool.example), tool.name


async def test_a_tool_that_no_subset_has_words_for_fails_none_of_the_rest(tmp_path: Any) -> None:
    async with opened(tmp_path, "search") as aircall:
        good = aircall.load("search")
    recursive = {"type": "object", "properties": {"a": {"$ref": "#"}}}
    bad = replace(good, name="bad", schema=recursive)
    both = [bad, good]
    asked = openai.responses(both, strict=True, defer_loading=False, programmatic=False)
    assert [one["strict"] for one in asked] == [False, True]
    assert [one["function"]["strict"] for one in openai.chat(both, strict=True)] == [False, True]
    asked = anthropic.form(
        both, strict=True, defer_loading=False, programmatic=False, examples=True
    )
    assert [one.get("strict", False) for one in asked] == [False, True]
    assert plain.form(both)[0]["parameters"] == recursive
    (declared,) = forms_gemini.form(both)
    assert [one["name"] for one in declared["function_declarations"]] == [good.name]


def as_text(value: Any, schema: Json) -> Any:
    """A value of the schema as the strict form has it."""
    if isinstance(value, dict):
        if "properties" not in schema:
            return json.dumps(value)
        parts, fields = cast("Json", schema["properties"]), cast("Json", value)
        return {name: as_text(fields.get(name), part) for name, part in parts.items()}
    if isinstance(value, list):
        return [as_text(one, schema["items"]) for one in cast("list[Any]", value)]
    return value


def test_the_rules_see_what_breaks_them() -> None:
    open_object = {"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}}
    tool = {"name": "n", "strict": True, "parameters": open_object}
    assert openai_strict.faults(tool) == [
        "$: is open", "$: not all are required", "$.a: minLength"
    ]  # fmt: skip
    nothing = {"name": "n", "description": "d", "parameters": {"type": "object"}}
    assert gemini.faults(nothing) == ["$: an object of nothing"]
    bare = {"function": {"parameters": {"type": "object", "required": ["a"]}}}
    assert groq.faults(bare)[0] == "$: required without properties"
    many = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(25)}}
    assert anthropic_strict.faults([{"strict": True, "input_schema": many}]) == [
        "$: is open", "25 optional parameters"
    ]  # fmt: skip
