"""The known name nearest to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """` Did you mean `x`?` for the nearest of the known names, or an empty string."""
    close = difflib.get_close_matches(word[:80], list(known), n=1, cutoff=0.6)
    return f"Did you mean `{close[0]}`?" if close else ""
