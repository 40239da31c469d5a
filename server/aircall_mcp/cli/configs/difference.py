"""What will change in a client's file, for a person to look at.

Ours is shown as it is. Of what others wrote the names are shown, and their values, which may be
keys, are covered: a file of one line changes as a whole, and a neighbour gets a comma.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any

from ...ground.visible import clean
from .jsonc import is_list, is_object
from .known_clients import HOW, WRITTEN

COVER = "…"

_PIECE = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.|'')*')   # in quotes
      | (?P<comment>(?://|(?:^|(?<=\s))\#).*|/\*.*?(?:\*/|$))
      | (?P<mark>[\s{}\[\],:=]+|^\s*-\s)
      | (?P<bare>[^\s{}\[\],"'=:][^\s{}\[\],=]*)""",
    re.VERBOSE,
)
_PLAIN = re.compile(r"true|false|null|-?[0-9]+(?:\.[0-9]+)?|-")
_NAMES = re.compile(r"\s*[:=](?:\s|$|[\"'{\[0-9tfn])")
"""What follows a name, and no value."""


def difference(before: str, after: str, entries: list[Any]) -> str:
    """The lines that go and come, with `-` and `+` before them. `entries` are what is ours."""
    ours = {word for entry in entries for word in _words(entry)}
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    changed = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    return "\n".join(line[:1] + clean(_covered(line[1:], ours)) for line in changed)


def _words(entry: Any) -> Iterator[str]:
    """What of our entry may be seen: all but the values of variables that are not ours."""
    if is_object(entry):
        for name, value in entry.items():
            yield name
            if HOW.get(name) and is_object(value):
                for variable, one in value.items():
                    yield variable
                    if variable in WRITTEN or re.search(r"\$?\{|^(?:Bearer )?\$", str(one)):
                        yield str(one)
            else:
                yield from _words(value)
    elif is_list(entry):
        for one in entry:
            yield from _words(one)
    elif entry is not None:
        yield str(entry)


def _covered(line: str, ours: set[str]) -> str:
    parts: list[str] = []
    place = 0
    while place < len(line):
        found = _PIECE.match(line, place)
        if found is None:  # a quote without an end, a colon within a word: somebody's text goes on
            parts.append(COVER)
            break
        place = found.end()
        parts.append(_shown(found, line[place:], ours))
    return "".join(parts)


def _shown(found: re.Match[str], rest: str, ours: set[str]) -> str:
    piece = found[0]
    if found.lastgroup == "mark" or piece in ours or _PLAIN.fullmatch(piece):
        return piece
    if found.lastgroup == "comment":
        return piece[:2] + COVER if piece.startswith("/") else f"#{COVER}"
    bare = piece.removesuffix(":")
    if bare in ours or _read(piece) in ours:
        return piece
    if _NAMES.match(rest) or (piece.endswith(":") and not rest.strip().startswith("//")):
        return piece
    return f'"{COVER}"' if found.lastgroup == "text" else COVER


def _read(piece: str) -> str:
    if piece.startswith('"'):
        try:
            return str(json.loads(piece))
        except ValueError:
            return ""
    return piece[1:-1].replace("''", "'") if piece.startswith("'") else piece
