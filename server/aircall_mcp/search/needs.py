"""What a sentence with several needs asks for, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..ground.operation import Operation
from .clauses import clauses_of
from .reading import Reader, Reading, best
from .record import Record

PERHAPS_SEVERAL = -6.5
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

CLEAR, BESIDE = 0.4, 0.1
"""Probability from which a clause is listed for what it asks, where there is one need all the same,
and the share of the first score that it has then."""

LEAST_ASKED = 0.2
"""Probability from which a clause asks for what nobody should do unasked: reach people, delete."""

LEAST_HEARD = 0.04
"""The same for anything else: what only goes well with the others comes after them."""

DROPPED = 0.8
"""Probability from which a clause of such a sentence asks for what Aircall cannot do."""


class Want(Record):
    """What one clause asks for: `served` by id, its `place` in the order of use, and what Aircall
    cannot do of it, by name, if that is what it surely asks for."""

    served: Mapping[str, float]
    place: float
    refused: str


class Several(Record):
    """Scores by id, the needs in the order of use if there are several, and what is `refused`."""

    scores: Mapping[str, float]
    needs: Sequence[str] = ()
    refused: Sequence[str] = ()


class Needs:
    """The needs of sentences, read by `reader`; `operations` by id."""

    def __init__(self, reader: Reader, operations: Mapping[str, Operation]) -> None:
        self._reader = reader
        self._by_id = operations
        self._stand_ins = {
            one.id: [name for name in one.stands_for if name in reader.places]
            for one in operations.values()
            if one.stands_for and one.id in reader.places
        }

    def of(self, query: str, whole: Reading, alone: Mapping[str, float]) -> Several:
        """What there is to a sentence with several needs; nothing where there is but one. `alone`
        are the scores of the whole."""
        if not self._reader.places or whole.several < PERHAPS_SEVERAL:
            return Several(alone)
        clauses = [self._want(clause, whole) for clause in clauses_of(query)]
        if not clauses and whole.several < SURELY_SEVERAL:
            return Several(alone)
        plain = self._plainly(alone)
        heard = best(plain)[:HEARD_IN_WHOLE]
        wants: dict[str, float] = {}
        for clause in clauses:
            name = max(clause.served, key=lambda name: clause.served[name])
            if name in heard:
                wants[name] = max(wants.get(name, 0.0), clause.served[name])
        said = sum(WANTED_SAYS * (p >= WANTED) + SURE_SAYS * (p >= SURE) for p in wants.values())
        if whole.several + said < SURELY_SEVERAL:
            return Several(self._beside({**alone}, clauses))
        from .company import expected, in_order  # not where one thing is asked for

        scores = plain
        asked = {
            name: max((clause.served[name] for clause in clauses), default=scores[name])
            for name in self._reader.places
        }
        for name, chance in asked.items():
            scores[name] += CLAUSE_SHARE * chance
        withheld = 0.0
        for name in best({name: scores[name] for name in asked})[:MOST_COMPANIONS]:
            for other, chance in expected(self._reader.model.company, name).items():
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
            for name in best(scores)[:MOST_NEEDS]
            if name in asked and scores[name] >= LEAST_NEEDED
            if asked[name] >= self._least(name)
        ]
        if len(needs) < 2:
            return Several(scores)
        at = {name: _place_of(name, clauses) for name in needs}
        needs.sort(key=lambda name: (at[name], self._by_id[name].method != "GET"))
        dropped = [clause.refused for clause in clauses if clause.refused]
        return Several(scores, in_order(self._reader.model.company, needs, at), dropped)

    def _beside(self, scores: dict[str, float], clauses: Sequence[Want]) -> dict[str, float]:
        """`scores`, with what a clause clearly asks for behind the first."""
        least = BESIDE * max(scores.values())
        for clause in clauses:
            name = max(clause.served, key=lambda name: clause.served[name])
            if clause.served[name] >= CLEAR:
                scores[name] = max(scores[name], least)
        return scores

    def _least(self, name: str) -> float:
        return LEAST_ASKED if self._grave(name) else LEAST_HEARD

    def _grave(self, name: str) -> bool:
        return self._by_id[name].effect in ("reach", "delete")

    def _want(self, clause: tuple[str, float], whole: Reading) -> Want:
        """What a clause asks for, read within its sentence, as if Aircall can do it."""
        text, place = clause
        pairs = zip(self._reader.marks(text), whole.marks, strict=True)
        chances = self._reader.model.probabilities([one + WHOLE_SHARE * two for one, two in pairs])
        served = {
            name: chances[at] if whole.learned[name] else 0.0
            for name, at in self._reader.places.items()
        }
        total = sum(served.values()) or 1.0
        worst = max(
            self._reader.refused, key=lambda name: chances[self._reader.refused[name]], default=""
        )
        refused = worst if worst and chances[self._reader.refused[worst]] >= DROPPED else ""
        served = self._plainly({name: chance / total for name, chance in served.items()})
        return Want(served, place, refused)

    def _plainly(self, scores: Mapping[str, float]) -> dict[str, float]:
        """What is asked of a tool for a whole task, asked of the likeliest operation that it stands
        for: among several needs it is one of them."""
        plain = {**scores}
        for name, instead_of in self._stand_ins.items():
            if instead_of:
                likeliest = max(instead_of, key=lambda one: plain[one])
                plain[likeliest] += plain[name]
                plain[name] = 0.0
        return plain


def _place_of(name: str, clauses: Sequence[Want]) -> float:
    """The place of the clause that asks most for an operation."""
    return max(clauses, key=lambda clause: clause.served[name]).place if clauses else 0.0
