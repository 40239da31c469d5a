"""How good the search is on voices never heard: `python -m aircall_mcp.search.training.trial`.

The voices are held out in groups: a model that learned from none of a group's sentences, and whose
threshold was fitted without them, is searched with all of them through the same `Index` that users
have. A development step, like `train`. It takes minutes, so its figures are kept on record with
what they were measured on: the tests tell from that whether they still hold.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...ground.operation import Operation
from ...spec import load
from .. import Index, Ranking
from ..model import FILE, REFUSED
from .train import Example, Several, Sources, fitted, folds_of, read_sources

TERSE = 3
"""Words up to which a sentence counts as terse."""

LONG = 14
"""Words from which a sentence counts as long."""

SLACK, SLACK_OF_SEVERAL = 0.01, 0.02
"""How far a figure may fall behind the record. Each new model turns some sentences over, one way
and the other: of a thousand with several needs, 33 lost their order and 26 found it in one that was
as good."""

BETTER_LOW = ("false confidence", "false refusal")
PACKAGE = Path(__file__).parents[2]


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


def measured_on(operations: Iterable[Operation]) -> str:
    """A hash of what the figures depend on: what the model was made from, the code of the search,
    and what of the operations it goes by."""
    made = hashlib.sha256((PACKAGE / "_compiled" / FILE).with_suffix(".made-from").read_bytes())
    for file in sorted(PACKAGE.joinpath("search").rglob("*.py")):
        made.update(file.read_text("utf-8").encode())
    for one in sorted(operations, key=lambda one: one.id):
        known = (one.id, one.tool, one.method, one.path, one.surfaces, one.stands_for)
        made.update(repr((known, one.retired and one.retired.replacement)).encode())
    return made.hexdigest()


def fallen(
    groups: Mapping[str, Counts], recorded: Mapping[str, Mapping[str, float]]
) -> Iterator[str]:
    """A line for each figure on record that is now worse by more than `SLACK`."""
    for group, figures in recorded.items():
        now = groups[group].figures()
        for name, before in figures.items():
            worse = (now[name] - before) * (1 if name in BETTER_LOW else -1)
            if worse > (SLACK_OF_SEVERAL if name.startswith("several") else SLACK):
                yield f"{group}: {name} was {before}, is {now[name]}"


def recorded_anew(file: Path, groups: Mapping[str, Counts], of: str) -> list[str]:
    """Note in the record what was measured and on what, or nothing where a figure fell: those that
    did. The record keeps the best of each figure, so that many small falls are one; who accepts a
    fall lowers it by hand first."""
    record: dict[str, Any] = json.loads(file.read_text("utf-8"))
    lines = list(fallen(groups, record["voices"]))
    if not lines:
        record["measured_on"] = of
        for group, best in record["voices"].items():
            for name, figure in groups[group].figures().items():
                keep = min if name in BETTER_LOW else max
                best[name] = keep(best.get(name, figure), figure)
        file.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, default=PACKAGE.parent.parent / "tool_specs")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", type=Path, help="keep the figures there, where none fell")
    options = parser.parse_args(argv)
    operations = load().operations
    of = measured_on(operations)
    groups = tried(read_sources(options.sources), operations)
    if options.json:
        print(json.dumps({name: counts.figures() for name, counts in groups.items()}, indent=2))
    else:
        print(report(groups))
    if options.record:
        lines = recorded_anew(options.record, groups, of)
        if lines:
            print("Not recorded, since these fell:", *lines, sep="\n", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
