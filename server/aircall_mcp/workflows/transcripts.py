"""What was said in a call: its transcript as lines, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..errors import Refused
from ..gateway.ask import Aircall
from .kit import object_of, text_of

_SENTENCE = re.compile(r"(?<=[.?!\u2026])\s+")
_LONG = 240
"""Characters of a line beyond which it is told by its sentences."""


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody said in one go; `at` is in seconds from the beginning, `language` as Aircall
    says it (`en-US`)."""

    at: float
    speaker: str
    text: str
    language: str = ""

    @property
    def clock(self) -> str:
        return f"{int(self.at) // 60}:{int(self.at) % 60:02}"


async def transcript_of(asking: Aircall, call_id: int) -> list[Line] | None:
    """The lines of a call, None where Aircall has none. Raises what the gateway raises, `Refused`
    with 403 where the add-on is missing."""
    try:
        reply = await asking.ask("get_call_transcription", call_id=call_id)
    except Refused as error:
        if error.status == 404:
            return None
        raise
    content = object_of(object_of(object_of(reply.body).get("transcription")).get("content"))
    return lines_of(content.get("utterances"), text_of(content.get("language")))


def lines_of(utterances: Any, language: str = "") -> list[Line]:
    """In the order they began, whatever the order of the list."""
    listed = cast("Sequence[Any]", utterances) if isinstance(utterances, list) else ()
    lines: list[Line] = []
    for one in map(object_of, listed):
        text, at = text_of(one.get("text")).strip(), one.get("start_time")
        who = text_of(one.get("participant_type"))
        speaker = {"internal": "agent", "external": "customer"}.get(who, who or "unknown")
        began = float(at) if isinstance(at, int | float) else 0.0
        parts = _SENTENCE.split(text) if len(text) > _LONG else [text]
        lines += [Line(began, speaker, part, language) for part in parts if part]
    return sorted(lines, key=lambda line: line.at)
