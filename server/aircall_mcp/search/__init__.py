"""Rank operations for a sentence, or say honestly that nothing here does that.

`Index.rank` is the way from a sentence to a ranking: exact names first, then the trained model
over the whole sentence and over its clauses, then the words of operations the model never learned;
the refusals decide whether the best is one to act on. Pure: no wire, no clock, nothing kept
between two queries.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..operation import Operation
from .lexical import RAREST, Lexical, shared
from .model import REFUSED, Model, load
from .names import Names
from .repair import mended
from .words import LONGEST_TEXT, features_of, folded, words_of

NAMED_NEXT = 0.9
"""Score of the second operation that one name or route fits; the first has 1."""

LEXICAL_TRUST = 0.85
"""What full agreement in words is worth for an operation the model never learned."""

MOST_REASONS = 6
"""Words that `because` lists."""

MOST_CLAUSES = 6
"""Clauses of a sentence that are read on their own."""

SHORTEST_CLAUSE = 2
"""Words from which a clause can be a need of its own."""

SURE_NEED = 0.75
"""Probability from which two clauses make a sentence one with several needs."""

POSSIBLE_NEED = 0.25
"""Probability from which a clause of such a sentence is a need."""

HEARD_IN_WHOLE = 12
"""Places among which the whole sentence must have what one clause asks for: what merely sets the
scene ("she moved, so ...") is not there."""

WHOLE_SHARE = 0.3
"""Say of the whole sentence in what a clause asks for: "add Tom to it" is vague alone."""

UNMOVED = 3
"""Places that what only a clause asks for cannot take from what the whole sentence asks for."""

CLAUSE_SHARE = 0.05
"""What a clause's probability is worth beside the sentence's, for what follows the best."""

_CLAUSE = re.compile(
    r"[;:\n→]|->|(?<=\w)[,.!?](?=\s)|\s[\u2013\u2014-]\s|\b(?:and|then|und|dann|danach|et|puis|ensuite|y|luego|e|"
    r"ed|poi|depois|en|daarna|after that|as well as|also)\b",
    re.IGNORECASE,
)

_SEQUENCE = re.compile(
    r"→|->|\b(?:then|after that|afterwards|dann|danach|anschließend|puis|ensuite|luego|después|poi|"
    r"depois|daarna|vervolgens)\b",
    re.IGNORECASE,
)
"""What says outright that one thing follows another."""


@dataclass(frozen=True, slots=True)
class Match:
    """An operation, how probably it is what was meant (0..1), and the words that spoke for it."""

    operation: Operation
    score: float
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Best first; for several needs in one sentence, in the order of use.

    `confident`: the first is what you would act on. `hint` says why not, or that there are several.
    """

    matches: tuple[Match, ...]
    confident: bool
    hint: str = ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text as the model reads it: `rows` of the model by feature, `at` the word of a feature,
    `marks` and `chances` of the intents, and `scores` of the operations by id."""

    words: Sequence[str]
    at: Mapping[str, int]
    rows: Mapping[str, int]
    marks: Sequence[float]
    chances: Sequence[float]
    scores: Mapping[str, float]

    def served(self) -> dict[str, float]:
        """The scores, as probable as if it were known that Aircall can do it."""
        total = sum(self.scores.values()) or 1.0
        return {name: score / total for name, score in self.scores.items()}


class Index:
    """Made once over the operations; `rank` takes about a millisecond."""

    def __init__(self, operations: Iterable[Operation], model: Model | None = None) -> None:
        self._model = model or load()
        self._by_id: Mapping[str, Operation] = {o.id: o for o in operations}
        self._names = Names(self._by_id.values())
        ranked = {o.id: o for o in self._by_id.values() if _by_sentence(o)}
        self._places = {
            intent: place for place, intent in enumerate(self._model.intents) if intent in ranked
        }
        self._refused = {
            intent.removeprefix(REFUSED): place
            for place, intent in enumerate(self._model.intents)
            if intent.startswith(REFUSED)
        }
        unlearned = (o for o in ranked.values() if o.id not in self._places)
        self._lexical = Lexical(unlearned, self._model.lexicon, self._rarity)

    def rank(self, query: str, limit: int = 3) -> Ranking:
        """The `limit` best operations for `query`."""
        query = query[:LONGEST_TEXT]
        whole = self._read(query)
        scores = dict(whole.scores)
        if named := self._names.find(query):
            first = {o.id: NAMED_NEXT ** min(n, 1) for n, o in enumerate(named)}
            order = [*first, *(name for name in _best(scores) if name not in first)][:limit]
            return Ranking(
                tuple(
                    Match(
                        self._by_id[name],
                        first.get(name, scores.get(name, 0.0)),
                        (query.strip()[:80],) if name in first else self._because(whole, name),
                    )
                    for name in order
                ),
                confident=True,
            )
        clauses = [self._read(clause) for clause in _clauses(query)]
        wants = self._wants(clauses, whole)
        heard = _best(scores)[:HEARD_IN_WHOLE] if wants else []
        sure = [name for name, chance in wants.items() if chance >= SURE_NEED and name in heard]
        several = len(wants) > 1 and (len(sure) > 1 or _SEQUENCE.search(query) is not None)
        for clause in clauses:
            for name, score in clause.served().items():
                scores[name] = max(scores.get(name, 0.0), CLAUSE_SHARE * score)
        best = _best(scores)
        needs = list(wants) if several else []
        before = [f for n in needs for f in self._by_id[n].needs_first if f in scores]
        order = [*needs, *best[: UNMOVED - len(needs)], *wants, *before, *best]
        order = list(dict.fromkeys(order))[:limit]
        matches = tuple(
            Match(self._by_id[name], scores[name], self._because(whole, name)) for name in order
        )
        return self._judged(whole, scores, matches, needs)

    def _read(self, text: str) -> _Reading:
        model = self._model
        words = mended(words_of(text), self._known, self._commonness)
        at = features_of(words, model.lexicon)
        rows = model.rows_of(at)
        marks = model.scores(rows.values())
        chances = model.probabilities(marks)
        scores = {name: chances[place] for name, place in self._places.items()}
        for name, share in self._lexical.rank(words).items():
            scores[name] = LEXICAL_TRUST * share**2
        return _Reading(words, at, rows, marks, chances, scores)

    def _known(self, word: str) -> bool:
        return (
            self._model.rarity(f"w:{word}") is not None
            or self._lexical.knows(word)
            or bool(self._model.lexicon.of_word(word))
        )

    def _commonness(self, word: str) -> float:
        rarity = self._model.rarity(f"w:{word}")
        used = 0.0 if rarity is None else 1 / (1 + rarity)
        return used + (word in self._model.lexicon.whole)

    def _rarity(self, word: str) -> float:
        rarity = self._model.rarity(f"w:{word}")
        return RAREST if rarity is None else rarity

    def _wants(self, clauses: Sequence[_Reading], whole: _Reading) -> dict[str, float]:
        """What each clause asks for, read within its sentence, and how probably; in their order."""
        wants: dict[str, float] = {}
        for clause in clauses:
            pairs = zip(clause.marks, whole.marks, strict=True)
            chances = self._model.probabilities([one + WHOLE_SHARE * two for one, two in pairs])
            served = {name: chances[place] for name, place in self._places.items()}
            best = max(served, key=lambda name: served[name], default="")
            if best:
                chance = served[best] / (sum(served.values()) or 1.0)
                if chance >= POSSIBLE_NEED:
                    wants[best] = max(wants.get(best, 0.0), chance)
        return wants

    def _judged(
        self,
        whole: _Reading,
        scores: Mapping[str, float],
        matches: tuple[Match, ...],
        needs: Sequence[str],
    ) -> Ranking:
        settings = self._model.settings
        refused = sum(whole.chances[place] for place in self._refused.values())
        untaught = max((s for name, s in scores.items() if name not in self._places), default=0.0)
        best = max(scores.values(), default=0.0)
        said = any(word not in _VALUE_NAMES for word in whole.words)
        served = max(1 - refused, untaught) >= settings.sure
        if matches and said and served and best >= settings.clear:
            several = (
                "Several needs: the matches are in the order of use." if len(needs) > 1 else ""
            )
            return Ranking(matches, confident=True, hint=several)
        why = max(self._refused, key=lambda name: whole.chances[self._refused[name]], default="")
        if why and whole.chances[self._refused[why]] > best:
            refusal = self._model.refusals[why]
            nearest = [self._by_id[name].tool for name in refusal.nearest if name in self._by_id]
            near = f" Nearest: {', '.join(nearest)}." if nearest else ""
            return Ranking(matches, confident=False, hint=refusal.explanation + near)
        return Ranking(matches, confident=False, hint=UNSURE)

    def _because(self, reading: _Reading, name: str) -> tuple[str, ...]:
        """The words that spoke for the operation, the strongest first."""
        place = self._places.get(name)
        if place is None:
            return shared(reading.words, self._by_id[name])[:MOST_REASONS]
        said: dict[int, int] = {}
        for feature, row in reading.rows.items():
            at = reading.at[feature]
            said[at] = said.get(at, 0) + self._model.weight(row, place)
        order = sorted((at for at in said if said[at] > 0), key=lambda at: -said[at])
        words = (reading.words[at] for at in order)
        return tuple(dict.fromkeys(_VALUE_NAMES.get(word, word) for word in words))[:MOST_REASONS]


UNSURE = (
    "Nothing here clearly does that; the nearest are listed. Say it in other words, or name the"
    " thing (call, contact, number, user, team, tag, message) and what to do with it."
)

_VALUE_NAMES = {
    "xurl": "a URL",
    "xmail": "an e-mail address",
    "xphone": "a phone number",
    "xid": "an id or number",
    "xtime": "a time",
}


def _by_sentence(operation: Operation) -> bool:
    """Whether a sentence may find it. What is retired and replaced, and the tools that perform
    what the search found, are found by name alone."""
    replaced = operation.retired is not None and bool(operation.retired.replacement)
    performs = operation.ours and operation.surfaces == ("search",)
    return not replaced and not performs


def _best(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda name: -scores[name])


def _clauses(text: str) -> list[str]:
    """The clauses of a sentence with several; none of a sentence with one."""
    parts = [part for part in _CLAUSE.split(text) if len(part.split()) >= SHORTEST_CLAUSE]
    return parts[:MOST_CLAUSES] if len(parts) > 1 else []


__all__ = ["Index", "Match", "Ranking", "folded"]
