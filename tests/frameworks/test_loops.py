"""The examples as they stand, each against a scripted model that speaks its vendor's format.

Run are those whose packages are installed here: two vendors' in the ordinary tests, and all of them
by `make frameworks`.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from .seen import seen
from .vendors import Model, playing

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "loops"

TEXT = {"number_id": 88014, "to": "+14155550143", "body": "Sorry that we missed you."}
SCRIPT: list[Any] = [
    [("aircall_search", {"query": "missed calls"}), ("aircall_list_calls", {"max_items": 3})],
    [("aircall_list_calls", {"max_items": 2}), ("aircall_list_calls", {"max_items": 0})],
    [("aircall_send_message", TEXT)],
    "One was missed, and has a text.",
]
ENDS = {"smolagents_mcp.py": [("final_answer", {"answer": SCRIPT[-1]})]}
"""How an agent says that it is done, where a text would not."""
ASKING = {"openai_agents.py", "pydantic_agent.py", "langgraph_interrupt.py"}
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


def command(program: Path, room: Path) -> list[str | Path]:
    """What runs it with the packages that it imports: those of this environment, of its own
    (`.venv-NAME`), or of `node_modules`; nothing where they are not installed."""
    if program.suffix == ".mjs":
        node, modules = which("node"), Path(__file__).with_name("node_modules")
        if not (node and modules.exists()):
            return []
        copy = room / program.name  # Node looks for packages beside a program
        copy.write_bytes(program.read_bytes())
        (room / "node_modules").symlink_to(modules)
        return [node, copy]
    name = program.stem.removesuffix("_mcp")
    if Path(__file__).with_name(f"{name}.in").exists():
        python, here = ROOT / f".venv-{name}" / "bin" / "python", True
    else:
        python, here = Path(sys.executable), all(map(find_spec, imported(program)))
    return [python, "-W", "ignore", program] if here and python.exists() else []


def run(words: list[str | Path], model: Model, home: Path, patience: float) -> str:
    environment = {
        **os.environ,
        "AIRCALL_MCP_HOME": str(home),
        "OPENAI_BASE_URL": f"{model.url}/v1",
        "OPENAI_API_BASE": f"{model.url}/v1",
        "ANTHROPIC_BASE_URL": model.url,
        "GOOGLE_GEMINI_BASE_URL": model.url,
        **dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), "scripted"),
        # The server's command is found by its name, as after an installation.
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    done = subprocess.run(
        words, input="yes\n" * 3, env=environment, capture_output=True, text=True,
        timeout=patience, check=False,
    )  # fmt: skip
    assert model.refused == []
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.name for path in EXAMPLES.glob("*.*")])
def test_an_example_goes_round_its_whole_loop(
    name: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    patience = float(pytestconfig.getini("timeout")) - 10
    if not (words := command(EXAMPLES / name, tmp_path)):
        pytest.skip("Its packages are not installed here: make frameworks")
    with playing([*SCRIPT[:-1], ENDS.get(name, SCRIPT[-1])]) as model:
        told = run(words, model, tmp_path, patience)
    assert SCRIPT[-1] in told
    first, second, third = (
        json.dumps({name: part for name, part in asked.items() if name != "tools"})
        for asked in model.asked[1:4]
    )
    strict = '"strict": true' in json.dumps(model.asked[1].get("tools"))
    told_of = {
        "schema": "strict" if strict else "loose",
        "call": "started_at" in first,
        "parallel": "because" in first and "started_at" in first,
        "error": bool(re.search(r"kind\W+argument", second)),
        "approval": "asked" if "[yes/no]" in told else "not asked",
        "streaming": any(asked.get("stream") for asked in model.asked),
    }
    assert told_of["call"]
    assert told_of["parallel"]
    assert told_of["error"]
    assert told_of["approval"] == ("asked" if name in ASKING else "not asked")
    assert not re.search(r"kind\W+needs_confirmation", third)
    assert re.search(r"sandbox\W+true", third, re.IGNORECASE)
    seen(name.partition(".")[0], **told_of)
