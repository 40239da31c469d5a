"""How much of a text is in words that somebody used: what no sentence taught is not guessed at."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from .model import Known
from .words import LONGEST_TEXT, NAME, VALUES, WORD, folded

COMMON = 8.0
"""Rarity below which a word is in so many sentences that it says little of a language."""

COMMON_SAYS = 0.4
"""What such a word counts beside one that somebody chose."""

MOST_NAMES = 3
"""Unknown words with a capital inside a sentence that are taken for names."""

LONGEST_NAME = 10
"""Letters of such a word; what is longer is a compound, as German makes them."""


def capitals(text: str) -> set[str]:
    """The words inside `text` that have a capital."""
    return {folded(word) for word in WORD.findall(text[:LONGEST_TEXT])[1:] if word[0].isupper()}


def named(words: Sequence[str], capital: Container[str], known: Callable[[str], bool]) -> list[str]:
    """`words`, with those that nobody knows and that have a `capital` taken for names."""
    left, result = MOST_NAMES, list[str]()
    for word in words:
        if left and word in capital and len(word) <= LONGEST_NAME and not known(word):
            left, word = left - 1, NAME
        result.append(word)
    return result


def spoken_in(words: Sequence[str], known: Known, count: int) -> int:
    """Which of the `count` languages know most of the words: a bit each, all of them where none
    knows any."""
    used = [known[word][0] for word in dict.fromkeys(words)]
    bits = [1 << n for n in range(count)]
    times = [sum(bool(said & bit) for said in used) for bit in bits]
    return sum(bit for bit, known_here in zip(bits, times, strict=True) if known_here == max(times))


def familiar(
    words: Sequence[str], known: Known, count: int, described: Callable[[str], bool]
) -> float:
    """The share (0..1) of the words that one of `count` languages knows, the one that knows most of
    them.

    `described` tells of a word whether it describes an operation that the model never learned.
    Names, ids and other values make nothing known, and need not be.
    """
    weights, languages = list[float](), list[int]()
    every = (1 << count) - 1
    shared = every
    for word in dict.fromkeys(words):
        if word in VALUES:
            continue
        used, rarity, concepts = known[word]
        little = rarity is not None and rarity < COMMON and not concepts
        weights.append(COMMON_SAYS if little else 1.0)
        languages.append(every if described(word) or (concepts and not used) else used)
        shared &= languages[-1]
    if not weights:
        return 0.0
    if shared:  # one knows them all
        return 1.0
    spoken = list(zip(weights, languages, strict=True))
    return max(
        sum([weight for weight, used in spoken if used & 1 << n]) for n in range(count)
    ) / sum(weights)
