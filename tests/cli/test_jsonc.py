"""JSON with comments, edited in its text, against documents that nobody would write by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aircall_mcp.cli.configs.jsonc import Broken, drop, put, read

PATH = ("mcpServers", "aircall")
ENTRY = {"command": "/x", "args": ["-m", "y"], "env": {"A": "b"}}

GAPS = st.sampled_from(
    ["", " ", "\n", "\n  ", "\r\n\t", ' // a, "b": {\n', "/* } */", " /* [\n // */ ", "//\n"]
)
LEAVES = st.sampled_from(["1", "-1.50e3", "true", "null", '"a"', '"\\u00e9\\\\"', '"//x"', '"/*"'])


@st.composite
def documents(draw: st.DrawFn, depth: int = 0) -> str:
    """The text of a value, with comments, gaps and trailing commas wherever they may be."""
    kind = draw(st.sampled_from(["leaf", "list", "object"])) if depth else "object"
    if kind == "leaf" or depth > 2:
        return draw(LEAVES)
    opening, closing = "[]" if kind == "list" else "{}"
    names = draw(
        st.lists(st.sampled_from(["a", "b", "mcpServers", "", "é"]), unique=True, max_size=3)
    )
    items: list[str] = []
    for name in names:
        value = draw(documents(depth=depth + 1))  # pyright: ignore[reportCallIssue]
        if name == "mcpServers" and depth == 0 and not value.startswith("{"):
            value = "{}"
        named = f"{json.dumps(name)}{draw(GAPS)}:" if kind == "object" else ""
        items.append(f"{draw(GAPS)}{named}{draw(GAPS)}{value}{draw(GAPS)}")
    comma = "," if items and draw(st.booleans()) else ""
    return f"{opening}{','.join(items)}{comma}{draw(GAPS)}{closing}"


def without(value: Any) -> Any:
    rest = {key: one for key, one in value.items() if key != "mcpServers"}
    servers = {k: v for k, v in value.get("mcpServers", {}).items() if k != "aircall"}
    return rest, servers


@settings(max_examples=60, deadline=None)
@given(documents())
def test_ours_goes_in_once_and_nothing_else_moves(text: str) -> None:
    there = read(text)
    once = put(text, PATH, ENTRY)
    assert read(once)["mcpServers"]["aircall"] == ENTRY
    assert without(read(once)) == without(there)
    assert put(once, PATH, ENTRY) == once
    assert list(read(once)) == list(dict.fromkeys([*there, "mcpServers"]))
    position = 0
    for letter in "".join(text.split()):  # a comma is added, gaps are filled, nothing is lost
        position = once.index(letter, position) + 1


@settings(max_examples=60, deadline=None)
@given(documents())
def test_ours_comes_out_and_nothing_else_goes(text: str) -> None:
    there = read(text)
    left = drop(put(text, PATH, ENTRY), PATH)
    assert without(read(left)) == without(there)
    if there.get("mcpServers"):  # where it had neighbours, the very bytes
        assert left == text


CHANGED = {"command": "/x", "args": ["-m", "z"], "env": {"A": "c", "B": "d"}}


@settings(max_examples=60, deadline=None)
@given(documents())
def test_a_change_of_ours_moves_nothing_else(text: str) -> None:
    changed = put(put(text, PATH, ENTRY), PATH, CHANGED)
    assert read(changed)["mcpServers"]["aircall"] == CHANGED
    assert without(read(changed)) == without(read(text))


@pytest.mark.parametrize("indent", [None, 2, 4, "\t"])
@pytest.mark.parametrize("servers", [None, {}, {"b": {"c": [1, 2]}}])
def test_a_change_of_ours_is_as_if_it_had_been_put_so_at_once(
    indent: int | str | None, servers: dict[str, Any] | None
) -> None:
    value = {"a": [{"b": 1}], **({} if servers is None else {"mcpServers": servers}), "z": None}
    for text in (json.dumps(value, indent=indent), json.dumps(value, separators=(",", ":")), ""):
        assert put(put(text, PATH, ENTRY), PATH, CHANGED) == put(text, PATH, CHANGED)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{\n"a": 1\n"b": 2}', 3),
        ("{\r\n\r\n!}", 3),
        ("{}\n\n{}", 3),
        ('{"a":\n}', 2),
        ("[1,\n,]", 2),
    ],
)
def test_what_is_broken_is_told_by_its_line(text: str, line: int) -> None:
    with pytest.raises(Broken, match=f"^line {line}: "):
        read(text)


def test_items_of_a_list_are_found_by_their_id_and_keep_their_neighbours() -> None:
    text = '{\n  "inputs": [\n    { "id": "mine" }, // mine\n    { "id": "x", "a": 1 }\n  ]\n}\n'
    asked = [{"id": "x", "a": 2}, {"id": "y"}]
    once = put(text, ("inputs",), asked)
    assert read(once)["inputs"] == [{"id": "mine"}, *asked]
    assert "// mine" in once
    assert put(once, ("inputs",), asked) == once
    assert drop(drop(put(text, ("inputs",), asked[1:]), ("inputs", "y")), ("inputs", "z")) == text
    with pytest.raises(Broken, match="no list"):
        put('{"inputs": [1]}', ("inputs",), asked)
