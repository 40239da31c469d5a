"""Where the processor time of a page of 50 calls goes, as a flame graph.

    python benchmarks/flame.py [CALLS]

writes `docs/flame.svg`: a stack is sampled each millisecond of processor time, of the server alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from html import escape
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import anyio
from mcp import Client
from measure import Json, sandbox

from aircall_mcp.app import open_app
from aircall_mcp.ground.config import settings_from
from aircall_mcp.protocol.mcp_server import AircallServer

OUT = Path(__file__).parents[1] / "docs" / "flame.svg"
WIDTH, ROW, LEAST = 1_200, 17, 0.004
"""Pixels, pixels, and the share of all samples below which nothing is drawn."""
EVERY = 0.001

Stack: TypeAlias = tuple[str, ...]


def stack_of(frame: FrameType | None) -> Stack:
    names: list[str] = []
    while frame is not None:
        code = frame.f_code
        file = Path(code.co_filename)
        where = file.stem if file.stem != "__init__" else file.parent.name
        names.append(f"{where}.{code.co_qualname if sys.version_info >= (3, 11) else code.co_name}")
        frame = frame.f_back
    return tuple(reversed(names))


async def sampled(upstream: Json, home: str, calls: int) -> Counter[Stack]:
    environment = {
        "AIRCALL_MCP_HOME": home,
        "AIRCALL_MCP_BASE_URL": upstream["base_url"],
        "AIRCALL_API_ID": upstream["api_id"],
        "AIRCALL_API_TOKEN": upstream["api_token"],
        "AIRCALL_MCP_REQUESTS_PER_MINUTE": "100000",
    }
    stacks: Counter[Stack] = Counter()
    numbers = count(1_600_000_000)
    async with (
        open_app(settings_from({}, environment), environment) as app,
        Client(AircallServer(app.desk, news=app.news)) as client,
    ):

        async def page() -> None:
            asked: dict[str, Any] = {"per_page": 50, "order": "desc", "from": next(numbers)}
            assert not (await client.call_tool("aircall_list_calls", asked)).is_error

        for _ in range(5):
            await page()
        signal.signal(signal.SIGPROF, lambda _, frame: stacks.update([stack_of(frame)]))
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
        for _ in range(calls):
            await page()
        signal.setitimer(signal.ITIMER_PROF, 0)
    return stacks


def drawn(stacks: Counter[Stack]) -> str:
    """The SVG: each frame as wide as its share, on top of who called it."""
    whole = sum(stacks.values())
    boxes: list[str] = []
    deepest = 0

    def draw(part: Counter[Stack], depth: int, left: float) -> None:
        nonlocal deepest
        inner: dict[str, Counter[Stack]] = {}
        for stack, samples in part.items():
            if len(stack) > depth:
                inner.setdefault(stack[depth], Counter())[stack] += samples
        for name, below in sorted(inner.items()):
            samples = sum(below.values())
            share = samples / whole
            if share >= LEAST:
                deepest = max(deepest, depth)
                boxes.append(box(name, share, depth, left))
                draw(below, depth + 1, left)
            left += share * WIDTH

    draw(stacks, 0, 0)
    height = (deepest + 2) * ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' font-family="monospace" font-size="11">{"".join(boxes)}</svg>\n'
    )


def box(name: str, share: float, depth: int, left: float) -> str:
    width, top = share * WIDTH, depth * ROW
    ours = sum(map(ord, name)) % 60
    text = escape(name[: int(width / 6.7)]) if width > 40 else ""
    return (
        f'<g><title>{escape(name)}: {share:.1%}</title><rect x="{left:.1f}" y="{top}"'
        f' width="{width:.1f}" height="{ROW - 1}" fill="hsl({10 + ours} 80% 72%)"/>'
        f'<text x="{left + 3:.1f}" y="{top + 12}">{text}</text></g>'
    )


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    command = [sys.executable, "-m", "aircall_mcp", "sandbox", "--requests-per-minute", "1000000"]
    with tempfile.TemporaryDirectory() as home, sandbox(command, os.environ) as upstream:
        stacks = anyio.run(sampled, upstream, home, calls)
    OUT.write_text(drawn(stacks), "utf-8")
    print(f"{OUT}: {sum(stacks.values())} samples of {calls} pages")


if __name__ == "__main__":
    try:
        main()
    except subprocess.SubprocessError as error:
        sys.exit(str(error))
