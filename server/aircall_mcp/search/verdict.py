"""Whether what a search found is to be acted on, or the honest word that nothing here does that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..ground.operation import Operation
from .needs import Several
from .reading import Reader, Reading
from .reasons import VALUE_NAMES

PLAINLY = 0.3
"""Probability that a refusal must have for its reason to be given."""

UNSURE = (
    "Nothing here clearly does that; the nearest are listed. Say it in other words, or name the"
    " thing (call, contact, number, user, team, tag, message) and what to do with it."
)

NO_SUCH = "There is no tool or route of this name. What comes nearest is listed."


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


def judged(
    reader: Reader,
    operations: Mapping[str, Operation],
    whole: Reading,
    matches: tuple[Match, ...],
    several: Several,
) -> Ranking:
    """Whether the first of `matches` is one to act on, and if not, why; `operations` by id."""
    settings, most = reader.model.settings, whole.best()
    refused = sum(whole.chances[place] for place in reader.refused.values())
    untaught = max(whole.unlearned.values(), default=0.0)
    said = any(word not in VALUE_NAMES for word in whole.words)
    known = untaught > 0 or any(feature[0] in "wc" for feature in whole.rows)
    served = max(1 - refused, untaught) >= settings.sure
    if matches and said and known and served and most >= settings.clear:
        return Ranking(matches, confident=True, hint=_further(reader, operations, matches, several))
    why = max(reader.refused, key=lambda name: whole.chances[reader.refused[name]], default="")
    if known and why and whole.chances[reader.refused[why]] > max(most, PLAINLY):
        refusal = reader.model.refusals[why]
        nearest = [operations[name].tool for name in refusal.nearest if name in operations]
        near = f" Nearest: {', '.join(nearest)}." if nearest else ""
        return Ranking(matches, confident=False, hint=refusal.explanation + near)
    return Ranking(matches, confident=False, hint=UNSURE)


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
