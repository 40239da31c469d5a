"""`aircall-mcp search`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

import click

from . import options, screen


@click.command("search")
@click.argument("query", nargs=-1)
@click.option("--limit", type=click.IntRange(1, 10), default=3, show_default=True)
@click.option(
    "--batch", type=click.File("r", encoding="utf-8-sig"), help="JSON lines with a `query` key."
)
@options.as_json
def command(query: tuple[str, ...], limit: int, batch: IO[str] | None, as_json: bool) -> None:
    """Rank operations for QUERY, a need in plain words."""
    from ..offer import offers_for
    from ..offer.tools import matches_of
    from ..search import Index

    offer = offers_for(options.settings()).to()
    registry = offer.registry
    index = Index(registry.known)
    if batch is not None:
        try:
            for row in _batch(index, batch):
                click.echo(json.dumps(row, ensure_ascii=False))
        except UnicodeDecodeError:
            raise click.ClickException(f"{batch.name} is not text in UTF-8.") from None
        return
    if not query:
        raise click.UsageError("Give a QUERY, or --batch FILE.")
    ranking = index.rank(" ".join(query), limit)
    if as_json:
        found = matches_of(ranking, offered=offer, known=registry.ids, surface=offer.surface)
        options.print_json(found)
        return
    if ranking.hint:
        screen.show(f"{ranking.hint}\n", style=None if ranking.confident else "yellow")
    screen.table(
        ("tool", "score", "effect", "what it does", "because"),
        (
            (
                match.operation.tool,
                f"{match.score:.2f}",
                screen.effect(match.operation.effect),
                match.operation.summary,
                ", ".join(match.because),
            )
            for match in ranking.matches
        ),
    )


def _batch(index: Any, lines: IO[str]) -> Iterator[dict[str, Any]]:
    """Aircall's operations only, at most 10, in the order of the lines."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            query = str(json.loads(line)["query"]).encode("utf-8", "replace").decode()
        except (ValueError, KeyError, TypeError):
            raise click.ClickException(f"line {number} is not a JSON object with a query") from None
        ranking = index.rank(query, 20)
        routes = [m.operation.route for m in ranking.matches if not m.operation.ours]
        best = ranking.matches[0].score if ranking.matches else 0.0
        yield {
            "query": query,
            "confident": ranking.confident,
            "score": round(best, 4),
            "ranked": routes[:10],
        }
