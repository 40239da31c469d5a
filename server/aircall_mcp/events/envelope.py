"""The document that contains an event, read as far as possible.

Aircall counts what is refused, and switches off a webhook that refuses too often. So whoever knows
the token is never refused for a form that we do not know: what can be understood is, and all of it
is kept as it came. The token is what it always was, one text on the first level of the document.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from ..ground.secrets import MASK
from ..ground.weight import MOST_ASKED, MOST_VALUES, values_in
from .event import DEEP, HALF, Json, flaw_of, has_half_letters
from .numbers import has_odd_id

UNRECOGNISED = "unrecognised"
"""The kind of an event that names none."""

_TOO_MUCH = "it holds too many values"
_NO_JSON = "it is no JSON that can be read here"
_KIND = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_PIECE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]:,]|[^\s"{}\[\]:,]+', re.DOTALL)
"""A text, a bracket, a colon, a comma, or whatever else there is between those."""
_MOST_PIECES = 50_000
_ENDING = re.compile(
    r""",\s*+"token"\s*+:\s*+("[^"\\]*+")\s*+
        (?:,\s*+"[^"\\]*+"\s*+:\s*+(?:"[^"\\]*+"|[^\s"{}\[\]:,]++)\s*+)*+\}\s*+\Z""",
    re.VERBOSE,
)
"""A token among the last members of a document, of which none is an object or a list."""
_LAST = 2_000
"""Characters in which those are looked for."""
_LEAST = 8
"""Characters of a token: what is shorter is no secret, and stands everywhere."""
_NOTHING = re.compile(r"(?!)")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Half a letter, or what may be the half of a whole one."""
_EARLIEST, _LATEST = 1e9, 4.1e9
"""UNIX seconds between which a number can be a time: from 2001 to 2099."""


class NoEnvelope(ValueError):
    """No document with a token; why in a few words."""


@dataclass(frozen=True, slots=True)
class Read:
    """An envelope as it was understood. `built` is in UNIX seconds, 0 where it does not say.

    `unrecognised` says in words what of it is not in the form that Aircall documents; then `raw` is
    the whole, with its token masked, and `data` may be empty.
    """

    kind: str
    resource: str
    built: float
    data: Mapping[str, Any]
    unrecognised: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A document of which nothing but its `token` is believed to be there.

    `fields` are None where the document is too much to be parsed for a stranger, or no JSON.
    """

    text: str
    token: str
    fields: Mapping[str, Any] | None
    escaped: str = ""
    """The text once more where some of its bytes are no letters, with these as escapes."""

    def read(self, latest: float = math.inf) -> Read:
        """All that can be understood. Raises `NoEnvelope` where it has more than one token.

        `latest` is in UNIX seconds: what is dated behind it has no time that can be believed.
        """
        fields, fault, odd = self.fields, "", list[str]()
        if fields is None:
            fields, fault = _parsed(self.text, MOST_VALUES)
            if fields is None:
                fields, _ = _members(self.text, len(self.text))
                odd.append(fault)
        if fields.get("token") != self.token:
            raise NoEnvelope("more than one token")
        kind = fields.get("event") or fields.get("event_name")
        mask = self._mask()
        if not isinstance(kind, str) or not _KIND.fullmatch(kind) or mask(kind) != kind:
            kind = UNRECOGNISED
            odd.append("its name")
        resource = fields.get("resource", "")
        if not isinstance(resource, str):
            resource = ""
            odd.append("its resource")
        built, plain = _time(fields.get("timestamp", 0))
        if built > latest:
            built = 0.0
            odd.append("its timestamp, which lies in the future")
        elif not plain:
            odd.append("its timestamp")
        if self.escaped:
            odd.append("bytes that are no letters")
        data: Any = fields.get("data")
        if not isinstance(data, dict):
            data = {}
            if not fault:
                odd.append("its data, which is no object")
        elif flaw := flaw_of(cast("Json", data)):
            data = {}
            odd.append(flaw)
        elif has_odd_id(cast("Json", data)):
            odd.append("its id, which is none")
        elif _HALF.search(self.text) and has_half_letters(cast("Json", data)):
            odd.append(HALF)
        resource, data = mask(resource), mask(data)
        if not odd:
            return Read(kind, resource[:100], built, cast("Json", data))
        return Read(
            kind, resource[:100], built, cast("Json", data), "; ".join(odd), self._without_token()
        )

    def _mask(self) -> Callable[[Any], Any]:
        """What puts `MASK` in the place of the token, where that stands anywhere else, too."""
        plain = "\\" not in self.text
        if plain and self.text.count(self.token) < 2:
            return lambda value: value
        spelled = _spellings(self.token)
        if len(spelled.findall(self.text)) < 2:
            return lambda value: value
        return lambda value: _masked(value, spelled)

    def _without_token(self) -> str:
        text = self.escaped or self.text
        for start, end in reversed(_members(text, len(text))[1]):
            text = f'{text[:start]}"{MASK}"{text[end:]}'
        return _spellings(self.token).sub(MASK, text)


def envelope_of(body: bytes) -> Envelope:
    """The document of an event, and its token. Raises `NoEnvelope`.

    Takes no more work than a stranger may cost: what he sends is parsed within `MOST_ASKED` values.
    """
    # What is no text of its encoding is no reason to be refused either.
    encoding = json.detect_encoding(body)
    text = body.decode(encoding, "replace").removeprefix("\ufeff")
    escaped = body.decode(encoding, "backslashreplace").removeprefix("\ufeff")
    fields, fault = _parsed(text, MOST_ASKED)
    token: Any = None if fields is None else fields.get("token")
    if fields is None:
        token = _members(text)[0].get("token", _ending(text))
    if not isinstance(token, str):
        raise NoEnvelope("no envelope" if fields is not None else fault)
    return Envelope(text, token, fields, "" if escaped == text else escaped)


def _spellings(token: str) -> re.Pattern[str]:
    """A token as it can be written in JSON, and in JSON within JSON: each letter itself or by its
    number. Matches nothing for one too short to be a secret."""
    if len(token) < _LEAST:
        return _NOTHING
    return re.compile("".join(map(_spelling, token)))


def _spelling(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    numbers = "".join(rf"\\{{1,8}}+u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4))
    slash = r"|\\{1,8}+/" if letter == "/" else ""
    return f"(?:{re.escape(letter)}|{numbers}{slash})"


def _masked(value: Any, spelled: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return spelled.sub(MASK, value)
    if isinstance(value, list):
        return [_masked(one, spelled) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        fields = cast("Json", value)
        return {spelled.sub(MASK, name): _masked(one, spelled) for name, one in fields.items()}
    return value


def _parsed(text: str, most: int) -> tuple[Json | None, str]:
    """The document, or None and why not: it is judged by nothing but its being an object."""
    if values_in(text) > most:
        return None, _TOO_MUCH
    try:
        parsed: Any = json.loads(text, strict=False)
    except RecursionError:
        return None, DEEP
    except ValueError:
        return None, _NO_JSON
    return (cast("Json", parsed) if isinstance(parsed, dict) else {}), ""


def _members(text: str, most: int = _MOST_PIECES) -> tuple[Json, list[tuple[int, int]]]:
    """Texts, numbers and constants on the first level of a document that nobody could parse, and
    where its tokens stand. Of two of a name the last one counts, as in JSON.
    """
    found: Json = {}
    tokens: list[tuple[int, int]] = []
    depth, key, named = 0, "", False
    for number, piece in enumerate(_PIECE.finditer(text)):
        mark = piece[0]
        if number >= most or (number == 0 and mark != "{"):
            break
        if mark in ("{", "["):
            depth, key = depth + 1, ""
        elif mark in ("}", "]"):
            depth -= 1
            if not depth:
                break
        elif depth != 1:
            continue
        elif mark == ":":
            named = True
        elif mark == ",":
            key, named = "", False
        elif not named:
            key = str(_scalar(mark))
        elif key:
            value = _scalar(mark)
            if key == "token":
                tokens.append(piece.span())
            found[key] = value
            key = ""
    return found, tokens


def _ending(text: str) -> Any:
    """The token of a document that ends with it. The last bracket of one is its own, so that what
    stands right before it, back to the last object or list, is on the first level."""
    found = _ENDING.search(text, max(0, len(text) - _LAST))
    return _scalar(found[1]) if found else None


def _scalar(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return None


def _time(value: Any) -> tuple[float, bool]:
    """UNIX seconds, 0 for none, and whether that is a form that Aircall documents: seconds or
    milliseconds. ISO 8601 is understood, too."""
    if isinstance(value, str):
        try:
            return _moment(value), False
        except (ValueError, OverflowError):
            return 0.0, False
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0.0, False
    return _seconds(value), value == 0 or _seconds(value) > 0


def _seconds(value: float) -> float:
    for seconds in (value, value / 1000 if value < 1e14 else 0.0):
        if _EARLIEST <= seconds <= _LATEST:
            return float(seconds)
    return 0.0


def _moment(text: str) -> float:
    text = text.strip()
    if text.replace(".", "", 1).isdecimal():
        return _seconds(float(text))
    parsed = datetime.fromisoformat(text)
    return _seconds((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
