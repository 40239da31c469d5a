"""What people and models type first, by writers who saw names and descriptions of the tools alone.

`asked.jsonl` has four sets, each used once for a figure (docs/search.md), in the order in which
the search was built: the misses of one were read before the next was written, and those of the
fourth since. Nothing was learned from them. `python -m pytest tests/search/test_asked.py -s` prints
the figures of today.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.search import Index
from aircall_mcp.search.training import train

from .meant import serves

SOURCES = Path(__file__).parents[2] / "tool_specs"
ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__).with_name("asked.jsonl").read_text("utf-8").splitlines()
]
LEAST = {
    ("plain", "first"): 0.98,
    ("plain", "in five"): 0.98,
    ("sentence", "first"): 0.97,
    ("sentence", "in five"): 0.98,
    ("bag", "first"): 0.97,
    ("several", "in five"): 0.97,
    ("plain", "answered"): 0.99,
    ("sentence", "answered"): 0.98,
    ("bag", "answered"): 0.95,
    ("unsupported", "refused"): 0.96,
}
"""Shares of each kind, over the first three sets, below which the search got worse."""
READ = "sets 1 to 3"
FOURTH = {
    ("plain", "first"): 0.95,
    ("plain", "in five"): 0.98,
    ("sentence", "first"): 0.89,
    ("sentence", "in five"): 0.96,
    ("bag", "first"): 0.98,
    ("several", "in five"): 0.93,
    ("plain", "answered"): 0.98,
    ("sentence", "answered"): 0.93,
    ("bag", "answered"): 0.98,
    ("unsupported", "refused"): 0.95,
}
"""The same of the fourth set, of which nothing was read when the search was built."""


@pytest.fixture(scope="module")
def counts(registry: Registry) -> dict[tuple[str, str], Counter[str]]:
    """By kind and set (`all` of them, too): how many were asked, and what became of them."""
    index = Index(registry.known)
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in ROWS:
        ranking = index.rank(row["query"], 5)
        listed = [match.operation.id for match in ranking.matches]
        said = Counter(asked=1)
        if row["kind"] == "unsupported":
            said["refused"] = int(not ranking.confident)
        elif row["kind"] == "several":
            said["asked"] = len(row["needs"])
            said["in five"] = sum(bool({*need} & {*listed}) for need in row["needs"])
        else:
            said["first"] = int(bool(listed) and serves(ranking.matches[0].operation, row["good"]))
            said["in five"] = int(bool({*row["good"]} & {*listed}))
            said["answered"] = int(ranking.confident)
        parts = ["all", f"set {row['set']}", row["lang"], row.get("of", "all of its kind")]
        for part in (*parts, READ) if row["set"] < 4 else parts:
            found[row["kind"], part].update(said)
    return found


def test_who_types_plainly_is_served(counts: dict[tuple[str, str], Counter[str]]) -> None:
    for (kind, part), count in sorted(counts.items()):
        shares = {name: f"{count[name] / count['asked']:.1%}" for name in count if name != "asked"}
        print(f"{kind:12} {part:16} {count['asked']:4}  {shares}")
    for part, least in ((READ, LEAST), ("set 4", FOURTH)):
        shares = {
            (kind, name): counts[kind, part][name] / counts[kind, part]["asked"]
            for kind, name in least
        }
        short = {what: share for what, share in shares.items() if share < least[what]}
        assert not short, part


def test_few_of_it_are_learned_word_for_word() -> None:
    """Of two or three words ("delete it") there are only so many. 26 of them came with the grammars
    of the tools for whole tasks, whose writer had read the misses of all four sets."""
    sources = train.read_sources(SOURCES)
    learned = {one.text.casefold() for one in (*sources.examples, *sources.several)}
    for sets, plain, unsupported in (((1, 2, 3), 78, 43), ((4,), 38, 15)):
        asked = [row for row in ROWS if row["set"] in sets]
        known = Counter(row["kind"] for row in asked if row["query"].casefold() in learned)
        print(sets, known)
        assert known["sentence"] + known["several"] == 0
        assert known["plain"] <= plain  # what the grammars say, too, when they were written down
        assert known["unsupported"] <= unsupported


def test_what_is_right_is_there(registry: Registry) -> None:
    named = {
        name
        for row in ROWS
        for name in (*row.get("good", ()), *(one for need in row.get("needs", ()) for one in need))
    }
    assert len(named) > 80
    assert named <= set(registry.ids)
