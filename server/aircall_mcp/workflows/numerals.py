"""Numbers written as words, as digits: twenty-four is 24, first is 1st."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .counting import SPOKEN, counted


def _listed(text: str) -> list[str]:
    return text.split()


_ONES = {
    name: n for n, name in enumerate(
        _listed(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen
    """
)
    )
}  # fmt: skip
_TENS = {
    name: 10 * n for n, name in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2
    )
} | {"fourty": 40}  # fmt: skip
_ORDINALS = {
    name: n for n, name in enumerate(
        _listed(
    """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
    thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth
    """
), 1
    )
} | {"twentieth": 20, "thirtieth": 30}  # fmt: skip
_SCALES = {"thousand": 1_000, "million": 1_000_000}
_ENDINGS = ("st", "nd", "rd", "th")


def numbered(words: Sequence[str], language: str = "") -> Iterator[tuple[int, int, str]]:
    """Each word, or each number that several words say: where it begins, where the next one does,
    and what it is."""
    if language in SPOKEN:
        yield from _numbered_there(list(words), language)
        return
    at = 0
    words = list(map(_counted_once, words, [*words[1:], ""]))
    while at < len(words):
        end, value = _number(words, at)
        if value is None:
            yield at, at + 1, _ordinal(words[at])
            at += 1
            continue
        if words[end : end + 1] == ["point"]:
            place = end + 1
            while place < len(words) and (digit := _digit(words[place])):
                value, end, place = (
                    f"{value}{'' if '.' in str(value) else '.'}{digit}",
                    place + 1,
                    place + 1,
                )
            if isinstance(value, str):
                yield at, end, value
                at = end
                continue
        last = _ORDINALS.get(words[end], 0) if end < len(words) else 0
        if value >= 20 and value % 10 == 0 and 0 < last < 10:
            yield at, end + 1, f"{value + last}th"
            end += 1
        else:
            yield at, end, str(value)
        at = end


def _numbered_there(words: list[str], language: str) -> Iterator[tuple[int, int, str]]:
    at = 0
    while at < len(words):
        end, value = counted(words, at, language) or (at + 1, words[at])
        yield at, end, str(value)
        at = end


def _ordinal(word: str) -> str:
    if word in _ORDINALS:
        return f"{_ORDINALS[word]}th"
    if word.endswith(_ENDINGS) and word[:-2].isdecimal():
        return f"{int(word[:-2])}th"
    return word


def _number(words: Sequence[str], at: int) -> tuple[int, int | None]:
    """Where the number that begins at `at` ends, and its value, None where none begins."""
    total, place, scaled = 0, at, False
    while True:
        place, part = _below_thousand(words, place, first=not scaled)
        if part is None:
            return (place, total) if scaled else (at, None)
        scale = _SCALES.get(words[place]) if place < len(words) else None
        if scale is None:
            return place, total + part
        total, place, scaled = total + part * scale, place + 1, True


def _below_thousand(words: Sequence[str], at: int, *, first: bool) -> tuple[int, int | None]:
    """A number up to 999, or whatever digits say."""
    if at < len(words) and first and words[at].isdecimal() and len(words[at]) <= 15:
        return at + 1, int(words[at])
    place, value = _below_hundred(words, at)
    if value is None or place >= len(words) or words[place] != "hundred" or not value:
        return place, value
    value, place = value * 100, place + 1
    spoken = place + (place < len(words) and words[place] == "and")
    after, rest = _below_hundred(words, spoken)
    return (place, value) if rest is None else (after, value + rest)


def _below_hundred(words: Sequence[str], at: int) -> tuple[int, int | None]:
    word = words[at] if at < len(words) else ""
    if word in _ONES:
        return at + 1, _ONES[word]
    if word not in _TENS:
        return at, None
    ones = _ONES.get(words[at + 1], 0) if at + 1 < len(words) else 0
    return (at + 2, _TENS[word] + ones) if 0 < ones < 10 else (at + 1, _TENS[word])


def _counted_once(word: str, following: str) -> str:
    """A hundred as one hundred."""
    return "one" if word == "a" and (following == "hundred" or following in _SCALES) else word


def _digit(word: str) -> str:
    """One digit as it is said behind a point, "" for none."""
    if word.isdecimal() and len(word) == 1:
        return word
    return str(_ONES[word]) if _ONES.get(word, 10) < 10 else ""
