"""Whether what a search found is to be acted on, or the honest word that nothing here does that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..ground.operation import Operation
from .needs import Several
from .reading import Reader, Reading
from .record import Record
from .words import VALUES

FAMILIAR = 0.57
"""Share of the words that one language must know: more than half of them."""

FEW = 4
"""Words up to which a text is few: who says little says it plainly, and what cannot be done stands
out, so that other probabilities hold."""

SURE_OF_FEW, CLEAR_OF_FEW = 0.5, 0.3
"""Probability of being served, and of the best operation, from which few words are acted on."""

OTHER_PROGRAMS = frozenset({"c:no_crm", "c:no_ticket"})
"""Concepts of words that are said of another program and may stand beside what is asked here."""

DONE_THERE = frozenset(
    {"c:create", "c:update", "c:send", "c:disable", "c:archive", "c:assigned", "c:no_merge"}
)
"""Acts that, beside such words, may be asked of that program."""

OURS = frozenset({"c:call", "c:recording", "c:voicemail", "c:transcript", "c:summary", "c:missed"})
"""Things that, beside such words, are Aircall's."""

CLEAR_BESIDE = 0.5
"""Probability that the best operation must have without the words of other programs."""

PLAINLY = 0.3
"""Probability that a refusal must have for its reason to be given."""

UNSURE = (
    "Nothing here clearly does that; the nearest are listed. Say it in other words, or name the"
    " thing (call, contact, number, user, team, tag, message) and what to do with it."
)

FOREIGN = "Too few of these words are known. Say it in {}."

NO_SUCH = "There is no tool or route of this name. What comes nearest is listed."


class Match(Record):
    """An operation, how probably it is what was meant (0..1), and the words that spoke for it."""

    operation: Operation
    score: float
    because: tuple[str, ...]


class Ranking(Record):
    """Best first; for several needs in one sentence, in the order of use.

    `confident`: the first is what you would act on. `hint` says why not, or that there are several.
    """

    matches: tuple[Match, ...]
    confident: bool
    hint: str = ""


def judged(
    reader: Reader,
    operations: Mapping[str, Operation],
    whole: Reading,
    matches: tuple[Match, ...],
    several: Several,
) -> Ranking:
    """Whether the first of `matches` is one to act on, and if not, why; `operations` by id."""
    known = whole.familiar >= FAMILIAR
    if matches and known and _sure(reader, whole):
        return Ranking(matches, confident=True, hint=_further(reader, operations, matches, several))
    if not known and any(word not in VALUES for word in whole.words):
        return Ranking(matches, confident=False, hint=FOREIGN.format(_listed(reader)))
    why = max(reader.refused, key=lambda name: whole.chances[reader.refused[name]], default="")
    if known and why and whole.chances[reader.refused[why]] > max(whole.best, PLAINLY):
        refusal = reader.model.refusals[why]
        nearest = [operations[name].tool for name in refusal.nearest if name in operations]
        near = f" Nearest: {', '.join(nearest)}." if nearest else ""
        return Ranking(matches, confident=False, hint=refusal.explanation + near)
    return Ranking(matches, confident=False, hint=UNSURE)


def read_beside(reader: Reader, query: str, whole: Reading) -> Reading:
    """`whole`, or what is left of `query` without the words of other programs, where that is clear:
    they do not veto what is asked of Aircall."""
    said = whole.at.keys()
    if not said & OTHER_PROGRAMS or said & DONE_THERE or not said & OURS or _sure(reader, whole):
        return whole
    rest = reader.read(query, without=OTHER_PROGRAMS)
    return rest if _sure(reader, rest) and rest.best >= CLEAR_BESIDE else whole


def _sure(reader: Reader, reading: Reading) -> bool:
    least, clear = reader.model.settings.sure, reader.model.settings.clear
    if len(reading.words) <= FEW:
        least, clear = min(SURE_OF_FEW, least), max(CLEAR_OF_FEW, clear)
    return reading.possible >= least and reading.best >= clear


def _listed(reader: Reader) -> str:
    names = sorted(reader.model.vocabulary.names)
    return " or ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def _further(
    reader: Reader, operations: Mapping[str, Operation], matches: Sequence[Match], several: Several
) -> str:
    if not several.needs:
        return ""
    shown = {match.operation.id for match in matches}
    left = ", ".join(operations[name].tool for name in several.needs if name not in shown)
    cannot = (reader.model.refusals[name].explanation for name in dict.fromkeys(several.refused))
    return " ".join(
        ("Several needs, in the order of use" + (f"; then {left}." if left else "."), *cannot)
    )
