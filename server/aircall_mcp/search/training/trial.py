"""How good the search is on voices never heard: `python -m aircall_mcp.search.training.trial`.

The voices are held out in groups: a model that learned from none of a group's sentences, and whose
threshold was fitted without them, is searched with all of them through the same `Index` that users
have. A development step, like `train`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...ground.operation import Operation
from ...spec import load
from .. import Index, Ranking
from ..model import REFUSED
from .train import Example, Several, Sources, fitted, folds_of, read_sources

TERSE = 3
"""Words up to which a sentence counts as terse."""

LONG = 14
"""Words from which a sentence counts as long."""


@dataclass(slots=True)
class Counts:
    """Counts over the sentences of one kind; `figures` are shares between 0 and 1."""

    single: int = 0
    first: int = 0
    three: int = 0
    five: int = 0
    served: int = 0
    unsure: int = 0
    unsupported: int = 0
    believed: int = 0
    several: int = 0
    opened: int = 0
    in_three: list[float] = field(default_factory=list[float])
    shares: list[float] = field(default_factory=list[float])
    ordered: int = 0

    def figures(self) -> dict[str, float]:
        found = {
            "hit@1": (self.first, self.single),
            "hit@3": (self.three, self.single),
            "hit@5": (self.five, self.single),
            "several first": (self.opened, self.several),
            "several@3": (sum(self.in_three), self.several),
            "several@5": (sum(self.shares), self.several),
            "several in order": (self.ordered, self.several),
            "false confidence": (self.believed, self.unsupported),
            "false refusal": (self.unsure, self.served),
        }
        return {name: round(part / of, 4) for name, (part, of) in found.items() if of}


def tried(sources: Sources, operations: Iterable[Operation]) -> dict[str, Counts]:
    """Counts for everything, and for each of a voice, a language and a length of sentence."""
    known = tuple(operations)
    groups: dict[str, Counts] = defaultdict(Counts)
    folds = folds_of(sources)[:-1]
    for fold in folds:
        settings = fitted(sources.intents(), [other for other in folds if other is not fold])
        index = Index(known, fold.learned.model(sources.refusals, settings))
        examples = [example for example in sources.examples if example.voice in fold.voices]
        several = [row for row in sources.several if row.voice in fold.voices]
        mark(index, examples, several, groups)
    return dict(sorted(groups.items()))


def mark(
    index: Index,
    examples: Iterable[Example],
    several: Iterable[Several],
    groups: defaultdict[str, Counts],
) -> None:
    """Search for each, and count it in the groups that it belongs to."""
    for example in examples:
        _count_one(index, example, [groups[name] for name in _groups(example)])
    for row in several:
        _count_several(index, row, [groups[name] for name in _groups(row)])


def _groups(row: Example | Several) -> list[str]:
    words = len(row.text.split())
    length = "terse" if words <= TERSE else "long" if words >= LONG else "sentence"
    family = "English" if row.language == "en" else "other languages"
    return ["all", family, f"in {row.language}", f"voice {row.voice}", f"length {length}"]


def _ranked(index: Index, text: str) -> tuple[Ranking, list[str]]:
    """The ranking, and the first five of Aircall's operations in it."""
    ranking = index.rank(text, 12)
    return ranking, [m.operation.id for m in ranking.matches if not m.operation.ours][:5]


def _count_one(index: Index, example: Example, groups: Sequence[Counts]) -> None:
    ranking, found = _ranked(index, example.text)
    for counts in groups:
        if example.intent.startswith(REFUSED):
            counts.unsupported += 1
            counts.believed += ranking.confident
            continue
        counts.single += 1
        counts.served += 1
        counts.unsure += not ranking.confident
        counts.first += example.intent in found[:1]
        counts.three += example.intent in found[:3]
        counts.five += example.intent in found


def _count_several(index: Index, several: Several, groups: Sequence[Counts]) -> None:
    ranking, found = _ranked(index, several.text)
    places = [found.index(need) for need in several.needs if need in found]
    for counts in groups:
        counts.several += 1
        counts.served += 1
        counts.unsure += not ranking.confident
        counts.opened += found[0] in several.needs
        in_three = sum(need in found[:3] for need in several.needs)
        counts.in_three.append(in_three / len(several.needs))
        counts.shares.append(len(places) / len(several.needs))
        counts.ordered += len(places) == len(several.needs) and places == sorted(places)


def report(groups: Mapping[str, Counts]) -> str:
    """The counts as a Markdown table."""
    columns = list(next(iter(groups.values())).figures())
    lines = [f"| held out | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for name, counts in groups.items():
        figures = counts.figures()
        cells = (f"{100 * figures[c]:.1f}" if c in figures else "-" for c in columns)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    package = Path(__file__).parents[2]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, default=package.parent.parent / "tool_specs")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    groups = tried(read_sources(options.sources), load().operations)
    if options.json:
        print(json.dumps({name: counts.figures() for name, counts in groups.items()}, indent=2))
    else:
        print(report(groups))
    return 0


if __name__ == "__main__":
    sys.exit(main())
