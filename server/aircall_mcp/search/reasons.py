"""The words that spoke for an operation, as a person would name them."""

from __future__ import annotations

from ..ground.operation import Operation
from .lexical import shared
from .model import Model
from .reading import Reader, Reading

MOST_REASONS = 5
"""Words that `because` lists."""

LEAST_REASON = 0.1
"""Share of what the strongest word says that another must say to be listed."""

SHORTEST_REASON = 4
"""Letters from which a word is listed that no concept knows."""

VALUE_NAMES = {
    "xurl": "a URL",
    "xmail": "an e-mail address",
    "xphone": "a phone number",
    "xid": "an id or number",
    "xtime": "a time",
}


def because(reader: Reader, reading: Reading, operation: Operation) -> tuple[str, ...]:
    """The words that spoke for the operation, the strongest first."""
    place = reader.places.get(operation.id)
    if place is None:
        return shared(reading.words, operation)[:MOST_REASONS]
    said = reader.model.says(reading.heard, place)
    least = max(1.0, LEAST_REASON * max(said.values(), default=0))
    order = sorted((at for at in said if said[at] >= least), key=lambda at: -said[at])
    words = (reading.spoken[at] for at in order if _telling(reader.model, reading.words[at]))
    return tuple(dict.fromkeys(VALUE_NAMES.get(word, word) for word in words))[:MOST_REASONS]


def _telling(model: Model, word: str) -> bool:
    """Whether a word says something to a person: "an" and "her" may weigh, but tell nothing."""
    return len(word) >= SHORTEST_REASON or bool(model.lexicon.of_word(word))
