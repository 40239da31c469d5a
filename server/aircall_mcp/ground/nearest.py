"""The known name that is nearest to an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> list[str]:
    """The nearest of the known names, if one is near."""
    return difflib.get_close_matches(word[:80], list(known), n=1, cutoff=0.6)


def nearest(word: str, known: Iterable[str]) -> str:
    """` Did you mean `x`?` for the nearest of the known names, or an empty string."""
    close = closest(word, known)
    return f"Did you mean `{close[0]}`?" if close else ""
