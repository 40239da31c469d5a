"""Texts, of which several events report, from when one is sent until it is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .event import Event

_AHEAD = 300.0
"""Seconds by which Aircall's clock may be ahead of ours."""
_LIFE = {
    "pending": 0, "accepted": 0, "queued": 0, "scheduled": 0, "created": 0, "sending": 1, "sent": 2,
    "received": 3, "delivered": 3, "undelivered": 3, "failed": 3, "read": 4, "deleted": 5,
}  # fmt: skip
_SOMEWHERE = 2
"""In a life: a status that Aircall does not document."""


def newest(events: Iterable[Event]) -> list[Event]:
    """Each text once, in its newest state, the newest first."""
    found: dict[Any, Event] = {}
    for event in events:
        identity = _identity(event)
        known = found.get(identity)
        if known is None or _standing(known) < _standing(event):
            found[identity] = event
    return sorted(found.values(), key=lambda event: -event.sequence)


def _identity(event: Event) -> tuple[Any, ...]:
    """What the events of one text have in common; an event whose id is none is a text by itself."""
    family = event.kind.partition(".")[0]
    for name in ("id", "group_message_id"):
        value = event.data.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value:
            # Another company's text of that id is another text, and so is one to a group.
            return event.account, family, name, value
    return (event.sequence,)


def _standing(event: Event) -> tuple[Any, ...]:
    """The greater, the newer. What somebody else could have written hides nothing that Aircall
    told, and neither does what is dated in the future; within a second, in which order things
    happened nobody can tell by the clock, a text does not grow younger.
    """
    at = min(event.built, event.received)
    dated = event.built <= event.received + _AHEAD
    return event.trusted, dated, int(at), _stage(event), at, event.sequence


def _stage(event: Event) -> int:
    status = event.data.get("status") or event.kind.rpartition(".")[2]
    return _LIFE.get(status.lower(), _SOMEWHERE) if isinstance(status, str) else _SOMEWHERE
