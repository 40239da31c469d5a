"""The formats of values: what can be said of a value without showing it."""

from __future__ import annotations

import re
from typing import Any

_FORMS = (
    ("an instant with milliseconds", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    ("an instant in seconds", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    ("a UUID", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ("E.164", r"\+[1-9]\d{6,14}"),
    ("spaced digits", r"\+\d[\d \-()]+"),
    ("an amount", r"\d+\.\d"),
    ("a colour", r"#[0-9A-Fa-f]{6}"),
    ("an address", r"[^@\s]+@[^@\s]+"),
    ("three digits", r"\d{3}"),
)

_INVENTED: dict[str, Any] = {
    "an instant with milliseconds": "2026-01-01T10:00:00.000Z",
    "an instant in seconds": "2026-01-01T10:00:00Z",
    "a UUID": "00000000-0000-4000-8000-000000000000",
    "E.164": "+19001112222",
    "spaced digits": "+1 900-111-2222",
    "an amount": "1.0",
    "a colour": "#112233",
    "an address": "somebody@example.com",
    "three digits": "001",
    "a whole number": 1,
    "a number": 1.5,
    "a link": "https://example.com/",
    "a secret": "00000000000000000000000000000000",
    "a list": [],
    "an object": {},
    "bool": True,
    "text": "text",
}
"""A value of each form that is nobody's."""


def form(name: str, value: Any) -> str:
    """What kind of value this is, as finely as a reader of the API would care."""
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    if isinstance(value, int):
        moment = name == "timestamp" or name.endswith("_at")
        return f"UNIX time of {len(str(value))} digits" if moment else "a whole number"
    if isinstance(value, float):
        return "a number"
    if not isinstance(value, str):
        return "a list" if isinstance(value, list) else "an object"
    if value.startswith("https://"):
        path = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", value)
        path = re.sub(r"(?<=/)\d+(?=/|$)", "N", path)
        return path if name == "direct_link" else "a link"
    if name == "token":
        return "a secret"
    return next((word for word, rule in _FORMS if re.fullmatch(rule, value)), "text")


def impersonal(name: str, value: Any) -> str:
    """The same where strangers may read it: of a link no part is said, since a part may be data."""
    return "a link" if isinstance(value, str) and value.startswith("http") else form(name, value)


def invented(said: str) -> Any:
    """A value of that form, None for nothing at all."""
    if said.startswith("UNIX time of "):
        return int("1767261600000000000"[: max(1, min(int(said.split()[3]), 19))])
    return _INVENTED.get(said)
