"""Which needs come together, and in which order: learned from sentences with several of them.

Somebody who asks to tag a call by the name of the tag needs the list of tags first, and says so
nowhere. What people need together they need in the same order, whatever the order of their words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

Company = Mapping[str, Mapping[str, int]]
"""How often the first was needed before the second, by operation id; with itself: at all."""

CAUTION = 3
"""Sentences that a pair must outweigh: what was seen once says little."""

FIRM = 3
"""How many times as often one came before the other, plus one, to overrule the words' order."""


def company_of(needs: Iterable[Sequence[str]]) -> Company:
    """From the needs of each sentence, in the order of use."""
    before: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in needs:
        for at, one in enumerate(row):
            for two in row[at:]:
                before[one][two] += 1
    return {one: dict(sorted(after.items())) for one, after in sorted(before.items())}


def expected(company: Company, need: str) -> dict[str, float]:
    """What else is needed where `need` is, and how probably (0..1)."""
    times: dict[str, int] = defaultdict(int, company.get(need, {}))
    seen = times.pop(need, 0)
    for one, after in company.items():
        if one != need and need in after:
            times[one] += after[need]
    return {other: count / (seen + CAUTION) for other, count in times.items()}


def in_order(company: Company, needs: Sequence[str], clause: Mapping[str, float]) -> list[str]:
    """`needs`, which stand in the order of their words, in the order of use; `clause` says which
    part of the sentence speaks of each."""
    order = list(needs)
    for _ in order:
        for at in range(len(order) - 1):
            one, two = order[at : at + 2]
            kept = company.get(one, {}).get(two, 0)
            turned = company.get(two, {}).get(one, 0)
            firm = 1 if clause[one] == clause[two] else FIRM
            if turned >= firm * (kept + 1):
                order[at : at + 2] = [two, one]
    return order
