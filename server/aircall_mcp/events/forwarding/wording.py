"""What is sent: an event as a line for people, or as a signed document for a system."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, cast

from ...ground.secrets import Secret, inside
from ...ground.times import iso
from ..event import Event
from .destinations import Destination


def written(
    destination: Destination, event: Event, delivery: str, key: Secret, now: float
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a delivery."""
    headers = {"Content-Type": "application/json"}
    if destination.form == "slack":
        return json.dumps({"text": line(event)}).encode(), headers
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


def line(event: Event) -> str:
    """An event in a line for people, in Slack's markup: nothing in it can mention or link."""
    data = event.data
    who = _named(data.get("contact")) or str(data.get("raw_digits") or "")
    number = _named(data.get("number"))
    words = data.get("body") or data.get("content")
    parts = [f"*{event.kind}*", *(() if event.trusted else ("(not to be trusted)",))]
    parts += [f"({word}: {why})" for word, why in event.mark.items() if word != "trusted"]
    if who:
        parts.append(f"{'from' if 'received' in event.kind else 'with'} {_plain(who)}")
    if number:
        parts.append(f"on {_plain(number)}")
    if user := _named(data.get("user")):
        parts.append(f"({_plain(user)})")
    parts.append(iso(event.built or event.received))
    text = " ".join(parts)
    if isinstance(words, str) and words.strip():
        quoted = _plain(words[:2000]).replace("\n", "\n> ")
        text += f"\n> {quoted}"
    return text


def _named(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    fields = cast("Mapping[str, Any]", value)
    whole = " ".join(str(fields[key]) for key in ("first_name", "last_name") if fields.get(key))
    return str(fields.get("name") or whole or fields.get("company_name") or "")


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
