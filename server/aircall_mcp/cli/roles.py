"""What a client is for, in one word: the tools it is offered and the policy that goes with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Role:
    """`toolsets` are those on offer, all where none is named."""

    read_only: bool = False
    toolsets: tuple[str, ...] = ()


_CUSTOMERS = ("calls", "insights", "contacts", "messages", "tags", "users", "numbers", "teams",
              "events", "workflows")  # fmt: skip

ROLES: Final[Mapping[str, Role]] = {
    "analyst": Role(read_only=True),
    "support": Role(toolsets=_CUSTOMERS),
    "sales": Role(toolsets=(*_CUSTOMERS, "dialer", "campaigns")),
}
"""By the name of the preset in `safety/presets`."""
