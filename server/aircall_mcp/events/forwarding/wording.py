"""What is sent: an event as plain text for people, or as a signed document for a system.

What people get has our words at the beginning of every line and other people's words behind them:
a line break in those is shown as one and makes none, and nothing in them is a link, a mention or
a format.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ...ground.secrets import Scrub, Scrubbed, Secret, cut, inside
from ...ground.times import iso
from ..event import Event
from ..kinds import KINDS
from .destinations import Destination

JSON: Mapping[str, str] = {"Content-Type": "application/json"}
LONGEST_TEXT = 2_000
"""Characters of a text that people are shown; a block of Slack's has 3,000 at most."""
LONGEST_NAME = 200
"""Characters of a name."""
_BREAK = re.compile(r"\s*[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*")
_SPACE = re.compile(r"\s+")


def written(
    destination: Destination, event: Event, delivery: str, key: Secret, now: float, scrub: Scrub
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a delivery."""
    headers = dict(JSON)
    if destination.form == "slack":
        return _blocks(_head(event), lines(event, scrub)), headers
    body = json.dumps(
        {
            "event": event.kind,
            "timestamp": event.built,
            "sequence": event.sequence,
            **event.mark,
            **({"raw": event.raw} if event.raw else {}),
            "data": event.data,
        },
        separators=(",", ":"),
        allow_nan=False,
    ).encode()
    stamp = str(int(now))
    headers["X-Aircall-MCP-Delivery"] = delivery
    headers["X-Aircall-MCP-Timestamp"] = stamp
    headers["X-Aircall-MCP-Signature"] = "v1=" + signature(key, stamp, body)
    return body, headers


def signature(key: Secret, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `stamp.body`, in hex."""
    return inside(
        key, lambda raw: hmac.new(raw, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    )


def lines(event: Event, scrub: Scrub) -> list[str]:
    """An event for people: the first line is ours, the others say whose words stand in them."""
    data = event.data
    head = _head(event) if event.trusted else f"{_head(event)} (not to be trusted)"
    said = [head]
    said += [f"{word}: {why}" for word, why in event.mark.items() if word != "trusted"]
    words = data.get("body") or data.get("content")
    quoted = {
        "kind": "" if event.kind in KINDS else event.kind,
        "from" if "received" in event.kind else "with": (
            _named(data.get("contact")) or str(data.get("raw_digits") or "")
        ),
        "on": _named(data.get("number")),
        "user": _named(data.get("user")),
    }
    said += [
        f"{word}: {_plain(name, LONGEST_NAME, scrub)}" for word, name in quoted.items() if name
    ]
    if isinstance(words, str) and words.strip():
        said.append(f"text: {_plain(words, LONGEST_TEXT, scrub)}")
    return said


def summary(counts: Mapping[str, int], first: int, last: int) -> bytes:
    """What people get in the place of a flood: how many events of which kind, and how to read
    them. All of it is ours."""
    known = sorted(kind for kind in counts if kind in KINDS)
    other = sum(many for kind, many in counts.items() if kind not in KINDS)
    each = [f"{counts[kind]} {kind}" for kind in known]
    if other:
        each.append(f"{other} of another kind")
    total = sum(counts.values())
    kinds = "" if other else f" --kinds {','.join(known)}"
    head = f"{total} more events, not shown one by one: more came in than fit into a minute"
    return _blocks(
        head,
        [
            head,
            f"these are: {', '.join(each)}",
            f"a person reads them: aircall-mcp events list{kinds} --after {first - 1}"
            f" --before {last + 1} --limit 1000",
            f"a model reads them: aircall_read_events, after {first - 1}, up to {last}",
        ],
    )


def _head(event: Event) -> str:
    """Of our words alone: it stands in notifications, where Slack would read markup."""
    kind = event.kind if event.kind in KINDS else "an event of another kind"
    return f"{kind}, {iso(event.built or event.received)}, event {event.sequence}"


def _blocks(head: str, said: Sequence[str]) -> bytes:
    blocks = [
        {"type": "section", "text": {"type": "plain_text", "emoji": False, "text": text}}
        for text in _packed(said)
    ]
    whole = {"text": head, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
    return json.dumps({**whole, "blocks": blocks}).encode()


def _packed(said: Sequence[str]) -> list[str]:
    """The short lines in one block, and a long one in a block of its own."""
    if len(said[-1]) > LONGEST_NAME:
        return ["\n".join(said[:-1]), said[-1]]
    return ["\n".join(said)]


def _named(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    fields = cast("Mapping[str, Any]", value)
    whole = " ".join(str(fields[key]) for key in ("first_name", "last_name") if fields.get(key))
    return str(fields.get("name") or whole or fields.get("company_name") or "")


def _plain(text: str, longest: int, scrub: Scrub) -> Scrubbed:
    """Other people's words in one line. Cut where they are too long, which is said."""
    flat = scrub(_SPACE.sub(" ", _BREAK.sub(" ⏎ ", text)).strip())
    return cut(flat, longest, " … (cut)")
