"""What a person should know before saying yes and no argument says by itself: where a number is,
what time it is there, how long a text becomes, how much vanishes.

Told from the numbering plans and the arguments alone: nothing is asked for over a network.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

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


def circumstances_of(bound: Bound, now: float) -> Iterator[str]:
    """A sentence each, of a plan for all of its steps; `now` in UNIX seconds."""
    steps = bound.steps or (bound,)
    reaching = [step for step in steps if step.operation.effect == "reach"]
    numbers = list(dict.fromkeys(number for step in reaching for number in recipients_of(step)))
    for number in numbers[:MOST]:
        yield f"To {number}: {_place(number, now)}."
    if len(numbers) > MOST:
        yield f"And to {len(numbers) - MOST} more numbers."
    texts = [step.arguments.get("body") for step in reaching if "body" in step.arguments]
    for text in dict.fromkeys(text for text in texts if isinstance(text, str)):
        yield f"Its text: {_length(text)}."
    if vanishing := sum(step.operation.effect == "delete" for step in steps):
        what = "one object" if vanishing == 1 else f"{vanishing} objects"
        yield f"It makes {what} vanish, with what belongs to it."


def _place(number: str, now: float) -> str:
    there = destination_of(number)
    times = sorted({f"{datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone)):%H:%M}"
                    for zone in there.zones})  # fmt: skip
    where = there.country or "of no country that is known"
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
