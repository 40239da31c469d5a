"""Figures of calls as bars, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

WIDEST = 40
"""Cells of the longest bar."""
_LEAST = 21
"""The same where the terminal is narrow: the words above the bars."""
_FIRST = ("calls", "missed", "in_sla_pct", "tta_s", "called_back", "back_s", "talk_s")
"""Figures that are shown where not all have room."""
_PARTS = (("answered", "green"), ("out", "blue"), ("missed", "red"))
"""What a bar is made of: Aircall counts no call in two of these, but those that were passed on."""


def bars_of(data: Mapping[str, Any], width: int) -> Table | None:
    """The table of `aircall_call_stats` with a bar for each group and what else has room in `width`
    cells; None of anything else."""
    from rich.table import Table
    from rich.text import Text

    columns: Sequence[str] = data.get("columns", ())
    rows = [dict(zip(columns, row, strict=True)) for row in data.get("rows", ())]
    if not {"group", *(name for name, _ in _PARTS)} <= {*columns}:
        return None
    most = max((sum(row[name] for name, _ in _PARTS) for row in rows), default=0)
    heads = [name for name in columns if name != "group"]
    room = width - 1 - 3 - max((len(str(row["group"])) for row in rows), default=5)
    shown = _fitting(heads, rows, room - _LEAST - 3)
    longest = min(WIDEST, room - 3 - sum(_cells(name, rows) for name in shown))
    table = Table(title=str(data.get("summary", "")), title_justify="left")
    table.add_column("group", overflow="fold")
    table.add_column("answered, out, missed", no_wrap=True)
    for name in shown:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        bar = Text()
        for name, colour in _PARTS:
            cells = max(1, int((longest - 2) * row[name] / most)) if row[name] else 0
            bar.append("█" * cells, style=colour)
        table.add_row(Text(str(row["group"])), bar, *(_told(row[name]) for name in shown))
    if left := [name for name in heads if name not in shown]:
        table.caption = f"Wider, or with --json: {', '.join(left)}."
    return table


def _fitting(heads: Sequence[str], rows: Sequence[Mapping[str, Any]], room: int) -> list[str]:
    """Those figures that have room together, in the order of the table."""
    shown: set[str] = set()
    for name in sorted(heads, key=lambda one: (*_FIRST, one).index(one)):
        room -= _cells(name, rows)
        if room < 0:
            break
        shown.add(name)
    return [name for name in heads if name in shown]


def _cells(name: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Of a column, with what parts it from the next."""
    return max(len(name), *(len(_told(row[name])) for row in rows), 0) + 3


def _told(value: Any) -> str:
    return "" if value is None else str(value)
