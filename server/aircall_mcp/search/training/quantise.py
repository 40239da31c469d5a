"""From learned weights to those of the file: half a byte each, in steps that double by level."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from ...errors import SpecError
from ..model import LEVELS, SEEN_ONCE, VALUE_STEPS, ZERO, Table, Vocabulary, begins_of, key_of

MOST_LANGUAGES = 8
"""Languages that the file can tell apart: a bit each, in one byte a word."""

_LARGEST = 127
"""Steps on either side of zero of what speaks for several needs."""

_WIDEST = 0.999
"""Share of the rows whose largest weight fits into the steps of the last level."""


def table_of(names: Sequence[str], values: Sequence[float], weights: Any) -> tuple[float, Table]:
    """What a step of the first level is worth, and the rows: each of the level that changes its
    `weights` least. Their last column speaks for several needs."""
    np: Any = import_module("numpy")
    order = sorted(range(len(names)), key=lambda n: key_of(names[n]))
    rows, several = weights[order, :-1], weights[order, -1]
    own = float(np.quantile(np.abs(several), _WIDEST)) / _LARGEST
    widest = np.quantile(np.abs(rows).max(axis=1), _WIDEST)
    unit = float(widest / (15 - ZERO) / 2 ** (LEVELS - 1))
    least = np.full(len(rows), np.inf)
    steps, levels = np.zeros(rows.shape, np.int8), np.zeros(len(rows), np.uint8)
    for level in range(LEVELS):
        step = unit * 2**level
        tried = np.clip(np.rint(rows / step), -ZERO, 15 - ZERO)
        change = ((tried * step - rows) ** 2).sum(axis=1)
        better = change < least
        steps[better], levels[better], least[better] = tried[better], level, change[better]
    halves = (steps + ZERO).astype(np.uint8)
    if halves.shape[1] % 2:
        halves = np.pad(halves, ((0, 0), (0, 1)), constant_values=ZERO)
    keys = array("I", (key_of(names[n]) for n in order))
    return unit, Table(
        keys,
        begins_of(keys),
        bytes(round(values[n] * VALUE_STEPS) for n in order),
        levels.tobytes(),
        array("b", np.clip(np.rint(several / own), -_LARGEST, _LARGEST).astype(int).tolist()),
        (halves[:, ::2] | halves[:, 1::2] << 4).tobytes(),
        own,
    )


def rounded(value: float) -> float:
    """What a feature counts, as the file can say it."""
    return min(round(value * VALUE_STEPS), 255) / VALUE_STEPS


def vocabulary_of(
    spoken: Iterable[tuple[str, Iterable[str]]],
    languages: Mapping[str, str],
    rarity: Mapping[int, float],
) -> Vocabulary:
    """Of the language and the words of each sentence; `languages` are what they are called, by
    code, and `rarity` is a word's by how often it is used."""
    if len(languages) > MOST_LANGUAGES:
        raise SpecError(f"A word's languages are a byte in the file: {MOST_LANGUAGES} at most.")
    bits = {language: 1 << n for n, language in enumerate(languages)}
    used, times = dict[str, int](), Counter[str]()
    for language, words in spoken:
        for word in set(words):
            used[word] = used.get(word, 0) | bits[language]
            times[word] += 1
    by_key = {key_of(word): word for word in used}
    keys = array("I", sorted(by_key))
    words = [by_key[key] for key in keys]
    return Vocabulary(
        tuple(languages.values()),
        keys,
        begins_of(keys),
        bytes(used[word] for word in words),
        bytes(
            SEEN_ONCE if times[word] == 1 else min(round(rarity[times[word]] * VALUE_STEPS), 254)
            for word in words
        ),
    )
