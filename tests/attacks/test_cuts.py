"""A secret at every offset around every place where a text is cut, in every form that is masked."""

from __future__ import annotations

import base64
import json
import logging
import random
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from aircall_mcp.events.event import Event
from aircall_mcp.events.forwarding.wording import LONGEST_NAME, LONGEST_TEXT, lines
from aircall_mcp.gateway.refusals import LONGEST_WORDS, error_of
from aircall_mcp.gateway.request import Answered
from aircall_mcp.ground.logs import LONGEST_MESSAGE, LONGEST_TRACE, Line
from aircall_mcp.ground.operation import Bound
from aircall_mcp.ground.secrets import MASK, Scrubber, Secret
from aircall_mcp.offer import shape
from aircall_mcp.offer.shape import bounded

from ..harness import THURSDAY
from ..upstream import bound

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

TOLERATED = 7
"""Characters of a secret that may be seen: what is shorter stands in harmless text by chance."""
TAG: Bound = bound("get_tag", tag_id=1)

# Each way out as it is gone, from where the text is cut to where it has left.


def _refused(text: str, scrubber: Scrubber) -> str:
    error = error_of(TAG.operation, Answered(422, {}, {"error": text}), scrubber.text, 0.0)
    return error.message


def _text(text: str, scrubber: Scrubber) -> str:
    return str(scrubber.json(bounded({"tag": {"name": text}}, scrubber.text)[0]))


def _row(text: str, scrubber: Scrubber) -> str:
    rows = [{"id": 1, "note": text, "more": "x" * 600}]
    cut, _ = bounded({"rows": rows}, scrubber.text, largest=1_000, key="rows")
    return str(scrubber.json(cut))


def _message(text: str, scrubber: Scrubber) -> str:
    record = logging.LogRecord("a", logging.INFO, "", 0, "%s", (text,), None)
    return Line(scrubber.text).format(record)


def _trace(text: str, scrubber: Scrubber) -> str:
    error = ValueError(text + "y" * LONGEST_TRACE)
    record = logging.LogRecord("a", 40, "", 0, "bug", (), (ValueError, error, None))
    return Line(scrubber.text).format(record)


def _told(text: str, scrubber: Scrubber) -> str:
    data = {"body": text, "contact": {"name": text}}
    event = Event(1, "w", "message.received", THURSDAY, THURSDAY, None, data)
    return "\n".join(lines(event, scrubber.text))


CUTS: dict[str, tuple[Callable[[str, Scrubber], str], tuple[int, ...]]] = {
    "Aircall's words in an error": (_refused, (LONGEST_WORDS,)),
    "a text of an answer": (_text, (shape.LONGEST_TEXT,)),
    "a row that is too large": (_row, (400, 500)),
    "a line of the log": (_message, (LONGEST_MESSAGE - 31,)),  # the time and the level before it
    "the end of a traceback": (_trace, (0, 90)),
    "what is passed on": (_told, (LONGEST_NAME, LONGEST_TEXT)),
}


def forms_of(secret: str) -> Iterator[tuple[str, str]]:
    """As it may be written, and what of that is its own."""
    raw = secret.encode()
    for form in (
        secret, raw.hex(), raw.hex().upper(), quote(raw, safe=""), quote(quote(raw), safe=""),
        "".join(f"%{byte:02x}" for byte in raw), "".join(f"%{byte:02X}" for byte in raw),
        json.dumps(secret)[1:-1],
    ):  # fmt: skip
        yield form, form
    yield "\u200b".join(secret), secret
    for before in range(3):
        encoded = base64.b64encode(b"k" * before + raw).decode().rstrip("=")
        own = encoded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        yield encoded, own
        safe = str.maketrans("+/", "-_")
        yield encoded.translate(safe), own.translate(safe)


def secret_of(chance: random.Random) -> str:
    letters = chance.choice(("abcdef0123456789", "ABCXYZabcxyz0189_-", "ABab01+/=%&\"'~ü"))
    return "".join(chance.choices(letters, k=chance.randrange(12, 40)))


def test_no_part_of_a_secret_is_seen_wherever_it_is_cut(full: bool) -> None:
    chance = random.Random(14)
    tried, masked, wanted = 0, 0, 200_000 if full else 2_000
    while tried < wanted:
        scrubber, secret = Scrubber(), secret_of(chance)
        scrubber.learn(Secret(secret))
        for where, (way, places) in CUTS.items():
            for form, own in forms_of(secret):
                parts = [own[n : n + TOLERATED + 1] for n in range(len(own) - TOLERATED)]
                for place in places:
                    first = max(0, place - len(form) - 2)
                    for at in range(first, place + 3, 1 if full else chance.randrange(5, 15)):
                        said = way("." * at + form + "." * 30, scrubber)
                        seen = [part for part in parts if part in said]
                        assert not seen, (where, at, form, said[-200:])
                        tried += 1
                        masked += MASK in said
    assert masked > tried / 4  # the others stood wholly behind the cut, or their mask was cut
    print(f"cuts: {tried} secrets tried at {len(CUTS)} cuts, 0 seen, {masked} masked in sight")
