"""The clauses of a sentence, in the order in which what they ask for is done."""

from __future__ import annotations

import re

from .words import WORD

MOST_CLAUSES = 8
"""Clauses of a sentence that are read on their own."""

SHORTEST_CLAUSE = 2
"""Words from which a clause can be a need of its own."""

TURNED = 1.5
"""Places by which a clause moves back that is done second, and forward that is done first."""

_FIRST = r"before|bevor|avant|antes de|antes que|prima di|prima che|voordat"
"""Said of what is done second."""

_SECOND = (
    r"after(?! that)|once|nachdem|sobald|après avoir|après que|después de|dopo che|depois de|"
    r"nadat|zodra"
)
"""Said of what is done first."""

_BETWEEN = (
    r"and|then|after that|as well as|also|plus|but|so|if so|et|puis|ensuite|après|und|dann|danach|"
    r"y|luego|después|e|ed|poi|dopo|depois|en|daarna"
)

_CLAUSE = (
    rf"\b(?P<first>{_FIRST})\b|\b(?P<second>{_SECOND})\b|"
    rf"[;:\n→]|->|(?<=\w)[,.!?](?=\s)|\s[\u2013\u2014-]\s|\b(?:{_BETWEEN})\b"
)
"""Compiled when a text has a sign or a word of it, which the first search has seldom."""

_SIGNS = frozenset(";:\n→,.!?-\u2013\u2014\u017f\u0131\u0130")
"""The last three are an s and two kinds of i to the pattern, and stay what they are in `lower`."""

_WORDS = frozenset(
    said.split("(")[0].split()[0] for said in f"{_FIRST}|{_SECOND}|{_BETWEEN}".split("|")
)
"""The words that the pattern's begin with."""


def clauses_of(text: str) -> list[tuple[str, float]]:
    """The clauses of a sentence with several, each with its place in the order of use; none of a
    sentence with one."""
    if _SIGNS.isdisjoint(text) and _WORDS.isdisjoint(WORD.findall(text.lower())):
        return []
    parts: list[tuple[str, float]] = []
    start, shift = 0, 0.0
    for found in [*re.finditer(_CLAUSE, text, re.IGNORECASE), None]:
        part = text[start : found.start() if found else None]
        if len(part.split()) >= SHORTEST_CLAUSE:
            parts.append((part, len(parts) + shift))
            shift = 0.0
        if found:
            start = found.end()
            if found["first"] or found["second"]:
                shift = TURNED if found["first"] else -TURNED
    return parts[:MOST_CLAUSES] if len(parts) > 1 else []
