"""Rank operations by the words they are described with: for those the model never learned."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from ..ground.operation import Operation
from .words import ROOT, Lexicon, concepts_of, words_of

NAME_WORTH = 3.0
SUMMARY_WORTH = 2.0
SAID_WORTH = 1.0
"""What a word is worth in the name or title, in the summary, and in an utterance."""

RAREST = 9.0
"""Rarity of a word that nobody used where the model learned: the logarithm of its examples."""

SATURATION = 1.5
"""Worth at which a word has given half of what it can: BM25's k1."""

CONCEPT_SHARE = 0.5
"""Share of a word's weight that it keeps where only its concept is met."""


class Lexical:
    """Made once over operations; `rank` looks only at those that share a word with the query.

    `rarity` of a word tells how little it is used where the model learned, `RAREST` at most.
    """

    def __init__(
        self, operations: Iterable[Operation], lexicon: Lexicon, rarity: Callable[[str], float]
    ) -> None:
        self._rarity = rarity
        self._names: list[str] = []
        self._words: set[str] = set()
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for n, operation in enumerate(operations):
            self._names.append(operation.id)
            worths: dict[str, float] = {}
            for text, worth in (
                (operation.id.replace("_", " "), NAME_WORTH),
                (operation.title, NAME_WORTH),
                (operation.summary, SUMMARY_WORTH),
                *((said, SAID_WORTH) for said in operation.utterances),
            ):
                words = words_of(text)
                self._words.update(words)
                for term in _terms(words, concepts_of(words, lexicon)):
                    worths[term] = max(worths.get(term, 0.0), worth)
            for term, worth in worths.items():
                self._postings[term].append((n, worth / (worth + SATURATION)))

    def knows(self, word: str) -> bool:
        return word in self._words

    def rank(self, words: Sequence[str], concepts: Iterable[tuple[str, int]]) -> dict[str, float]:
        """By id, the share (0..1) of the query's weight that each operation explains."""
        terms = _terms(words, concepts)
        if self._postings.keys().isdisjoint(terms):
            return {}
        found: dict[int, float] = defaultdict(float)
        total, all_of_them = 0.0, math.log(1 + len(self._names))
        for term, word in terms.items():
            postings = self._postings.get(term, ())
            here = math.log(1 + len(self._names) / (1 + len(postings))) / all_of_them
            weight = min(self._rarity(word), RAREST * here)
            if term.startswith("c:"):
                weight *= CONCEPT_SHARE
            total += weight
            for n, worth in postings:
                found[n] += weight * worth
        most = NAME_WORTH / (NAME_WORTH + SATURATION)
        return {self._names[n]: min(got / (most * total), 1.0) for n, got in found.items()}


_LITTLE_WORDS = (
    "a an the of to for in on at is it i me my we our you your and or with by from please can could"
    " do does want need how what who this that be all one le la les de du des un une et el los las"
    " y der die das den ein eine und het een il lo gli di e o os as um uma em xid xname"
    " list show read get"
)
_SAY_NOTHING = frozenset(_LITTLE_WORDS.split())


def _terms(words: Sequence[str], concepts: Iterable[tuple[str, int]]) -> dict[str, str]:
    """Roots and concepts, each with the word it comes from."""
    terms = {word[:ROOT]: word for word in words if word not in _SAY_NOTHING}
    for concept, at in concepts:
        if words[at] not in _SAY_NOTHING:
            terms.setdefault(f"c:{concept}", words[at])
    return terms


def shared(words: Sequence[str], operation: Operation) -> tuple[str, ...]:
    """The words that the operation is described with too."""
    text = " ".join((operation.title, operation.summary, *operation.utterances))
    own = {word[:ROOT] for word in words_of(text)} - _SAY_NOTHING
    return tuple(dict.fromkeys(word for word in words if word[:ROOT] in own))
