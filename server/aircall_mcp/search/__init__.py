"""Rank operations for a sentence, or say honestly that nothing here does that."""

from .index import Index
from .verdict import Match, Ranking

__all__ = ["Index", "Match", "Ranking"]
