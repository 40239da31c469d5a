"""A text as the model reads it: its words, mended, their features and what those say."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cached_property

from ..ground.operation import Operation
from .familiar import capitals, familiar, named, spoken_in
from .lexical import RAREST, Lexical
from .model import REFUSED, Known, Model
from .record import Record
from .words import concepts_of, features_of, words_of

LEXICAL_TRUST = 0.85
"""What full agreement in words is worth for an operation the model never learned."""

LEAST_SHARE = 0.4
"""Agreement in words below which it is chance: "call" is in the words of everything here."""

RARE = 12.5
"""Rarity from which a word may be a slip that somebody has made before."""

CAPITAL_NOUNS = "German"
"""The language in which a capital inside a sentence is no sign of a name."""

DELETING, UNDOING = "delete", "undo"
"""Concepts of which one asks for deleting and the other speaks of what was deleted."""

HINTS_LEAST, SAYS_LEAST = 0.1, 0.5
"""Probability that a deletion must have where no word asks for one: in a sentence that may hint at
it ("she left for good, nothing of her may stay"), and in a few words."""

SHORTEST_HINT = 5
"""Words from which a sentence may hint."""


class Reading(Record):
    """A text as the model reads it, slips mended in `words` but not in `spoken`: `at` the word of a
    feature, `heard` the rows of the model by word, `marks` and `chances` of the intents, `learned`
    and `unlearned` scores of the operations by id, the log-odds of `several` needs, and the share
    of the words that are `familiar`."""

    words: Sequence[str]
    spoken: Sequence[str]
    at: Mapping[str, int]
    heard: Mapping[int, Sequence[int]]
    marks: Sequence[float]
    chances: Sequence[float]
    learned: Mapping[str, float]
    unlearned: Mapping[str, float]
    several: float
    familiar: float

    def scores(self) -> dict[str, float]:
        """How probably each operation is meant, if Aircall can do it at all."""
        total = sum(self.learned.values()) or 1.0
        return {name: score / total for name, score in self.learned.items()} | {**self.unlearned}

    @cached_property
    def possible(self) -> float:
        """How probably it can."""
        return max(sum(self.learned.values()), max(self.unlearned.values(), default=0.0))

    @cached_property
    def best(self) -> float:
        """How probably the best operation is meant."""
        return max((*self.learned.values(), *self.unlearned.values()), default=0.0)


class Reader:
    """Reads texts with `model`, for the operations in `found`, which a sentence may find.

    `places` are the columns of those the model learned, by id; `refused` those of what Aircall
    cannot do, by name.
    """

    def __init__(self, model: Model, found: Iterable[Operation]) -> None:
        self.model = model
        ranked = {o.id: o for o in found}
        self.places = {
            intent: place for place, intent in enumerate(model.intents) if intent in ranked
        }
        self.refused = {
            intent.removeprefix(REFUSED): place
            for place, intent in enumerate(model.intents)
            if intent.startswith(REFUSED)
        }
        self._capital_nouns = sum(
            1 << n for n, name in enumerate(model.vocabulary.names) if name == CAPITAL_NOUNS
        )
        self._deleting = {o.id for o in ranked.values() if o.effect == "delete"}
        unlearned = (o for o in ranked.values() if o.id not in self.places)
        self._lexical = Lexical(unlearned, model.lexicon, self._rarity)

    def marks(self, text: str) -> Sequence[float]:
        """Those of a part of a text, taken as it is written."""
        words = words_of(text)
        at = features_of(words, concepts_of(words, self.model.lexicon))
        return self.model.scores(self.model.rows_of(at))[0]

    def read(self, text: str, *, without: Container[str] = ()) -> Reading:
        """`text` as the model reads it, slips mended and strange words counted, and the words left
        out that speak of a concept in `without`, features."""
        model, spoken = self.model, words_of(text)
        known = Known(model)
        if without:
            spoken = [w for w in spoken if not any(f"c:{c}" in without for c in known.concepts(w))]
        words = self._understood(text, spoken, known)
        concepts = concepts_of(words, model.lexicon, known.concepts)
        at = features_of(words, concepts)
        heard = model.rows_of(at)
        marks, several = model.scores(heard)
        chances = model.probabilities(marks)
        learned = dict(
            zip(self.places, map(chances.__getitem__, self.places.values()), strict=True)
        )
        unlearned = {
            name: LEXICAL_TRUST * share**2 if share >= LEAST_SHARE else 0.0
            for name, share in self._lexical.rank(words, concepts).items()
        }
        if f"c:{DELETING}" not in at or f"c:{UNDOING}" in at:
            least = HINTS_LEAST if len(words) >= SHORTEST_HINT else SAYS_LEAST
            least = 1.0 if f"c:{UNDOING}" in at else least
            self._spare(learned, least)
            self._spare(unlearned, least)
        share = familiar(words, known, len(model.vocabulary.names), self._lexical.knows)
        return Reading(words, spoken, at, heard, marks, chances, learned, unlearned, several, share)

    def _spare(self, scores: dict[str, float], least: float) -> None:
        """Nothing is deleted, or listed to be, by less than `least`."""
        for name in self._deleting:
            if scores.get(name, least) < least:
                scores[name] = 0.0

    def _understood(self, text: str, spoken: Sequence[str], known: Known) -> Sequence[str]:
        """`spoken`, with the names in it as such, and slips mended to words of its languages."""

        def usual(word: str) -> bool:
            _, rarity, concepts = known[word]
            return bool(
                (rarity is not None and rarity < RARE) or concepts or self._lexical.knows(word)
            )

        if all(map(usual, spoken)):
            return spoken
        from .repair import mended  # not where every word is known

        capital = capitals(text)
        count = len(self.model.vocabulary.names)
        languages = spoken_in([word for word in spoken if word not in capital], known, count)

        def commonness(word: str) -> float:
            (theirs, rarity), meant = self.model.of_word(word), word in self.model.lexicon.whole
            if (rarity is None and not meant) or (theirs and not theirs & languages):
                return 0.0
            return meant + (0.0 if rarity is None else 1 / (1 + rarity))

        def understood(word: str) -> bool:
            theirs, _, concepts = known[word]
            return bool(self._lexical.knows(word) or concepts or theirs & languages)

        if languages != self._capital_nouns:
            spoken = named(spoken, capital, understood)
        return named(mended(spoken, usual, commonness), capital, understood)

    def _rarity(self, word: str) -> float:
        rarity = self.model.rarity(word)
        return RAREST if rarity is None else rarity


def best(scores: Mapping[str, float]) -> list[str]:
    """The names, the highest score first."""
    return sorted(scores, key=scores.__getitem__, reverse=True)
