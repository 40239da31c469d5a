"""Which tool for a whole task a sentence means, in seven languages, and that plain wishes keep
their operation. The sentences are by a writer who knew the tools by their names and purposes alone.

`python -m pytest tests/search/test_tasks.py -s` prints the figures of today.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from aircall_mcp.offer import Registry
from aircall_mcp.search import Index

ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("tasks.jsonl").read_text("utf-8").splitlines()
]


def test_the_tool_for_the_task_is_found_and_takes_no_plain_wish(registry: Registry) -> None:
    index = Index(registry.known)
    tasks = {one.id for one in registry.known if one.toolset == "workflows"}
    first, five, asked = Counter[str](), Counter[str](), Counter[str]()
    taken = 0
    for row in ROWS:
        listed = [match.operation.id for match in index.rank(row["query"], 5).matches]
        kind = row["good"][0] if row["task"] else "plain"
        for part in (kind, row["lang"], "tasks") if row["task"] else (kind,):
            asked[part] += 1
            first[part] += listed[:1] != [] and listed[0] in row["good"]
            five[part] += bool({*listed} & {*row["good"]})
        taken += not row["task"] and bool({*listed[:1]} & tasks)
    for part, count in sorted(asked.items()):
        print(f"{part:18} {count:4}  first {first[part]:4}  in five {five[part]:4}")
    assert taken == 0
    assert first["tasks"] >= 282
    assert five["tasks"] >= 327
    assert first["plain"] >= 56
    assert five["plain"] == asked["plain"]
