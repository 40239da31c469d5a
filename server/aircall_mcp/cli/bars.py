"""Figures of calls as bars, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

WIDEST = 40
"""Cells of the longest bar."""
_PARTS = (("answered", "green"), ("out", "blue"), ("missed", "red"))
"""What a bar is made of: Aircall counts no call in two of these, but those that were passed on."""


def bars_of(data: Mapping[str, Any]) -> Table | None:
    """The table of `aircall_call_stats` with a bar for each group; None of anything else."""
    from rich.table import Table
    from rich.text import Text

    columns: Sequence[str] = data.get("columns", ())
    rows = [dict(zip(columns, row, strict=True)) for row in data.get("rows", ())]
    if not {"group", *(name for name, _ in _PARTS)} <= {*columns}:
        return None
    most = max((sum(row[name] for name, _ in _PARTS) for row in rows), default=0)
    table = Table(title=str(data.get("summary", "")), title_justify="left")
    heads = [name for name in columns if name != "group"]
    table.add_column("group")
    table.add_column("answered, out, missed")
    for name in heads:
        table.add_column(name, justify="right")
    for row in rows:
        bar = Text()
        for name, colour in _PARTS:
            bar.append("█" * round(WIDEST * row[name] / most) if most else "", style=colour)
        cells = ["" if row[name] is None else str(row[name]) for name in heads]
        table.add_row(Text(str(row["group"])), bar, *cells)
    return table
