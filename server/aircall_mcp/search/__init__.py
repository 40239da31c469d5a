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

from ..ground.operation import Operation
from .company import expected, in_order
from .lexical import RAREST, Lexical, shared
from .model import REFUSED, Model, load
from .names import Names
from .repair import mended
from .words import LONGEST_TEXT, features_of, words_of

NAMED_NEXT = 0.9
"""Score of the second operation that one name or route fits; the first has 1."""

LEXICAL_TRUST = 0.85
"""What full agreement in words is worth for an operation the model never learned."""

LEAST_SHARE = 0.4
"""Agreement in words below which it is chance: "call" is in the words of everything here."""

LONGEST_ECHO = 80
"""Characters of a name that are said back."""

MOST_REASONS = 5
"""Words that `because` lists."""

RARE = 12.5
"""Rarity from which a word may be a slip that somebody has made before."""

LEAST_REASON = 0.1
"""Share of what the strongest word says that another must say to be listed."""

SHORTEST_REASON = 4
"""Letters from which a word is listed that no concept knows."""

MOST_CLAUSES = 8
"""Clauses of a sentence that are read on their own."""

SHORTEST_CLAUSE = 2
"""Words from which a clause can be a need of its own."""

PERHAPS_SEVERAL = -5.0
"""Log-odds of several needs from which the clauses are read at all."""

SURELY_SEVERAL = 1.0
"""Log-odds from which a sentence has several needs, what its clauses ask for counted in."""

WANTED, WANTED_SAYS = 0.3, 0.5
"""Probability from which a clause may ask for something, and what that adds to the log-odds."""

SURE, SURE_SAYS = 0.9, 1.2
"""Probability from which a clause surely asks for something, and what that adds again."""

HEARD_IN_WHOLE = 8
"""Places among which the whole sentence must have what a clause asks for: what merely sets the
scene ("she moved, so ...") is not there."""

WHOLE_SHARE = 0.3
"""Say of the whole sentence in what a clause asks for: "add Tom to it" is vague alone."""

CLAUSE_SHARE = 0.3
"""What a clause's probability adds to the whole sentence's, where there are several needs."""

COMPANY_SHARE = 0.2
"""What being needed together with the four most probable adds."""

MOST_COMPANIONS = 4
"""Operations, the most probable ones, whose company is asked for."""

MOST_NEEDS = 5
"""Needs of one sentence."""

LEAST_NEEDED = 0.08
"""Probability from which something is a need of such a sentence."""

LEAST_ASKED = 0.2
"""Probability from which a clause asks for what nobody should do unasked: reach people, delete."""

LEAST_HEARD = 0.04
"""The same for anything else: what only goes well with the others comes after them."""

DROPPED = 0.8
"""Probability from which a clause of such a sentence asks for what Aircall cannot do."""

PLAINLY = 0.3
"""Probability that a refusal must have for its reason to be given."""

TURNED = 1.5
"""Places by which a clause moves back that is done second, and forward that is done first."""

_FIRST = r"before|bevor|avant|antes de|antes que|prima di|prima che|voordat"
"""Said of what is done second."""

_SECOND = (
    r"after(?! that)|once|nachdem|sobald|après avoir|après que|después de|dopo che|depois de|"
    r"nadat|zodra"
)
"""Said of what is done first."""

_CLAUSE = re.compile(
    rf"\b(?P<first>{_FIRST})\b|\b(?P<second>{_SECOND})\b|"
    r"[;:\n→]|->|(?<=\w)[,.!?](?=\s)|\s[\u2013\u2014-]\s|\b(?:"
    r"and|then|after that|as well as|also|plus|but|so|if so|et|puis|ensuite|après|und|dann|danach|"
    r"y|luego|después|e|ed|poi|dopo|depois|en|daarna)\b",
    re.IGNORECASE,
)


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
    """A text as the model reads it, slips mended in `words` but not in `spoken`: `rows` of the
    model by feature, `at` the word of a feature, `marks` and `chances` of the intents, `learned`
    and `unlearned` scores of the operations by id, and the log-odds of `several` needs."""

    words: Sequence[str]
    spoken: Sequence[str]
    at: Mapping[str, int]
    rows: Mapping[str, int]
    marks: Sequence[float]
    chances: Sequence[float]
    learned: Mapping[str, float]
    unlearned: Mapping[str, float]
    several: float

    def scores(self) -> dict[str, float]:
        """How probably each operation is meant, if Aircall can do it at all."""
        total = sum(self.learned.values()) or 1.0
        return {name: score / total for name, score in self.learned.items()} | {**self.unlearned}

    def possible(self) -> float:
        """How probably it can."""
        return max(sum(self.learned.values()), max(self.unlearned.values(), default=0.0))

    def best(self) -> float:
        """How probably the best operation is meant."""
        return max((*self.learned.values(), *self.unlearned.values()), default=0.0)


