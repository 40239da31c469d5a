"""Mend a mistyped word: the commonest known word that is one slip of a finger away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

SHORTEST = 5
"""Letters from which a word is mended; shorter ones have too many neighbours."""

LONGEST = 16
"""Letters up to which a word is mended; neighbours grow with the length."""

MOST_MENDED = 6
"""Unknown words of one sentence that are looked at."""

MUCH_COMMONER = 4.0
"""Times what is known of a word that must be known of the one it is taken for a slip of."""

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def mended(
    words: Sequence[str], known: Callable[[str], bool], commonness: Callable[[str], float]
) -> list[str]:
    """`words` with the unknown ones mended. `commonness` is 0 for a word nobody uses."""
    result: list[str] = []
    left = MOST_MENDED
    for word in words:
        best = word
        fits = SHORTEST <= len(word) <= LONGEST and word.isascii() and word.isalpha()
        if left and fits and not known(word):
            left -= 1
            candidates = {near: commonness(near) for near in _slips(word)}
            nearest = max(candidates, key=lambda near: (candidates[near], near))
            if candidates[nearest] > MUCH_COMMONER * commonness(word):
                best = nearest
        result.append(best)
    return result


def _slips(word: str) -> Iterator[str]:
    """Every word that one letter too few, too many, wrong, or two swapped could have made."""
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        if after:
            yield before + after[1:]
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        for letter in _ALPHABET:
            yield before + letter + after
            if after:
                yield before + letter + after[1:]
