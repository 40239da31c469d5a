"""The schemas that the answers of our own tools obey."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[2] / "tool_specs" / "results"


@cache
def schema_of(tool: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{tool}.json").read_text("utf-8"))
