"""From a sentence to features: words, roots, concepts, their neighbours, and pieces of words.

The same function serves training and searching, so that a weight always means what it meant when
it was learned. Every step is bounded: the length of the text, of a word, and the number of words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

FEATURES = 2
"""Raise it when a sentence gets other features: the model was learned from the old ones."""

LONGEST_TEXT = 2_000
"""Characters of a text that are read; a need fits, a pasted document is cut."""

MOST_WORDS = 80
"""Words of a text that become features; more would only blur what is meant."""

LONGEST_WORD = 28
"""Letters of a word that are looked at; longer ones are compounds, keys or noise."""

ROOT = 5
"""Letters of a word's beginning that stand for it: a stemmer for seven languages in one line."""

PIECES = (3, 4, 5)
"""Lengths of the pieces of a word, `^` and `$` at its ends: they carry typos and inflection."""

MOST_CONCEPTS = 16
"""Concepts of one sentence that are paired with each other."""

SHORTEST_COMPOUND = 8
"""Letters from which a word may hide another inside, as in German and Dutch."""

_VALUES = (
    ("xurl", "://", r"(?i)\bhttps?://\S{1,400}"),
    ("xmail", "@", r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}"),
    ("xtime", "", r"(?i)\b\d{1,2}(?::\d\d|h\d\d|\s?[ap]m\b|\s?uhr\b)"),
    ("xphone", "", r"\+?\(?\d(?:[\s().-]{0,2}\d){7,14}(?!\d)"),
)
"""What only stands for a value: which one it is says nothing, that there is one says a lot. Each
with what no such value is without, a digit where nothing is written: compiled when one is there."""

NAME = "xname"
"""The word that stands for a name."""

VALUES = frozenset({"xurl", "xmail", "xtime", "xphone", "xid", NAME})
"""The words that stand for values."""

_ID = "xid"
_WORDS_WITH_DIGITS = frozenset({"a2p", "10dlc", "v1", "v2", "2fa", "e911", "911", "999", "112"})
_JOINT = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_NOT = r"(?i)n['\u2019]t\b"
WORD = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")
_LETTERS = str.maketrans({"ß": "ss", "œ": "oe", "æ": "ae", "ø": "o", "ł": "l"})


class Lexicon:
    """Words people use → concepts, in every language at once.

    `whole` words and phrases, `starts` of words, and parts `within` compounds.
    """

    def __init__(
        self,
        whole: Mapping[str, Sequence[str]],
        starts: Mapping[str, Sequence[str]],
        within: Mapping[str, Sequence[str]],
    ) -> None:
        self.whole, self.starts, self.within = whole, starts, within

    @classmethod
    def of(cls, concepts: Mapping[str, Iterable[str]]) -> Lexicon:
        """From concept → patterns: `word`, `two_words`, `start*`, `*within*`."""
        whole: dict[str, tuple[str, ...]] = {}
        starts: dict[str, tuple[str, ...]] = {}
        within: dict[str, tuple[str, ...]] = {}
        for concept, patterns in concepts.items():
            for pattern in patterns:
                text = folded(pattern.strip("*").replace("_", " "))
                where = whole
                if pattern.startswith("*"):
                    where = within
                elif pattern.endswith("*"):
                    where = starts
                where[text] = (*dict.fromkeys((*where.get(text, ()), concept)),)
        return cls(whole, starts, within)

    def of_word(self, word: str) -> Sequence[str]:
        """The concepts of one folded word, in the order they were found."""
        found, starts = self.whole.get(word, ()), self.starts
        for end in range(3, len(word) + 1):
            if begun := starts.get(word[:end]):
                found = (*found, *begun)
        if len(word) >= SHORTEST_COMPOUND:
            for part, concepts in self.within.items():
                if part in word:
                    found = (*found, *concepts)
        return tuple(dict.fromkeys(found)) if len(found) > 1 else found


def folded(text: str) -> str:
    """Small letters without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LETTERS)


def words_of(text: str) -> list[str]:
    """The words of `text`, folded, each value replaced by what it is."""
    text = _JOINT.sub(" ", unicodedata.normalize("NFKC", text[:LONGEST_TEXT]))[:LONGEST_TEXT]
    if "'" in text or "\u2019" in text:
        text = re.sub(_NOT, " not", text)
    for value, sign, pattern in _VALUES:
        if sign in text if sign else _DIGIT.search(text):
            text = re.sub(pattern, f" {value} ", text)
    words: list[str] = []
    for word in WORD.findall(folded(text)):
        plain = word[:LONGEST_WORD]
        if not plain.isalpha() and any(c.isdigit() for c in plain):
            plain = plain if plain in _WORDS_WITH_DIGITS else _ID
        if plain == _ID and words and words[-1] == _ID:
            continue
        words.append(plain)
        if len(words) == MOST_WORDS:
            break
    return words


def concepts_of(
    words: Sequence[str], lexicon: Lexicon, of_word: Callable[[str], Sequence[str]] | None = None
) -> list[tuple[str, int]]:
    """Each concept that is spoken of, with the position of the word that speaks of it; `of_word`
    tells those of a word where they are known already."""
    found: list[tuple[str, int]] = []
    of_word, whole = of_word or lexicon.of_word, lexicon.whole
    for at, word in enumerate(words):
        if said := of_word(word):
            found += [(concept, at) for concept in said]
        phrase = word
        for following in words[at + 1 : at + 4]:
            phrase = f"{phrase} {following}"
            if said := whole.get(phrase):
                found += [(concept, at) for concept in said]
    return found


def features_of(words: Sequence[str], concepts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Every feature of a sentence, with the position of the word it comes from first.

    `w:` word, `g:` piece, `b:` two neighbours, `c:` concept, `d:` two concepts anywhere.
    """
    found: dict[str, int] = {}
    keep = found.setdefault
    for at, word in enumerate(words):
        keep(f"w:{word}", at)
        padded = f"^{word}$"
        for size in PIECES:
            for end in range(size, len(padded) + 1):
                keep(f"g:{padded[end - size : end]}", at)
    roots = [word[:ROOT] for word in words]
    for at, (one, two) in enumerate(pairwise(roots)):
        keep(f"b:{one} {two}", at)
    said: dict[str, int] = {}
    for concept, at in concepts:
        said.setdefault(concept, at)
    for concept, at in said.items():
        keep(f"c:{concept}", at)
    paired = list(said.items())[:MOST_CONCEPTS]
    for n, (one, at) in enumerate(paired):
        for two, _ in paired[n + 1 :]:
            keep(f"d:{one}+{two}" if one < two else f"d:{two}+{one}", at)
    return found
