"""The words for effect, stakes and repeatability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Effect = Literal["read", "write", "reach", "delete"]
Stakes = Literal["none", "exposes", "administers"]
AtStake = Literal["exposes", "administers"]
Allowance = Literal["read", "write", "reach", "delete", "exposes", "administers"]
Repeatability = Literal["safe", "idempotent", "never"]

EFFECTS: tuple[Effect, ...] = ("read", "write", "reach", "delete")
STAKES: tuple[Stakes, ...] = ("none", "exposes", "administers")
PERFORMED: Mapping[str, tuple[Effect, ...]] = {
    **{effect: (effect,) for effect in EFFECTS},
    "plan": ("write", "reach", "delete"),
}
"""What the tools perform that are handed other operations, by their ids."""
EVERYTHING: frozenset[Allowance] = frozenset((*EFFECTS, "exposes", "administers"))
"""All that an owner can allow."""
