"""When events were received: what came in at other times is not in the log."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..storage.store import Transaction

HEARTBEAT = 30.0
"""Seconds between two notes that somebody is listening."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Since when somebody listens, and where nobody did: (from, to) in UNIX seconds."""

    since: float | None
    gaps: tuple[tuple[float, float], ...] = field(default=())
    alive: float | None = None


def note(tx: Transaction, started: float, now: float) -> None:
    """Somebody who began to listen at `started` still does."""
    tx.run(
        """INSERT INTO listened (started, alive) VALUES (:started, :alive)
           ON CONFLICT (started) DO UPDATE SET alive = excluded.alive""",
        started=started,
        alive=now,
    )


def coverage(tx: Transaction, now: float, quiet: float) -> Coverage:
    """Since when, and the gaps longer than `quiet` seconds up to `now`, newest last."""
    spans = tx.all("SELECT started, alive FROM listened ORDER BY started")
    gaps: list[tuple[float, float]] = []
    heard: float | None = None
    for started, alive in spans:
        if heard is not None and started - heard > quiet:
            gaps.append((heard, started))
        heard = max(heard or 0.0, alive)
    if heard is not None and now - heard > quiet:
        gaps.append((heard, now))
    return Coverage(spans[0][0] if spans else None, tuple(gaps), heard)
