"""Run the loops with the frameworks that are installed here, and write down what was seen of each
into docs/loops.md. `--check` tells whether the page has the programs as they stand, and runs none.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "loops.md"
LOOPS = ROOT / "examples" / "loops"

PACKAGES = {
    "ai_sdk_mcp": ["ai", "@ai-sdk/mcp"],
    "anthropic_messages": ["anthropic"],
    "gemini": ["google-genai"],
    "google_adk_mcp": ["google-adk", "mcp"],
    "langgraph_interrupt": ["langchain", "langgraph"],
    "llamaindex_mcp": ["llama-index-core", "llama-index-tools-mcp", "mcp"],
    "openai_agents": ["openai-agents"],
    "openai_agents_mcp": ["openai-agents", "mcp"],
    "openai_chat": ["openai"],
    "openai_responses": ["openai"],
    "pydantic_agent": ["pydantic-ai-slim"],
    "smolagents_mcp": ["smolagents", "mcpadapt", "mcp"],
}
COLUMNS = ("schema", "call", "parallel", "error", "approval", "denial", "streaming")
TABLE = re.compile(r"(?<=<!-- seen -->\n).*?(?=<!-- /seen -->)", re.DOTALL)
PROGRAM = re.compile(r"(<!-- (\w+\.\w+) -->\n```\w+\n).*?(```)", re.DOTALL)


def main() -> int:
    if "--check" in sys.argv:
        if with_programs(PAGE.read_text("utf-8")) == PAGE.read_text("utf-8"):
            return 0
        print("docs/loops.md is stale: python tests/frameworks/run.py --programs", file=sys.stderr)
        return 1
    PAGE.write_text(with_programs(PAGE.read_text("utf-8")), "utf-8")
    if "--programs" not in sys.argv:
        with tempfile.TemporaryDirectory() as directory:
            seen = Path(directory) / "seen"
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "tests/frameworks",
                "-o",
                "timeout=300",
            ]
            done = subprocess.run(
                command, cwd=ROOT, env={**os.environ, "FRAMEWORKS_SEEN": str(seen)}, check=False
            )
            if done.returncode:
                return done.returncode
            seen_now = TABLE.sub(lambda _: table(seen), PAGE.read_text("utf-8"))
            PAGE.write_text(seen_now, "utf-8")
    return 0


def with_programs(page: str) -> str:
    """The page with each program as it stands in examples/loops, without its docstring."""

    def program(found: re.Match[str]) -> str:
        text = (LOOPS / found[2]).read_text("utf-8")
        return found[1] + re.split(r'"""\n\n|(?<=\n)\n', text, maxsplit=1)[1] + found[3]

    return PROGRAM.sub(program, page)


def table(seen: Path) -> str:
    rows: dict[str, dict[str, Any]] = {}
    for line in seen.read_text("utf-8").splitlines():
        told = json.loads(line)
        row = rows.setdefault(told["name"], {"denial": "not asked"})
        row |= {column: what for column, what in told.items() if what or column not in row}
    lines = [f"| loop | packages | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 2) + "|"]
    for _, row in sorted(rows.items()):
        packages = ", ".join(versions(row["name"]))
        cells = [_cell(row[column]) for column in COLUMNS]
        lines.append(f"| `{row['name']}` | {packages} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def versions(loop: str) -> list[str]:
    """The packages of a loop as they are installed where it runs."""
    named = PACKAGES[loop]
    own = ROOT / f".venv-{loop.removesuffix('_mcp')}" / "bin" / "python"
    if loop == "ai_sdk_mcp":
        pinned = json.loads((HERE / "package.json").read_text("utf-8"))["devDependencies"]
        return [f"{one} {pinned[one]}" for one in named]
    if not own.exists():
        return [f"{one} {version(one)}" for one in named]
    code = "import sys; from importlib.metadata import version as v; print(*map(v, sys.argv[1:]))"
    told = subprocess.run([own, "-c", code, *named], capture_output=True, text=True, check=True)
    return [f"{one} {number}" for one, number in zip(named, told.stdout.split(), strict=True)]


def _cell(value: object) -> str:
    return value if isinstance(value, str) else ("yes" if value else "no")


if __name__ == "__main__":
    sys.exit(main())
