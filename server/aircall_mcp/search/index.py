"""Rank operations for a sentence, or say honestly that nothing here does that.

`Index.rank` is the way from a sentence to a ranking: exact names first, then the trained model
over the whole sentence and over its clauses, then the words of operations the model never learned;
the refusals decide whether the best is one to act on. Pure: no wire, no clock, nothing kept
between two queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..errors import quoted
from ..ground.operation import Operation
from .model import Model, load
from .names import Names
from .needs import Needs
from .reading import Reader, best
from .reasons import because
from .verdict import NO_SUCH, Match, Ranking, judged, read_beside
from .words import LONGEST_TEXT

NAMED_NEXT = 0.9
"""Score of the second operation that one name or route fits; the first has 1."""

SURELY_ALL = 0.9
"""Probability from which one tool does all that a sentence with several needs asks for."""

FAR_BELOW = 0.002
"""Share of the best score below which a match is not worth reading."""

LONGEST_ECHO = 80
"""Characters of a name that are said back."""


class Index:
    """Made once over the operations; `rank` takes half a millisecond. Where one need is meant that
    a tool of ours does the whole task of, that tool comes first, and what it stands for next."""

    def __init__(self, operations: Iterable[Operation], model: Model | None = None) -> None:
        self._by_id: Mapping[str, Operation] = {o.id: o for o in operations}
        self._names = Names(self._by_id.values())
        self._reader = Reader(model or load(), filter(_by_sentence, self._by_id.values()))
        self._needs = Needs(self._reader, self._by_id)
        self._stands_in = {name: one.id for one in self._by_id.values() for name in one.stands_for}
        self._doing = frozenset(self._stands_in.values())
        self._gathers = {one.id: {*one.gathers} for one in self._by_id.values() if one.gathers}

    def rank(self, query: str, limit: int = 3) -> Ranking:
        """The `limit` best operations for `query`, or fewer where the rest is far behind."""
        query = query[:LONGEST_TEXT].encode("utf-8", "replace").decode()
        whole = self._reader.read(query)
        if named := self._names.find(query):
            scores = whole.scores()
            first = {o.id: NAMED_NEXT ** min(n, 1) for n, o in enumerate(named)}
            order = list(dict.fromkeys([*first, *best(scores)]))[:limit]
            below = min(first.values())
            return Ranking(
                tuple(
                    Match(
                        self._by_id[name],
                        first.get(name, below * scores.get(name, 0.0)),
                        (quoted(query.strip(), LONGEST_ECHO),)
                        if name in first
                        else because(self._reader, whole, self._by_id[name]),
                    )
                    for name in order
                ),
                confident=True,
            )
        whole = read_beside(self._reader, query, whole)
        alone = whole.scores()
        several = self._needs.of(query, whole, alone)
        scores = {**several.scores}
        if several.scores is not alone:  # what the whole sentence says of a whole task stays
            for name in self._doing & alone.keys():
                scores[name] = max(scores[name], alone[name])
        least = 0.0 if several.needs else FAR_BELOW * max(scores.values(), default=0.0)
        near = best({name: score for name, score in scores.items() if score >= least})
        order = list(dict.fromkeys([*several.needs, *near]))
        if several.needs:
            instead = self._of_all(several.needs, alone)
        else:
            instead = self._instead(scores, order)
        if instead:
            scores[instead] = max(scores.values())
            order = [instead, *(name for name in order if name != instead)]
        order = order[:limit]
        possible = whole.possible
        matches = tuple(
            Match(
                self._by_id[name],
                possible * scores[name],
                because(self._reader, whole, self._by_id[name]),
            )
            for name in order
        )
        if self._names.named(query):
            return Ranking(matches, confident=False, hint=NO_SUCH)
        return judged(self._reader, self._by_id, whole, matches, several)

    def _of_all(self, needs: Sequence[str], alone: Mapping[str, float]) -> str:
        """The tool that does all of several needs: what gathers them, or what the sentence as a
        whole surely asks for."""
        for name, gathered in self._gathers.items():
            if gathered.issuperset(needs):
                return name
        first = max(alone, key=lambda name: alone[name], default="")
        return first if first in self._doing and alone[first] >= SURELY_ALL else ""

    def _instead(self, scores: Mapping[str, float], order: Sequence[str]) -> str:
        """The tool that does the whole task of what was meant most, itself and what it stands for
        taken together; nothing where that is not as probable as the first of `order`."""
        if not order:
            return ""
        whole: dict[str, float] = {}
        for name, instead in self._stands_in.items():
            whole.setdefault(instead, scores.get(instead, 0.0))
            whole[instead] += scores.get(name, 0.0)
        most = max(whole, key=lambda name: whole[name], default="")
        return most if most and whole[most] >= scores[order[0]] and whole[most] > 0 else ""


def _by_sentence(operation: Operation) -> bool:
    """Whether a sentence may find it. What is retired and replaced, and the tools that perform
    what the search found, are found by name alone."""
    replaced = operation.retired is not None and bool(operation.retired.replacement)
    performs = operation.ours and "full" not in operation.surfaces
    return not replaced and not performs
