"""An event: as Aircall sent it, and as the log stores it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, cast

from ..ground.weight import deeper_than

Json = dict[str, Any]


@dataclass(frozen=True)
class Arrival:
    """An event as it came in. `built` is when Aircall made it, in UNIX seconds, 0 where it does not
    say.

    `family` is named where its webhook took the place of another, which may tell of it, too.
    `unrecognised` says in words what of its form is not known; then `raw` is the whole as it came.
    """

    webhook: str
    kind: str
    resource: str
    built: float
    data: Mapping[str, Any]
    family: str = ""
    unrecognised: str = ""
    raw: str = ""
    polled: str = ""
    """The account whose list of calls shows it, where no webhook told of it."""

    @cached_property
    def digest(self) -> bytes:
        """What a repetition has in common with it: 16 bytes."""
        if self.polled:
            return self.of_call("polled", self.polled)
        whose = self.family or self.webhook
        told = [whose, self.kind, self.data.get("id"), self.built, self.data]
        return _digest([*told, self.raw] if self.raw else told)

    def of_call(self, how: str, whose: str) -> bytes:
        """What it has in common with whatever tells of the same of this call: 16 bytes."""
        return _digest([how, whose, self.kind, self.data.get("id")])

    @property
    def content(self) -> bytes:
        """What it has in common with the same event of another webhook: 16 bytes."""
        return _digest([self.kind, self.data, self.raw])

    @property
    def body(self) -> bytes:
        """What of it is sealed."""
        said = {name: getattr(self, name) for name in _ODD if getattr(self, name)}
        whole = {"resource": self.resource, "data": self.data, **said}
        return json.dumps(whole, separators=(",", ":")).encode()

    @property
    def is_message(self) -> bool:
        return is_message(self.kind)


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the log. Times are in UNIX seconds; `data` is as Aircall sent it.

    Without `trusted` somebody else could have written it: see `webhooks`. `unrecognised` says what
    of its form is not known, `unreadable` why `data` is empty; `raw` is the text of such a one.
    """

    sequence: int
    webhook: str
    kind: str
    built: float
    received: float
    call_id: int | None
    data: Mapping[str, Any]
    trusted: bool = True
    unrecognised: str = ""
    unreadable: str = ""
    raw: str = ""
    account: str = ""
    """Whose webhook told of it."""

    @property
    def mark(self) -> Json:
        """What every showing of it says besides: nothing of an event that is trusted and known."""
        odd = {name: getattr(self, name) for name in _MARKS if getattr(self, name)}
        return odd if self.trusted else {"trusted": False, **odd}


_ODD = ("unrecognised", "raw")
_MARKS = ("unrecognised", "unreadable")

DEEPEST = 100
"""Levels of objects and arrays in what an event tells of; an answer of Aircall's has as many."""
DEEP = f"it is nested more than {DEEPEST} deep"
NO_NUMBER = "it has a number that JSON has not"


HALF = "it has half a letter"


def has_half_letters(data: Any) -> bool:
    """Whether `data` has half a surrogate pair, which no encoding can write."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def flaw_of(data: Any) -> str:
    """Why not everybody could read `data`, which Python could; nothing for most."""
    if deeper_than(DEEPEST, data):
        return DEEP
    try:
        json.dumps(data, allow_nan=False)
    except ValueError:
        return NO_NUMBER
    return ""


def body_of(sealed: bytes) -> Json:
    """`data` of what was sealed, and of `Event` what is said of such an event: whatever was taken
    in by whichever version, this gives what everybody can read, and never raises."""
    text = sealed.decode("utf-8", "replace")
    try:
        body: Any = json.loads(text)
        data = cast("Json", body)["data"]
        # To look closer takes time, and few have what it takes to be looked at.
        suspicious = "NaN" in text or "Infinity" in text
        suspicious |= text.count("{") + text.count("[") > DEEPEST
        fault = flaw_of(data) if suspicious else ""
        fault = fault if isinstance(data, dict) else "its data is no object"
    except RecursionError:
        body, data, fault = {}, {}, DEEP
    except (ValueError, LookupError, TypeError):
        body, data, fault = {}, {}, "it is no event"
    if fault:
        return {"data": {}, "unreadable": fault, "raw": text}
    said = {name: str(body[name]) for name in _ODD if name in body}
    whole: Json = {"data": data, **said}
    return _whole_letters(whole) if "\\ud" in text else whole


def _whole_letters(value: Any) -> Any:
    """`value` with U+FFFD in the place of half a surrogate pair, which no encoding can write."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole_letters(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        fields = cast("Json", value)
        return {_whole_letters(name): _whole_letters(one) for name, one in fields.items()}
    return value


def _digest(told: Any) -> bytes:
    return sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).digest()[:16]


def is_message(kind: str) -> bool:
    return kind.startswith(("message.", "group_message."))


def matches(kind: str, wanted: Iterable[str]) -> bool:
    """Whether `kind` is among `wanted`, of which some may end in `.*`."""
    return any(
        kind == one or one == "*" or (one.endswith(".*") and kind.startswith(one[:-1]))
        for one in wanted
    )
