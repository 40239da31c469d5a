"""How much of a text is in words that somebody used: what no sentence taught is not guessed at."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .model import Model
from .words import LONGEST_TEXT, VALUES, folded

COMMON = 8.0
"""Rarity below which a word is in so many sentences that it says little of a language."""

COMMON_SAYS = 0.4
"""What such a word counts beside one that somebody chose."""

MOST_NAMES = 3
"""Unknown words with a capital inside a sentence that are taken for names."""

_WORD = re.compile(r"[^\W_]+")


def familiar(
    text: str, words: Sequence[str], model: Model, described: Callable[[str], bool]
) -> float:
    """The share (0..1) of the words that one language knows, the one that knows most of them.

    `words` are those of `text` as they are read; `described` tells of one whether it describes an
    operation that the model never learned. Ids and other values make nothing known, and a name
    need not be.
    """
    said = [word for word in dict.fromkeys(words) if word not in VALUES]
    used = {word: model.languages(word) for word in said}
    jargon = {
        word for word in said if described(word) or (not used[word] and model.lexicon.of_word(word))
    }
    names = [word for word in _capitalised(text) if not used.get(word, 1) and word not in jargon][
        :MOST_NAMES
    ]
    counted = [word for word in said if word not in names]
    weights = {word: _weight(word, model) for word in counted}
    total = sum(weights.values())
    if not total:
        return 0.0
    return (
        max(
            sum(weight for word, weight in weights.items() if word in jargon or used[word] & 1 << n)
            for n in range(len(model.vocabulary.names))
        )
        / total
    )


def _weight(word: str, model: Model) -> float:
    rarity = model.rarity(word)
    little = rarity is not None and rarity < COMMON and not model.lexicon.of_word(word)
    return COMMON_SAYS if little else 1.0


def _capitalised(text: str) -> list[str]:
    """The words that begin with a capital, but for the first."""
    return [folded(word) for word in _WORD.findall(text[:LONGEST_TEXT])[1:] if word[0].isupper()]
