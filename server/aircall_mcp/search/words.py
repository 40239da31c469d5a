"""From a sentence to features: words, roots, concepts, their neighbours, and pieces of words.

The same function serves training and searching, so that a weight always means what it meant when
it was learned. Every step is bounded: the length of the text, of a word, and the number of words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

_VALUES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("xurl", re.compile(r"\bhttps?://\S{1,400}", re.IGNORECASE)),
    ("xmail", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}")),
    ("xtime", re.compile(r"\b\d{1,2}(?::\d\d|h\d\d|\s?[ap]m\b|\s?uhr\b)", re.IGNORECASE)),
    ("xphone", re.compile(r"\+?\(?\d(?:[\s().-]{0,2}\d){7,14}(?!\d)")),
)
"""What only stands for a value: which one it is says nothing, that there is one says a lot."""

NAME = "xname"
"""The word that stands for a name."""

VALUES = frozenset({"xurl", "xmail", "xtime", "xphone", "xid", NAME})
"""The words that stand for values."""

_ID = "xid"
_WORDS_WITH_DIGITS = frozenset({"a2p", "10dlc", "v1", "v2", "2fa", "e911", "911", "999", "112"})
_JOINT = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_NOT = re.compile(r"n['\u2019]t\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
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
        whole: dict[str, list[str]] = {}
        starts: dict[str, list[str]] = {}
        within: dict[str, list[str]] = {}
        for concept, patterns in concepts.items():
            for pattern in patterns:
                text = folded(pattern.strip("*").replace("_", " "))
                where = whole
                if pattern.startswith("*"):
                    where = within
                elif pattern.endswith("*"):
                    where = starts
                held = where.setdefault(text, [])
                if concept not in held:
                    held.append(concept)
        return cls(whole, starts, within)

    def of_word(self, word: str) -> dict[str, None]:
        """The concepts of one folded word, in the order they were found."""
        found = dict.fromkeys(self.whole.get(word, ()))
        for end in range(3, len(word) + 1):
            found.update(dict.fromkeys(self.starts.get(word[:end], ())))
        if len(word) >= SHORTEST_COMPOUND:
            for part, concepts in self.within.items():
                if part in word:
                    found.update(dict.fromkeys(concepts))
        return found


def folded(text: str) -> str:
    """Small letters without accents."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LETTERS)


def words_of(text: str) -> list[str]:
    """The words of `text`, folded, each value replaced by what it is."""
    text = _JOINT.sub(" ", unicodedata.normalize("NFKC", text[:LONGEST_TEXT]))[:LONGEST_TEXT]
    text = _NOT.sub(" not", text)
    for value, pattern in _VALUES:
        text = pattern.sub(f" {value} ", text)
    words: list[str] = []
    for word in _WORD.findall(folded(text)):
        plain = word[:LONGEST_WORD]
        if any(c.isdigit() for c in plain) and plain not in _WORDS_WITH_DIGITS:
            plain = _ID
        if plain == _ID and words and words[-1] == _ID:
            continue
        words.append(plain)
        if len(words) == MOST_WORDS:
            break
    return words


def concepts_of(words: Sequence[str], lexicon: Lexicon) -> Iterator[tuple[str, int]]:
    """Each concept that is spoken of, with the position of the word that speaks of it."""
    for at, word in enumerate(words):
        for concept in lexicon.of_word(word):
            yield concept, at
        for length in (2, 3, 4):
            if at + length <= len(words):
                for concept in lexicon.whole.get(" ".join(words[at : at + length]), ()):
                    yield concept, at


def features_of(words: Sequence[str], lexicon: Lexicon) -> dict[str, int]:
    """Every feature of a sentence, with the position of the word it comes from first.

    `w:` word, `g:` piece, `b:` two neighbours, `c:` concept, `d:` two concepts anywhere.
    """
    found: dict[str, int] = {}
    for at, word in enumerate(words):
        found.setdefault(f"w:{word}", at)
        padded = f"^{word}$"
        for size in PIECES:
            for start in range(len(padded) - size + 1):
                found.setdefault(f"g:{padded[start : start + size]}", at)
    roots = [word[:ROOT] for word in words]
    for at, (one, two) in enumerate(pairwise(roots)):
        found.setdefault(f"b:{one} {two}", at)
    said: dict[str, int] = {}
    for concept, at in concepts_of(words, lexicon):
        said.setdefault(concept, at)
    for concept, at in said.items():
        found.setdefault(f"c:{concept}", at)
    paired = list(said.items())[:MOST_CONCEPTS]
    for n, (one, at) in enumerate(paired):
        for two, _ in paired[n + 1 :]:
            found.setdefault(f"d:{min(one, two)}+{max(one, two)}", at)
    return found
