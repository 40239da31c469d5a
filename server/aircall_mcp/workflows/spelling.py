"""How typed words are compared: folded, and how many typing mistakes apart two of them are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ..ground.visible import bare
from .romanisation import romanised

_LETTERS = str.maketrans({
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i",
    "æ": "ae", "œ": "oe", "þ": "th",
})  # fmt: skip
_UMLAUTS = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "đ": "dj", "ō": "ou", "ū": "uu",
})  # fmt: skip
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc\u00b4`\u2032]")
_NO_WORD = re.compile(r"[\W_]+")
_GREEK = re.compile("[\u0370-\u03ff]")
_NEXT_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")

_ALIKE = frozenset(
    frozenset(pair) for pair in ("ck", "iy", "sz", "vw", "cs", "kq", "ij", "gj", "fv", "xs", "dt")
)
"""Letters that stand for one sound in some name."""
_MAC = 6
"""Letters beyond which a name that begins with Mac is written with Mc, too."""
_SMALL = 4
"""Letters of a word that may be written as one with the next."""
_SERVANTS = frozenset(("abdul", "abdel", "abdal", "abdur"))
"""The same, of five letters."""
_VOWELS = frozenset("aeiouy")


def words(text: str) -> tuple[str, ...]:
    """The words of `text` in one case, without accents, apostrophes and punctuation."""
    return tuple(_NO_WORD.sub(" ", _bare(text, marks=False)).split())


def spellings(text: str, *, read: bool = True) -> tuple[tuple[str, ...], ...]:
    """The same first, and then as it is written where a keyboard has no umlauts, in Latin letters,
    and as it is `read`, where these differ."""
    plain = words(text)
    if text.isascii():
        return (plain,)
    long = tuple(_NO_WORD.sub(" ", _bare(text, marks=True)).split())
    latin = () if "".join(plain).isascii() else words(_in_latin(text))
    aloud = map(words, romanised(text)) if read else ()
    return tuple(dict.fromkeys(filter(None, (plain, long, latin, *aloud))))


def _in_latin(text: str) -> str:
    from anyascii import anyascii  # only names of other scripts need it

    latin = _NEXT_WORD.sub(" ", anyascii(text))
    return latin.replace("oy", "ou") if _GREEK.search(text) else latin


def _bare(text: str, *, marks: bool) -> str:
    text = _APOSTROPHES.sub("", bare(text)).casefold()
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    if marks:
        text = text.translate(_UMLAUTS)
    return fold(text)


def fold(text: str) -> str:
    """`text` in one case and without accents."""
    text = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(one for one in text if not unicodedata.combining(one)).casefold()


def more_words(name: str, said: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """More words that somebody may be asked for by: small ones written as one with the next, the
    initials of a double name, MacTavish as McTavish."""
    more = [word for spelled in said for word in (*_joined(spelled), *scottish(spelled))]
    doubled = [words(one) for one in name.split() if "-" in one.strip("-")]
    more += ["".join(word[0] for word in parts) for parts in doubled]
    known = {word for spelled in said for word in spelled}
    return tuple(dict.fromkeys(word for word in more if word and word not in known))


def scottish(name: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        f"mc{word[3:]}" if word.startswith("mac") and len(word) > _MAC else word for word in name
    )


def _joined(name: tuple[str, ...]) -> tuple[str, ...]:
    """The words that a name has where its small ones are written as one with the next: vanderberg
    and derberg, alhassan, annalena."""
    return tuple(
        "".join(name[start:end])
        for start in range(len(name) - 1)
        for end in range(start + 2, min(start + 4, len(name) + 1))
        if all(len(word) <= _SMALL or word in _SERVANTS for word in name[start : end - 1])
    )


def runs(said: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The same with two or three words that stand together as one: de la Cruz, Delacruz."""
    return [
        (*said[:start], "".join(said[start : start + length]), *said[start + length :])
        for length in (3, 2)
        for start in range(len(said) - length + 1)
        if len(said[start + length - 1]) > 1  # no initial
    ]


def leeway(word: str) -> int:
    """How many slips of the finger a word of this length may hold."""
    return 0 if len(word) < 3 else 1 if len(word) < 7 else 2


def mask(word: str) -> int:
    """The letters of a word as bits: words far apart in these are far apart."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 63)
    return bits


def distance(one: str, other: str, most: int) -> int:
    """Letters inserted, left out, changed or swapped with their neighbour; `most + 1` for more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, there in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != there))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == there:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


def another_name(typed: str, known: str) -> bool:
    """Whether two words, one slip apart or more, could as well be two names: Maria and Mario,
    Daniel and Daniela, Tim and Tom."""
    if typed == known:
        return False
    start = 0
    while start < min(len(typed), len(known)) and typed[start] == known[start]:
        start += 1
    one, other = typed[start:], known[start:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    if len(one) == len(other) == 1 and frozenset((one, other)) in _ALIKE:
        return False
    ends = start + max(len(one), len(other)) >= max(len(typed), len(known))
    if start == 0 and one and other and len(one) == len(other) == 1:
        return frozenset((one, other)) not in _ALIKE  # Jane and Kane
    if ends and (set(one) | set(other)) <= _VOWELS:
        return True
    if min(len(typed), len(known)) > 5:
        return False
    if sorted(one) == sorted(other):
        return False  # two letters swapped
    if len(one) == len(other) == 1:
        return frozenset((one, other)) not in _ALIKE
    added = one or other
    doubled = start > 0 and added == (typed[start - 1])
    return not (doubled or added == "h" or (not (one and other) and not ends))
