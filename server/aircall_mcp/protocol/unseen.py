"""Clients that answer without their users: which ones, since when, and how that is known.

From these a word that nobody may have said is nobody's: a no of one that declines unseen is no
refusal, a yes of one that accepts unseen is no yes, and one that hangs is not waited for as long.
`docs/approvals.md` is written from this table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Does = Literal["declines", "accepts", "hangs"]


@dataclass(frozen=True, slots=True)
class Habit:
    """`client` is what it calls itself in `clientInfo`, `versions` from the first to before the
    last, None where no end is known. `looked` is when that was read, at `source`."""

    client: str
    versions: tuple[str, str | None]
    does: Does
    where: str
    looked: str
    source: str


HABITS: Final[tuple[Habit, ...]] = (
    Habit(
        client="claude-code",
        versions=("2.1.76", None),
        does="declines",
        where="driven by another program: desktop app, VS Code extension, stream-json, SDK hosts"
        " without `onElicitation`",
        looked="2026-11-28",
        source="anthropics/claude-code#89858, #79174, #41292",
    ),
    Habit(
        client="claude-code",
        versions=("2.1.226", None),
        does="hangs",
        where="over HTTP, and in Cowork",
        looked="2026-11-28",
        source="anthropics/claude-code#85442, #94806",
    ),
    Habit(
        client="codex-mcp-client",
        versions=("0", None),
        does="declines",
        where="with approvals `never`, where it cannot show a form, and before it could",
        looked="2026-11-28",
        source="openai/codex#6992, #19554",
    ),
    Habit(
        client="codex-mcp-client",
        versions=("0", None),
        does="accepts",
        where="with full access, or approvals turned off by its host",
        looked="2026-11-28",
        source="openai/codex#17164, #21277",
    ),
)


def habits_of(client: str, version: str, habits: Sequence[Habit] = HABITS) -> frozenset[Does]:
    """What the client that calls itself so may do unseen; nothing for one that is not known. A
    version that says nothing may be any."""
    return frozenset(
        habit.does
        for habit in habits
        if habit.client == client.strip().lower() and _within(version, *habit.versions)
    )


def _within(version: str, first: str, last: str | None) -> bool:
    this = _parts(version)
    if not this:
        return True
    return _parts(first) <= this and (last is None or this < _parts(last))


def _parts(version: str) -> tuple[int, ...]:
    found = re.match(r"\d{1,9}(?:\.\d{1,9})*", version.strip().removeprefix("v"))
    return tuple(int(part) for part in found[0].split(".")) if found else ()
