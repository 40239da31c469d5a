"""How a name sounds, in any spelling: Schmid as Schmitt, Nathaly as Nathalie, Yulia as Julia; and
its consonants, for scripts that write no vowels."""

from __future__ import annotations

import re
from functools import lru_cache

_RULES = [
    (re.compile(pattern), spoken)
    for pattern, spoken in (
        (r"t?sch|sh|sz(?=[a-z])", "S"),
        (r"t?ch|cz|tj", "C"),
        (r"ph|ff|[vw]$", "f"),
        (r"w", "v"),
        (r"eaux?|(?<=[a-z])a(?:ult|ud|ut)$", "o"),
        (r"th|dt|d$", "t"),
        (r"ck|qu|q|kh|c(?![eiy])", "k"),
        (r"x", "ks"),
        (r"ts|tz|[zc]", "s"),
        (r"dj|dzh|zh|g(?=[eiy])", "j"),
        (r"eo(?=[^aeiouy])", "e"),
        (r"ou|oo", "u"),
        (r"ay|ey|ai|ij", "ei"),
        (r"ie|ee|y|j", "i"),
        (r"(?<=.)h", ""),
        (r"(.)\1+", r"\1"),
        (r"(?<=..)e$", ""),
    )
]
_VOWELS = re.compile(r"[aeiouwy'\u02bb\u02bc\u02bd\u02be\u02bf]|h$")
_WITHOUT_VOWELS = re.compile("[\u0590-\u05ff\u0600-\u06ff\u0750-\u077f]")


@lru_cache(maxsize=65_536)
def sound(word: str) -> str:
    """The same for folded words that somebody who hears them may take for one another."""
    for pattern, spoken in _RULES:
        word = pattern.sub(spoken, word)
    return word


def bones(word: str) -> str:
    """The consonants of a folded word, each once: mhmd of Mohammed."""
    return re.sub(r"(.)\1+", r"\1", _VOWELS.sub("", word.replace("q", "k").replace("c", "k")))


def without_vowels(text: str) -> bool:
    """Whether `text` is of a script that writes none: Arabic, Hebrew."""
    return _WITHOUT_VOWELS.search(text) is not None
