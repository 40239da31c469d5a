"""Write `docs/journeys.md` from the journeys themselves; with `--check` only compare.

Each is told by `aircall-mcp demo NAME`, through a real MCP client over stdio. Ids and times differ
from run to run, so what is compared is what stands between the digits.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from aircall_mcp.cli.demo import JOURNEYS

PAGE = Path(__file__).parent / "journeys.md"
HEAD = """\
# Four journeys

<!-- Written by docs/journeys.py. Do not edit by hand. -->

Four tasks that people ask for, done in the sandbox on the `tasks` surface, step by step, through a
real MCP client. Try one: `aircall-mcp demo NAME`. Their cost in tokens, compared with plain
operations, is in [benchmarks/journeys.md](../benchmarks/journeys.md).
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    told = page({name: transcript(name) for name in JOURNEYS})
    there = PAGE.read_text("utf-8") if PAGE.exists() else ""
    if alike(told, there):
        return 0
    if options.check:
        print("docs: journeys.md is stale; run `python docs/journeys.py`.", file=sys.stderr)
        return 1
    PAGE.write_text(told, "utf-8")
    print("docs: wrote docs/journeys.md")
    return 0


def transcript(name: str) -> str:
    """What `aircall-mcp demo NAME` prints into a pipe, from the wish to where it is fulfilled."""
    command = [sys.executable, "-m", "aircall_mcp", "demo", name]
    done = subprocess.run(  # noqa: S603 - ourselves
        command, capture_output=True, text=True, timeout=120, check=True
    )
    _, quote, told = done.stdout.partition("\u201c")
    return (quote + told).partition("\nDone.")[0].rstrip()


def page(transcripts: dict[str, str]) -> str:
    parts = [f"## {name}\n\n```text\n{said}\n```\n" for name, said in transcripts.items()]
    return "\n".join([HEAD, *parts])


def alike(one: str, other: str) -> bool:
    return plain(one) == plain(other)


def plain(text: str) -> str:
    """Without what differs from run to run: ids, times, and the room they take."""
    return re.sub(r"[ ]+", " ", re.sub(r"\d+", "0", text))


if __name__ == "__main__":
    sys.exit(main())
