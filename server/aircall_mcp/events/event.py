"""An event: as Aircall sent it, and as the log holds it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Arrival:
    """An event as it came in. `built` is when Aircall made it, in UNIX seconds.

    `family` is named where its webhook took the place of another, which may tell of it, too.
    """

    webhook: str
    kind: str
    resource: str
    built: float
    data: Mapping[str, Any]
    family: str = ""

    @cached_property
    def digest(self) -> bytes:
        """What a repetition has in common with it: 16 bytes."""
        whose = self.family or self.webhook
        told = [whose, self.kind, self.data.get("id"), self.built, self.data]
        return sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).digest()[
            :16
        ]

    @property
    def is_message(self) -> bool:
        return is_message(self.kind)


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the log. Times are in UNIX seconds; `data` is as Aircall sent it.

    Without `trusted` somebody else could have written it: see `webhooks`.
    """

    sequence: int
    webhook: str
    kind: str
    built: float
    received: float
    call_id: int | None
    data: Mapping[str, Any]
    trusted: bool = True

    @property
    def mark(self) -> Json:
        """What every showing of it says besides: nothing of an event that is trusted."""
        return {} if self.trusted else {"trusted": False}


def is_message(kind: str) -> bool:
    return kind.startswith(("message.", "group_message."))


def matches(kind: str, wanted: Iterable[str]) -> bool:
    """Whether `kind` is among `wanted`, of which some may end in `.*`."""
    return any(
        kind == one or one == "*" or (one.endswith(".*") and kind.startswith(one[:-1]))
        for one in wanted
    )
