"""The examples as they stand, each against a scripted model that speaks its vendor's format.

Run are those whose packages are installed here: two vendors' in the ordinary tests, and all of them
by `make frameworks`.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from .vendors import Model, playing

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "loops"

TEXT = {"number_id": 88014, "to": "+14155550143", "body": "Sorry that we missed you."}
SCRIPT: list[Any] = [
    [("aircall_search", {"query": "missed calls"}), ("aircall_list_calls", {"max_items": 3})],
    [("aircall_list_calls", {"max_items": 2}), ("aircall_list_calls", {"max_items": "many"})],
    [("aircall_send_message", TEXT)],
    "One was missed, and has a text.",
]
ASKING = {"openai_agents", "pydantic_agent", "langgraph_interrupt"}
"""Those that a person is asked in."""


def imported(program: Path) -> set[str]:
    """The packages that it imports."""
    modules = {
        name
        for node in ast.walk(ast.parse(program.read_text("utf-8")))
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom)
            else [one.name for one in node.names] if isinstance(node, ast.Import) else []
        )
    }  # fmt: skip
    return {name.partition(".")[0] for name in modules}


HERE = [path.stem for path in sorted(EXAMPLES.glob("*.py")) if all(map(find_spec, imported(path)))]


def run(name: str, model: Model, home: Path) -> str:
    environment = {
        **os.environ,
        "AIRCALL_MCP_HOME": str(home),
        "OPENAI_BASE_URL": f"{model.url}/v1",
        "ANTHROPIC_BASE_URL": model.url,
        "GOOGLE_GEMINI_BASE_URL": model.url,
        **dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), "scripted"),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(EXAMPLES / f"{name}.py")],
        env=environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert model.refused == []
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", HERE)
def test_an_example_goes_round_its_whole_loop(name: str, tmp_path: Path) -> None:
    with playing(SCRIPT) as model:
        told = run(name, model, tmp_path)
    assert SCRIPT[-1] in told
    first, second, third = (json.dumps(asked) for asked in model.asked[1:4])
    seen = {
        "schema": "strict" if '"strict": true' in first else "loose",
        "call": "started_at" in first,
        "parallel": "because" in first and "started_at" in first,
        "error": "kind" in second and "argument" in second,
        "approval": "asked" if "Approved:" in told else "not asked",
        "streaming": any(asked.get("stream") for asked in model.asked),
    }
    assert seen["call"]
    assert seen["parallel"]
    assert seen["error"]
    assert seen["approval"] == ("asked" if name in ASKING else "not asked")
    assert "needs_confirmation" not in third
    assert "sandbox" in third
    if into := os.environ.get("FRAMEWORKS_SEEN"):
        with Path(into).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"name": name, **seen}) + "\n")
