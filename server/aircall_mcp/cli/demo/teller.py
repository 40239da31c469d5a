"""Prints a demo step by step: in colour on a terminal, plain elsewhere.

Prose is wrapped between words. JSON is cut where the line ends, since half of it broken over lines
is harder to read than half of it. Rows stand in columns. Nobody looks at a pipe's right edge: there
prose keeps its lines, and JSON is cut at `PIPED`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, cast

import click
from rich.cells import cell_len, set_cell_size

from .. import screen

Json = dict[str, Any]

NARROWEST, PIPED = 60, 120
MOST_ROWS = 3
_GAP = 2
_BAR, _INDENT = "   │ ", "   "


class Teller:
    """Tells each step: tool, arguments, answer. `client` is who calls."""

    def __init__(self) -> None:
        self.client: Any = None
        self._step = 0
        self.width = max(NARROWEST, screen.columns(sys.stdout) or PIPED)

    def wish(self, text: str) -> None:
        """What the person asked for, in their words."""
        screen.out("")
        screen.show(f"\u201c{text}\u201d", style="cyan")

    def step(self, text: str) -> None:
        """The next step, in words."""
        self._step += 1
        screen.out("")
        screen.show(text, first=click.style(f"{self._step}. ", bold=True), rest=_INDENT)

    def say(self, text: str) -> None:
        """Words that belong to the step."""
        screen.show(text, first=_INDENT, rest=_INDENT)

    def show(self, value: Any) -> None:
        """What came back: rows as a table, an object as a line for each member."""
        for line in shown(value, self.width - len(_BAR)):
            screen.out(click.style(_BAR, dim=True) + click.style(line, fg="green"))

    async def call(
        self, why: str, tool: str, arguments: Json, *, show: Callable[[Json], Any]
    ) -> Json:
        """Call `tool`, print what `show` picks of the answer, and give back the whole answer."""
        self.step(why)
        given, room = _compact(arguments), self.width - len(_INDENT)
        name = _INDENT + click.style(tool, fg="cyan")
        if cell_len(f"{tool} {given}") <= room:
            screen.out(f"{name} {given}")
        else:
            screen.out(f"{name}\n{_INDENT}{cut(given, room)}")
        result = await self.client.call_tool(tool, arguments)
        answer: Json = result.structured_content or {}
        if result.is_error:
            raise click.ClickException(f"{tool}: {answer.get('error', answer)}")
        self.show(show(answer))
        return answer


def shown(value: Any, width: int) -> list[str]:
    """Lines for the eye, none of them wider than `width` columns."""
    if (
        isinstance(value, list)
        and value
        and all(isinstance(row, dict) for row in cast("Any", value))
    ):
        return [cut(line, width) for line in table(cast("list[Json]", value), width)]
    if isinstance(value, dict) and len(members := cast("Json", value)) > 1:
        lines = [f"{key}: {_compact(part)}" for key, part in members.items()]
    elif isinstance(value, list) and value:
        lines = [_cell(item) for item in cast("list[Any]", value)]
    else:
        lines = [_compact(value)]
    return [cut(line, width) for line in lines]


def table(rows: list[Json], width: int) -> list[str]:
    """`rows` in columns under their names; the widest columns give way first."""
    names = list(rows[0])
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows[:MOST_ROWS])]
    widths = [max(cell_len(row[i]) for row in cells) for i in range(len(names))]
    while sum(widths) + _GAP * (len(names) - 1) > width and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    lines = [
        (" " * _GAP)
        .join(set_cell_size(cut(cell, room), room) for cell, room in zip(row, widths, strict=True))
        .rstrip()
        for row in cells
    ]
    more = len(rows) - MOST_ROWS
    return [*lines, f"… and {more} more"] if more > 0 else lines


def cut(text: str, width: int) -> str:
    """The beginning of `text`, with an ellipsis where something was left out."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def _cell(value: Any) -> str:
    """Text without its quotes; what could move a cursor stays escaped."""
    if isinstance(value, list):
        return ", ".join(map(_cell, cast("list[Any]", value)))
    return _compact(value)[1:-1] if isinstance(value, str) else _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
