"""How much of a text is in words that somebody used: what no sentence taught is not guessed at."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence

from .model import Model
from .words import LONGEST_TEXT, NAME, VALUES, folded

COMMON = 8.0
"""Rarity below which a word is in so many sentences that it says little of a language."""

COMMON_SAYS = 0.4
"""What such a word counts beside one that somebody chose."""

MOST_NAMES = 3
"""Unknown words with a capital inside a sentence that are taken for names."""

LONGEST_NAME = 10
"""Letters of such a word; what is longer is a compound, as German makes them."""

_WORD = re.compile(r"[^\W_]+")


def capitals(text: str) -> set[str]:
    """The words inside `text` that have a capital."""
    return {folded(word) for word in _WORD.findall(text[:LONGEST_TEXT])[1:] if word[0].isupper()}


def named(words: Sequence[str], capital: Container[str], known: Callable[[str], bool]) -> list[str]:
    """`words`, with those that nobody knows and that have a `capital` taken for names."""
    left, result = MOST_NAMES, list[str]()
    for word in words:
        if left and word in capital and len(word) <= LONGEST_NAME and not known(word):
            left, word = left - 1, NAME
        result.append(word)
    return result


def spoken_in(words: Sequence[str], model: Model) -> int:
    """The languages that know most of the words: a bit each, all of them where none knows any."""
    used = [model.languages(word) for word in dict.fromkeys(words)]
    bits = [1 << n for n in range(len(model.vocabulary.names))]
    counts = [sum(bool(said & bit) for said in used) for bit in bits]
    return sum(bit for bit, count in zip(bits, counts, strict=True) if count == max(counts))


def familiar(words: Sequence[str], model: Model, described: Callable[[str], bool]) -> float:
    """The share (0..1) of the words that one language knows, the one that knows most of them.

    `described` tells of a word whether it describes an operation that the model never learned.
    Names, ids and other values make nothing known, and need not be.
    """
    said = [word for word in dict.fromkeys(words) if word not in VALUES]
    used = {word: model.languages(word) for word in said}
    jargon = {
        word for word in said if described(word) or (not used[word] and model.lexicon.of_word(word))
    }
    weights = {word: _weight(word, model) for word in said}
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
