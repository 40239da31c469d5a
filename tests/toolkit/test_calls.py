"""Tool calls of four vendors' responses, as their JSON and as objects."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from aircall_mcp import Toolkit
from aircall_mcp.toolkit.calls import tool_calls

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
Asked = list[tuple[str, Any]]


def responses(calls: Asked) -> Json:
    items = [
        {"type": "function_call", "call_id": f"c{n}", "name": name, "arguments": text(given)}
        for n, (name, given) in enumerate(calls)
    ]
    return {"output": [{"type": "reasoning", "id": "r"}, *items]}


def chat(calls: Asked) -> Json:
    asked = [
        {
            "id": f"c{n}",
            "type": "function",
            "function": {"name": name, "arguments": text(given)},
        }
        for n, (name, given) in enumerate(calls)
    ]
    return {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": asked}}]}


def anthropic(calls: Asked) -> Json:
    blocks = [
        {"type": "tool_use", "id": f"c{n}", "name": name, "input": given}
        for n, (name, given) in enumerate(calls)
    ]
    return {"content": [{"type": "text", "text": "Let me look."}, *blocks]}


def gemini(calls: Asked) -> Json:
    parts = [
        {"function_call": {"id": f"c{n}", "name": name, "args": given}}
        for n, (name, given) in enumerate(calls)
    ]
    return {"candidates": [{"content": {"role": "model", "parts": parts}}]}


def text(given: Any) -> str:
    return given if isinstance(given, str) else json.dumps(given)


VENDORS: dict[str, tuple[Callable[[Asked], Json], Callable[[Json], tuple[str, Json]]]] = {
    "responses": (responses, lambda one: (one["call_id"], json.loads(one["output"]))),
    "chat": (chat, lambda one: (one["tool_call_id"], json.loads(one["content"]))),
    "anthropic": (anthropic, lambda one: (one["tool_use_id"], json.loads(one["content"]))),
    "gemini": (
        gemini,
        lambda one: (one["function_response"]["id"], one["function_response"]["response"]),
    ),
}
vendors = pytest.mark.parametrize("vendor", VENDORS)


def as_objects(value: Any) -> Any:
    """The same as an SDK has it; the arguments stay JSON."""
    if isinstance(value, dict):
        fields = cast("Json", value)
        return SimpleNamespace(**{
            name: part if name in ("args", "input") else as_objects(part)
            for name, part in fields.items()
        })  # fmt: skip
    return (
        [as_objects(one) for one in cast("list[Any]", value)] if isinstance(value, list) else value
    )


@pytest.fixture
def aircall(tmp_path: Path) -> Toolkit:
    return Toolkit.sandbox(environment={"AIRCALL_MCP_HOME": str(tmp_path)})


@vendors
@pytest.mark.parametrize("objects", [False, True])
async def test_each_call_gets_its_result_in_order(
    aircall: Toolkit, vendor: str, objects: bool
) -> None:
    made, read = VENDORS[vendor]
    asked: Asked = [
        ("aircall_list_calls", {"max_items": 1}),
        ("aircall_no_such_tool", {}),
        ("aircall_list_users_v2", {"max_items": 1}),
        ("aircall_create_tag", {"name": "Golden", "color": "#0033CC"}),
        ("aircall_list_calls", {"form": "x"}),
    ]
    if vendor in ("responses", "chat"):
        asked.append(("aircall_list_calls", '{"max_items": '))
    response = made(asked)
    async with aircall:
        results = await aircall.handle(as_objects(response) if objects else response)
    told = [read(one) for one in results]
    assert [name for name, _ in told] == [f"c{n}" for n in range(len(asked))]
    assert [next(iter(payload)) for _, payload in told] == [
        "data", "error", "data", "data", "error", *(["error"] if len(asked) > 5 else []),
    ]  # fmt: skip
    if vendor == "anthropic":
        assert [bool(one.get("is_error")) for one in results] == [False, True, False, False, True]


async def test_a_turn_of_gemini_alone_is_one_and_no_call_of_it_counts_twice(
    aircall: Toolkit,
) -> None:
    whole = gemini([("aircall_list_calls", {"max_items": 1}), ("aircall_list_tags", {})])
    turn = whole["candidates"][0]["content"]
    both = as_objects({**whole, "parts": turn["parts"]})  # as the SDK's response has it
    async with aircall:
        for response in (whole, turn, as_objects(turn), both):
            told = [VENDORS["gemini"][1](one)[0] for one in await aircall.handle(response)]
            assert told == ["c0", "c1"]
        assert await aircall.handle({"role": "model", "parts": None}) == []


@vendors
async def test_effects_keep_their_order_and_reads_see_them(aircall: Toolkit, vendor: str) -> None:
    made, read = VENDORS[vendor]
    asked: Asked = [
        ("aircall_list_tags", {"max_items": 200}),
        ("aircall_create_tag", {"name": "first", "color": "#0033CC"}),
        ("aircall_create_tag", {"name": "second", "color": "#0033CC"}),
        ("aircall_list_tags", {"max_items": 200, "fresh": True}),
    ]
    async with aircall:
        told = [read(one)[1]["data"] for one in await aircall.handle(made(asked))]
    before, after = ({tag["name"] for tag in told[n]["tags"]} for n in (0, 3))
    assert after - before == {"first", "second"}


async def test_a_program_of_the_models_may_only_read(aircall: Toolkit) -> None:
    program = {"type": "program", "caller_id": "p1"}
    read, write = responses(
        [("aircall_list_tags", {"max_items": 1}), ("aircall_create_tag", {"name": "x"})]
    )["output"][1:]
    block = anthropic([("aircall_create_tag", {"name": "x"})])["content"][1]
    by_code = {**block, "caller": {"type": "code_execution_20260521", "tool_id": "t"}}
    async with aircall:
        done, refused = await aircall.handle(
            {"output": [{**read, "caller": program}, {**write, "caller": program}]}
        )
        (stopped,) = await aircall.handle({"content": [by_code]})
    assert done["caller"] == program
    assert "data" in json.loads(done["output"])
    assert json.loads(refused["output"])["error"]["kind"] == "not_allowed"
    assert stopped["is_error"]


async def test_what_asks_for_nothing_gets_nothing(aircall: Toolkit) -> None:
    async with aircall:
        blocked = {"candidates": None}
        said = {"type": "message", "role": "assistant", "content": [{"type": "output_text"}]}
        nothing: list[Any] = [
            {"output": []}, {"content": "Hello."}, chat([]), [], [said], blocked,
            as_objects(blocked), {"role": "assistant", "content": None},
        ]  # fmt: skip
        for response in nothing:
            assert await aircall.handle(response) == []


async def test_what_is_no_response_is_an_error_of_the_program(aircall: Toolkit) -> None:
    async with aircall:
        unawaited = aircall.execute("list_calls")
        message = chat([("aircall_list_calls", {})])["choices"][0]["message"]
        wrong: list[tuple[Any, str]] = [
            (unawaited, "await"), (None, "None"), ("text", "`str`"), (7, "`int`"), ({}, "output"),
            ({"foo": 1}, "`choices`"), ([message], "one message alone"),
            ([{"type": "message", **anthropic([("aircall_list_calls", {})])}], "one message alone"),
            ([as_objects(message)], "one message alone"), ({"content": b"{}"}, "none of"),
        ]  # fmt: skip
        for response, told in wrong:
            with pytest.raises(TypeError, match=told):
                await aircall.handle(response)
        unawaited.close()


async def test_a_response_goes_to_the_view_whose_tools_were_taken(aircall: Toolkit) -> None:
    sending = anthropic([("aircall_send_message", {})])
    async with aircall:
        view = aircall.only(effects={"read"})
        assert view.anthropic()
        for other in (aircall, aircall.bind(number=1), view.only(toolsets="calls")):
            with pytest.raises(RuntimeError, match=r"view\.handle"):
                await other.handle(sending)
        for same in (view, aircall.only(effects="read")):
            (refused,) = await same.handle(sending)
            assert "There is no tool" in refused["content"]
        with pytest.raises(ValueError, match="responses"):
            aircall.openai(cast("Any", "nonsense"))
        aircall.json_schema()
        assert len(await aircall.handle(sending)) == 1


ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=6,
)
KEYS = some.sampled_from([
    "output", "choices", "message", "tool_calls", "content", "candidates", "parts", "type", "id",
    "function_call", "function", "name", "arguments", "input", "args", "call_id", "caller",
])  # fmt: skip
NEARLY = some.recursive(
    ANYTHING | some.sampled_from(["function_call", "tool_use"]),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(response=some.dictionaries(KEYS, NEARLY))
def test_nothing_that_looks_like_a_response_breaks_it(response: Json) -> None:
    for call in tool_calls(response):
        assert isinstance(call.name, str)
        assert call.answered({"data": 1}, False)