@dataclass(frozen=True, slots=True)
class _Want:
    """What one clause asks for: `served` by id, its `place` in the order of use, and what Aircall
    cannot do of it, by name, if that is what it surely asks for."""

    served: Mapping[str, float]
    place: float
    refused: str


@dataclass(frozen=True, slots=True)
class _Several:
    """Scores by id, the needs in the order of use if there are several, and what is `refused`."""

    scores: Mapping[str, float]
    needs: Sequence[str] = ()
    refused: Sequence[str] = ()


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
        query = query[:LONGEST_TEXT].encode("utf-8", "replace").decode()
        whole = self._read(query)
        if named := self._names.find(query):
            scores = whole.scores()
            first = {o.id: NAMED_NEXT ** min(n, 1) for n, o in enumerate(named)}
            order = list(dict.fromkeys([*first, *_best(scores)]))[:limit]
            below = min(first.values())
            return Ranking(
                tuple(
                    Match(
                        self._by_id[name],
                        first.get(name, below * scores.get(name, 0.0)),
                        (query.strip()[:LONGEST_ECHO],)
                        if name in first
                        else self._because(whole, name),
                    )
                    for name in order
                ),
                confident=True,
            )
        several = self._several(query, whole)
        order = list(dict.fromkeys([*several.needs, *_best(several.scores)]))[:limit]
        possible = whole.possible()
        matches = tuple(
            Match(self._by_id[name], possible * several.scores[name], self._because(whole, name))
            for name in order
        )
        if self._names.named(query):
            return Ranking(matches, confident=False, hint=NO_SUCH)
        return self._judged(whole, matches, several)

    def _read(self, text: str, *, mend: bool = True) -> _Reading:
        model, spoken = self._model, words_of(text)
        words = mended(spoken, self._known, self._commonness) if mend else spoken
        at = features_of(words, model.lexicon)
        rows = model.rows_of(at)
        marks, several = model.scores(rows.values())
        chances = model.probabilities(marks)
        learned = {name: chances[place] for name, place in self._places.items()}
        unlearned = {
            name: LEXICAL_TRUST * share**2 if share >= LEAST_SHARE else 0.0
            for name, share in self._lexical.rank(words).items()
        }
        return _Reading(words, spoken, at, rows, marks, chances, learned, unlearned, several)

    def _known(self, word: str) -> bool:
        rarity = self._model.rarity(f"w:{word}")
        return (
            (rarity is not None and rarity < RARE)
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

    def _several(self, query: str, whole: _Reading) -> _Several:
        """What there is to a sentence with several needs; nothing where there is but one."""
        scores = whole.scores()
        if not self._places or whole.several < PERHAPS_SEVERAL:
            return _Several(scores)
        clauses = [self._want(clause, whole) for clause in _clauses(query)]
        heard = _best(scores)[:HEARD_IN_WHOLE]
        wants: dict[str, float] = {}
        for clause in clauses:
            name = max(clause.served, key=lambda name: clause.served[name])
            if name in heard:
                wants[name] = max(wants.get(name, 0.0), clause.served[name])
        said = sum(WANTED_SAYS * (p >= WANTED) + SURE_SAYS * (p >= SURE) for p in wants.values())
        if whole.several + said < SURELY_SEVERAL:
            return _Several(scores)
        asked = {
            name: max((clause.served[name] for clause in clauses), default=scores[name])
            for name in self._places
        }
        for name, chance in asked.items():
            scores[name] += CLAUSE_SHARE * chance
        withheld = 0.0
        for name in _best({name: scores[name] for name in asked})[:MOST_COMPANIONS]:
            for other, chance in expected(self._model.company, name).items():
                if other not in asked:
                    continue
                added = COMPANY_SHARE * scores[name] * chance
                # What reaches people or deletes is not even listed for that alone. Nor does
                # anything else weigh more for it: what was withheld counts in the whole.
                if self._grave(other) and asked[other] < LEAST_ASKED:
                    withheld += added
                else:
                    scores[other] += added
        total = sum(scores.values()) + withheld
        scores = {name: score / total for name, score in scores.items()}
        needs = [
            name
            for name in _best(scores)[:MOST_NEEDS]
            if name in asked and scores[name] >= LEAST_NEEDED
            if asked[name] >= self._least(name)
        ]
        if len(needs) < 2:
            return _Several(scores)
        at = {name: _place_of(name, clauses) for name in needs}
        needs.sort(key=lambda name: (at[name], self._by_id[name].method != "GET"))
        dropped = [clause.refused for clause in clauses if clause.refused]
        return _Several(scores, in_order(self._model.company, needs, at), dropped)

    def _least(self, name: str) -> float:
        return LEAST_ASKED if self._grave(name) else LEAST_HEARD

    def _grave(self, name: str) -> bool:
        return self._by_id[name].effect in ("reach", "delete")

    def _want(self, clause: tuple[str, float], whole: _Reading) -> _Want:
        """What a clause asks for, read within its sentence, as if Aircall can do it."""
        text, place = clause
        pairs = zip(self._read(text, mend=False).marks, whole.marks, strict=True)
        chances = self._model.probabilities([one + WHOLE_SHARE * two for one, two in pairs])
        served = {name: chances[at] for name, at in self._places.items()}
        total = sum(served.values()) or 1.0
        worst = max(self._refused, key=lambda name: chances[self._refused[name]], default="")
        refused = worst if worst and chances[self._refused[worst]] >= DROPPED else ""
        return _Want({name: chance / total for name, chance in served.items()}, place, refused)

    def _judged(self, whole: _Reading, matches: tuple[Match, ...], several: _Several) -> Ranking:
        settings, best = self._model.settings, whole.best()
        refused = sum(whole.chances[place] for place in self._refused.values())
        untaught = max(whole.unlearned.values(), default=0.0)
        said = any(word not in _VALUE_NAMES for word in whole.words)
        known = untaught > 0 or any(feature[0] in "wc" for feature in whole.rows)
        served = max(1 - refused, untaught) >= settings.sure
        if matches and said and known and served and best >= settings.clear:
            return Ranking(matches, confident=True, hint=self._further(matches, several))
        why = max(self._refused, key=lambda name: whole.chances[self._refused[name]], default="")
        if known and why and whole.chances[self._refused[why]] > max(best, PLAINLY):
            refusal = self._model.refusals[why]
            nearest = [self._by_id[name].tool for name in refusal.nearest if name in self._by_id]
            near = f" Nearest: {', '.join(nearest)}." if nearest else ""
            return Ranking(matches, confident=False, hint=refusal.explanation + near)
        return Ranking(matches, confident=False, hint=UNSURE)

    def _further(self, matches: Sequence[Match], several: _Several) -> str:
        if not several.needs:
            return ""
        shown = {match.operation.id for match in matches}
        left = ", ".join(self._by_id[name].tool for name in several.needs if name not in shown)
        cannot = (self._model.refusals[name].explanation for name in dict.fromkeys(several.refused))
        return " ".join(
            ("Several needs, in the order of use" + (f"; then {left}." if left else "."), *cannot)
        )

    def _because(self, reading: _Reading, name: str) -> tuple[str, ...]:
        """The words that spoke for the operation, the strongest first."""
        place = self._places.get(name)
        if place is None:
            return shared(reading.words, self._by_id[name])[:MOST_REASONS]
        said: dict[int, int] = {}
        for feature, row in reading.rows.items():
            at = reading.at[feature]
            said[at] = said.get(at, 0) + self._model.weight(row, place)
        least = max(1.0, LEAST_REASON * max(said.values(), default=0))
        order = sorted((at for at in said if said[at] >= least), key=lambda at: -said[at])
        words = (reading.spoken[at] for at in order if self._telling(reading.words[at]))
        return tuple(dict.fromkeys(_VALUE_NAMES.get(word, word) for word in words))[:MOST_REASONS]

    def _telling(self, word: str) -> bool:
        """Whether a word says something to a person: "an" and "her" may weigh, but tell nothing."""
        return len(word) >= SHORTEST_REASON or bool(self._model.lexicon.of_word(word))


UNSURE = (
    "Nothing here clearly does that; the nearest are listed. Say it in other words, or name the"
    " thing (call, contact, number, user, team, tag, message) and what to do with it."
)

NO_SUCH = "There is no tool or route of this name. What comes nearest is listed."

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


def _place_of(name: str, clauses: Sequence[_Want]) -> float:
    """The place of the clause that asks most for an operation."""
    return max(clauses, key=lambda clause: clause.served[name]).place if clauses else 0.0


def _clauses(text: str) -> list[tuple[str, float]]:
    """The clauses of a sentence with several, each with its place in the order of use; none of a
    sentence with one."""
    parts: list[tuple[str, float]] = []
    start, shift = 0, 0.0
    for found in [*_CLAUSE.finditer(text), None]:
        part = text[start : found.start() if found else None]
        if len(part.split()) >= SHORTEST_CLAUSE:
            parts.append((part, len(parts) + shift))
            shift = 0.0
        if found:
            start = found.end()
            if found["first"] or found["second"]:
                shift = TURNED if found["first"] else -TURNED
    return parts[:MOST_CLAUSES] if len(parts) > 1 else []


__all__ = ["Index", "Match", "Ranking"]
