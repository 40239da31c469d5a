"""What is wrong with a policy file, and what was probably meant."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from ..ground.nearest import closest

_UNQUOTED: Final = re.compile(r"^\s*([\w.-]+)\s*=\s*(\d{1,2}:\d\d)\s*(?:#.*)?$", re.MULTILINE)
"""A time as people write it: only with seconds is it one in TOML."""
_SAID: Final = {"UK": "GB", "EL": "GR", "USA": "US", "UAE": "AE"}
"""What people write for a country that is not its code."""


class Fault(ValueError):
    """Why a value does not fit, with the nearest right word as `hint`."""

    def __init__(self, words: str, hint: str = "") -> None:
        super().__init__(words)
        self.hint = hint


def unparsed(text: str) -> str:
    """The next step for a file that is no TOML."""
    if found := _UNQUOTED.search(text):
        return f'A time is in quotes: {found[1]} = "{found[2]:0>5}".'
    return "Each line is `key = value` in UTF-8, and text is in quotes."


def country_meant(word: str) -> str:
    """` Did you mean "FR"?` for the name of a country in any language that libphonenumber knows,
    or an empty string."""
    from phonenumbers.geodata.locale import LOCALE_DATA

    if code := _SAID.get(word.strip().upper()):
        return f'Did you mean "{code}"?'
    called = {
        _folded(name): code
        for code, names in LOCALE_DATA.items()
        for name in names.values()
        if not name.startswith("*")
    }
    near = closest(_folded(word), called) if len(word) > len("FRA") else []
    return f'Did you mean "{called[near[0]]}"?' if near else ""


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(one for one in plain if not unicodedata.combining(one))
