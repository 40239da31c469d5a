"""What clients find that search the tools by themselves: plain BM25 over what `tools/list` says.

A tool's text is its name, title, description and the names of its arguments. `python -m pytest
tests/search/test_definitions.py -s` prints the figures in docs/search.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aircall_mcp.ground.operation import Operation
from aircall_mcp.offer import Offer, Registry, Selection
from aircall_mcp.offer.tools import tool_for
from aircall_mcp.search.training.sources import OWN, read_sources

from .bm25 import Plain

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "tool_specs"
BESIDE = {"detail", "max_items", "skip", "account", "fresh", "dry_run"}
"""Arguments that every tool has."""

IN_FIVE = {"bags": 0.97, "strangers": 0.78, "plain": 0.86, "sentences": 0.73, "voices": 0.6}
"""Shares whose tool must be among five."""


def said_of(operation: Operation) -> str:
    tool = tool_for(operation)
    arguments = (name for name in tool["inputSchema"]["properties"] if name not in BESIDE)
    return " ".join((tool["name"], tool["title"], tool["description"], *arguments))


def rows_of(name: str) -> Iterable[dict[str, Any]]:
    return map(json.loads, HERE.joinpath(name).read_text("utf-8").splitlines())


def test_who_searches_the_definitions_finds_the_tool(registry: Registry) -> None:
    offered = {operation.id: said_of(operation) for operation in Offer(registry, Selection())}
    index = Plain(offered)
    whole = {name: one.id for one in registry.known for name in one.stands_for}
    asked = [row for row in rows_of("asked.jsonl") if row["lang"] == "en" and "good" in row]
    strange = [row for row in rows_of("strangers.jsonl") if row["language"] == "en"]
    queries: dict[str, list[tuple[str, list[str]]]] = {
        "bags": [(row["query"], row["good"]) for row in asked if row["kind"] == "bag"],
        "plain": [(row["query"], row["good"]) for row in asked if row["kind"] == "plain"],
        "sentences": [(row["query"], row["good"]) for row in asked if row["kind"] == "sentence"],
        "strangers": [
            (row["query"], row["needs"]) for row in strange if len(row.get("needs", ())) == 1
        ],
        "voices": [
            (row.text, [row.intent])
            for row in read_sources(SOURCES).examples[::9]
            if row.voice != OWN and row.language == "en"
        ],
    }
    found = dict[str, float]()
    for kind, pairs in queries.items():
        # A tool that does the whole task serves as well: see `meant`.
        right = [
            (query, {*good, *(whole.get(name, name) for name in good)}) for query, good in pairs
        ]
        there = [(query, good & offered.keys()) for query, good in right]
        ranked = [(good, index.rank(query, 5)) for query, good in there if good]
        shares = [
            sum(bool(good & {*best[:n]}) for good, best in ranked) / len(ranked) for n in (1, 3, 5)
        ]
        found[kind] = shares[-1]
        print(f"{kind:10} {len(ranked):5}", *(f"{share:.1%}" for share in shares))
    assert all(found[kind] >= least for kind, least in IN_FIVE.items()), found
