"""What a person should know before saying yes that is in no argument: where a number is, what time
it is there, how long a text becomes, which letters only look like others, how much is removed.

Told from the numbering plans and the arguments alone: nothing is asked for over a network.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from ..errors import quoted
from ..ground.operation import Bound
from .deed import recipients_of
from .destinations import destination_of

MOST: Final = 10
"""Numbers that are told of one by one: of more the times are a blur."""
_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWICE: Final = frozenset("\f^{}\\[~]|€")
"""Letters that take the room of two (3GPP TS 23.038)."""
_ALIKE: Final = frozenset({"ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "GREEK", "LISU"})
"""Scripts with letters that look like Latin ones, as Unicode names them."""
_MOST_WORDS: Final = 3
_LONGEST_WORD: Final = 40
_HOST: Final = re.compile(r"https?://([^\s/?#\\]+)", re.IGNORECASE)


def circumstances_of(bound: Bound, now: float) -> Iterator[str]:
    """A sentence each, of a plan for all of its steps; `now` in UNIX seconds."""
    steps = bound.steps or (bound,)
    reaching = [step for step in steps if step.operation.effect == "reach"]
    numbers = list(dict.fromkeys(number for step in reaching for number in recipients_of(step)))
    for number in numbers[:MOST]:
        yield f"To {number}: {_place(number, now)}."
    if others := numbers[MOST:]:
        yield f"And to {len(others)} more numbers: {_places(others)}."
    texts = [step.arguments.get("body") for step in reaching if "body" in step.arguments]
    for text in dict.fromkeys(text for text in texts if isinstance(text, str)):
        yield f"Its text: {_length(text)}."
    yield from _lookalikes("\n".join(_texts([step.arguments for step in steps])))
    if vanishing := sum(step.operation.effect == "delete" for step in steps):
        what = "one object" if vanishing == 1 else f"{vanishing} objects"
        yield f"It deletes {what}, with everything that belongs to it."


def _places(numbers: Sequence[str]) -> str:
    """How many are where: one that is elsewhere than the rest is not hidden among them."""
    found = Counter(map(_where, numbers))
    return ", ".join(f"{count} in {where}" for where, count in found.most_common())


def _where(number: str) -> str:
    there = destination_of(number)
    kind = "" if there.kind == "ordinary" else f" ({there.kind.replace('_', ' ')})"
    return (there.country or "an unknown country") + kind


def _lookalikes(text: str) -> Iterator[str]:
    """What reads like something else: a word of two scripts, a host that is written in another."""
    if text.isascii():
        return
    words = [word for word in dict.fromkeys(re.findall(r"\w+", text)) if _is_mixed(word)]
    for word in (quoted(word, _LONGEST_WORD) for word in words[:_MOST_WORDS]):
        yield f"{word!a} mixes letters of several alphabets, and looks like {word}."
    if len(words) > _MOST_WORDS:
        yield f"So do {len(words) - _MOST_WORDS} more words."
    for host in dict.fromkeys(_HOST.findall(text)):
        if not host.isascii():
            yield f"The link to {host} leads to {'.'.join(map(_ascii, host.split('.')))}."


def _ascii(label: str) -> str:
    """As a browser's address line would give a label of a host away."""
    return label if label.isascii() else f"xn--{label.lower().encode('punycode').decode()}"


def _is_mixed(word: str) -> bool:
    scripts = {unicodedata.name(one, "").partition(" ")[0] for one in word if one.isalpha()}
    return "LATIN" in scripts and not scripts.isdisjoint(_ALIKE)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _texts(one)
    elif isinstance(value, Mapping):
        for name, one in cast("Mapping[str, Any]", value).items():
            yield name
            yield from _texts(one)


def _place(number: str, now: float) -> str:
    there = destination_of(number)
    at = datetime.fromtimestamp(now, UTC)
    # From west to east: by the clock alone, an hour before midnight would be the last of all.
    clocks = sorted(at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in there.zones)
    times = list(dict.fromkeys(f"{clock:%H:%M}" for clock in clocks))
    where = there.country or "in an unknown country"
    kind = "" if there.kind == "ordinary" else f", {there.kind.replace('_', ' ')}"
    if not times:
        return f"{where}{kind}"
    span = times[0] if len(times) == 1 else f"between {times[0]} and {times[-1]}"
    return f"{where}{kind}, where it is {span} now"


def _length(text: str) -> str:
    """As SMS counts it; a letter that it has not makes all of them longer."""
    if set(text) <= _GSM | _TWICE:
        size, alone, joined = len(text) + sum(one in _TWICE for one in text), 160, 153
    else:
        size, alone, joined = len(text.encode("utf-16-le", "surrogatepass")) // 2, 70, 67
    parts = 1 if size <= alone else ceil(size / joined)
    return f"{len(text)} characters, {parts} segment{'s' * (parts != 1)} as SMS"
