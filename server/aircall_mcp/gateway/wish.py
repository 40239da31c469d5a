"""The identity of an effect for the people whom it reaches: the same for all spellings of it.

Its family (a dial is a dial, whichever operation dials), the phone numbers it reaches as a set, and
what it says to them, folded to what a person would take for the same. Who sends it, and how that
was written, is no part of it. `wish` in the toolset files says what counts; where it says nothing,
all arguments do. The company is compared apart from it, see `companies`.
"""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, cast
from urllib.parse import urlsplit

from ..ground.operation import Bound, Operation
from ..ground.parameter import Parameter
from ..ground.phones import e164, reached
from ..ground.visible import bare

_TYPOGRAPHY = str.maketrans({
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u02b9\u02bb\u02bd\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u2033\u301d\u301e", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
})  # fmt: skip
"""What editors put in the place of what was typed."""
_ACCENT = re.compile("[ \u00a0][\u0300\u0301\u0313]")
"""What Unicode's forms make of an accent that stands for an apostrophe: one upon a space."""
_DASHES = re.compile("--+")
_FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a]{3,6}\U000e007f")
_SHOWN = {0xE0000 + ord(letter): letter for letter in string.ascii_lowercase}
"""England's flag is another than Scotland's by signs that elsewhere nobody sees."""
_PORTS = {"http": 80, "https": 443}
_ESCAPE = re.compile("%([0-9a-fA-F]{2})")
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")

Fold = Callable[[str], str]


def wish_of(bound: Bound) -> str:
    """Names the wish: the same for every spelling of it, and another for other people or words."""
    operation, arguments = bound.operation, bound.arguments
    rule = operation.wish
    if rule is None:
        whom: set[str] = set()
        what = {p.name: f"{p.name}[]" for p in operation.parameters if p.place != "ours"}
    else:
        whom = {reached(number) for name in rule.whom for number in _numbers(arguments.get(name))}
        what = rule.what
    says = {
        slot: folded
        for slot, place in what.items()
        if (folded := _says(operation, arguments, place)) is not None
    }
    family = rule.family if rule else operation.id
    said = json.dumps([family, sorted(whom), says], sort_keys=True, separators=(",", ":"))
    return sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def folded(text: str) -> str:
    """`text` as a person reads it: without what is invisible, in one case, form and spacing."""
    text = _FLAG.sub(lambda flag: flag[0].translate(_SHOWN), text)
    text = bare(text).translate(_TYPOGRAPHY)  # of which Unicode's forms would part some
    text = _ACCENT.sub("'", bare(unicodedata.normalize("NFKC", text)))
    text = unicodedata.normalize("NFKC", text.casefold()).translate(_TYPOGRAPHY)
    return " ".join((text if text.isascii() else "".join(map(_sign, text))).split())


def told(text: str) -> str:
    """The same of what is said to people: a space says something between digits alone, since
    elsewhere what looks like one need be none, and many dashes are one."""
    return _DASHES.sub("-", "".join(_spaced(folded(text).split())))


def _sign(letter: str) -> str:
    """`letter`, if it is no dash or digit of whatever script."""
    if unicodedata.category(letter) == "Pd":
        return "-"
    digit = unicodedata.decimal(letter, None)
    return letter if digit is None else str(digit)


def _spaced(words: list[str]) -> Iterator[str]:
    """`words`, with a space between two where it parts digits. A mark stands upon nothing else."""
    before = ""
    for word in words:
        kind = unicodedata.category(word[0])[0]
        parted = before and (kind == "M" or before == kind == "N")
        yield f" {word}" if parted else word
        before = unicodedata.category(word[-1])[0]


def folded_url(text: str) -> str:
    """The address that `text` is, in one spelling; what is none is folded as text."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return folded(text)
    if not host:
        return folded(text)
    whose = parts.netloc.rpartition("@")[0]
    at = "" if port in (None, _PORTS.get(parts.scheme)) else f":{port}"
    path, query = (_ESCAPE.sub(_plain, part) for part in (parts.path or "/", parts.query))
    path = _straight(path)
    return f"{parts.scheme}://{whose}@{host.rstrip('.')}{at}{path}?{query}"


def _straight(path: str) -> str:
    """`path` without the steps that lead nowhere, `/.` and `/a/..`, as RFC 3986 takes them out."""
    steps: list[str] = []
    for step in path.split("/"):
        if step == "..":
            steps[1:] = steps[1:-1]
        elif step != ".":
            steps.append(step)
    if path.endswith(("/.", "/..")):
        steps.append("")
    return "/".join(steps)


def _plain(escape: re.Match[str]) -> str:
    """`%41` is another spelling of `A`; `%2f` is one of `%2F`, and no slash."""
    character = chr(int(escape[1], 16))
    return character if character.isascii() and character in _UNRESERVED else escape[0].upper()


def _says(operation: Operation, arguments: Mapping[str, Any], place: str) -> Any:
    """What stands at `place`, folded; None where that says nothing. `[]` at its end: in whatever
    order, and however often."""
    path = place.removesuffix("[]").split(".")
    parameter = next(p for p in operation.parameters if p.name == path[0])
    value: Any = arguments
    for name in path:
        value = cast("Mapping[str, Any]", value).get(name) if isinstance(value, Mapping) else None
    if value == parameter.schema.get("default"):
        return None
    words = told if operation.wish and operation.wish.whom else folded
    return _folded(value, _Leaves(parameter, path[1:], words), ordered=not place.endswith("[]"))


class _Leaves:
    """How a text at a place inside an argument is folded: as a number, an address, or words."""

    def __init__(self, parameter: Parameter, within: list[str], words: Fold) -> None:
        self._parameter = parameter
        self._place = within
        self._words = words

    def below(self, key: str) -> _Leaves:
        return _Leaves(self._parameter, [*self._place, key], self._words)

    @property
    def fold(self) -> Fold:
        parameter, place = self._parameter, "/".join(self._place)
        phones = {"phone": "", "phones": "*"}.get(parameter.form)
        if place == phones or parameter.texts.get(place) == "phone":
            return e164
        return folded_url if place in parameter.urls else self._words


def _folded(value: Any, leaves: _Leaves, *, ordered: bool) -> Any:
    """`value` with its texts folded and without what says nothing; None where nothing is left."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(int(value) if isinstance(value, float) and value.is_integer() else value)
        case str():
            return leaves.fold(value) or None
        case list():
            items = cast("list[Any]", value)
            parts = [_folded(item, leaves.below("*"), ordered=ordered) for item in items]
            said = [part for part in parts if part is not None]
            if not ordered:
                said = sorted({json.dumps(part, sort_keys=True) for part in said})
            return said or None
        case Mapping():
            fields = cast("Mapping[str, Any]", value)
            whole = {
                folded(key): part
                for key, item in fields.items()
                if (part := _folded(item, leaves.below(key), ordered=ordered)) is not None
            }
            return whole or None
        case _:
            return None


def _numbers(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in cast("list[Any]", value)] if isinstance(value, list) else [value]
