"""Plain BM25 over texts: what clients do that search the tools by themselves."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Mapping


class Plain:
    """BM25 with its usual constants, without a stemmer, a list of stop words or a synonym."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = {name: Counter(_words(text)) for name, text in texts.items()}
        self._spread = Counter(word for text in self._texts.values() for word in text)
        self._mean = statistics.fmean(text.total() for text in self._texts.values())

    def rank(self, query: str, limit: int = 3) -> list[str]:
        count, scores = len(self._texts), dict[str, float]()
        for word in _words(query):
            seen = self._spread[word]
            rarity = math.log(1 + (count - seen + 0.5) / (seen + 0.5))
            for name, text in self._texts.items():
                if times := text[word]:
                    length = 0.25 + 0.75 * text.total() / self._mean
                    got = rarity * times * 2.2 / (times + 1.2 * length)
                    scores[name] = scores.get(name, 0.0) + got
        return sorted(scores, key=lambda name: -scores[name])[:limit]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
