"""Extras of this package: what some tools need in addition, and whether it is installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

MODULES: Final[Mapping[str, str]] = {"scripts": "pydantic_monty"}
"""The package that each extra brings."""


def absent(paths: Sequence[str] | None = None) -> frozenset[str]:
    """The extras that are not installed, in milliseconds: nothing is imported for that."""
    places = sys.path if paths is None else paths
    return frozenset(
        extra
        for extra, module in MODULES.items()
        if not any(os.path.isdir(os.path.join(place, module)) for place in places)  # noqa: PTH112, PTH118
    )


def how_to_have(extra: str) -> str:
    """What a person runs to have it: in the folder of the source, for on an index another could
    have taken our name."""
    return (
        f"It needs what `pip install '.[{extra}]'` in the folder of its source brings; then start"
        " the server again."
    )
