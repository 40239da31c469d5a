"""Other people's words without anything invisible: the one function on every way out.

What is invisible is what Unicode says of it: Default_Ignorable_Code_Point of its
DerivedCoreProperties.txt (16.0), the variation selectors, tags, fillers and marks of direction
among them; and controls, halves of letters, and what breaks a line unseen. Kept as it came is what
a script or an emoji is spelled with, where it is spelled so: a joiner behind an Arabic or Indic
letter, a selector behind the character that it selects, the flag of Scotland. So a name that is
read here and written back is the name that it was, and nothing can be said between the letters.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, cast

_PIECE = 32_768
"""Characters that are looked at in one go: an expression holds the interpreter to its end."""

_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""Default_Ignorable_Code_Point, whole."""
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029"
"""All but the tabulator and the line feed; the line and the paragraph separator."""
_NOTHING = (
    "\u2800\u2d7f\ufff9-\ufffc\U0001107f\U00013430-\U0001343f\U00013441\U00013442\U00016fe4"
    "\U0001d159\ud800-\udfff\ufdd0-\ufdef"
) + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
"""Blank or no character at all: a braille cell without dots, joiners of Tifinagh and Brahmi, the
filler of Khitan, annotations, the place of an object, what arranges hieroglyphs and parts them, a
note without a head, halves of letters, and what Unicode will never assign."""
_SUSPECT = re.compile(f"[{_IGNORABLE}{_CONTROLS}{_NOTHING}]")
_PLAIN = bytes([*range(32, 127), *b"\n\t"])

_BREAKS = frozenset("\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029")
"""They part words, so that a space takes their place."""

_JOINING = re.compile(
    "[\u0600-\u077f\u07c0-\u07ff\u0840-\u086f\u0870-\u08ff\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
    "\u0900-\u0dff\u0f00-\u109f\u1700-\u17ff\u1800-\u18af\u1900-\u1aaf\u1b00-\u1c4f\u1cd0-\u1cff"
    "\ua800-\ua8ff\ua930-\ua9ff\uaa00-\uaa7f\uaae0-\uaaff\uabc0-\uabff"
    "\U00010a00-\U00010a5f\U00010ac0-\U00010aff\U00010d00-\U00010d3f\U00010f30-\U00010fdf"
    "\U00011000-\U00011dff\U0001e900-\U0001e95f]"
)
"""Blocks of the scripts that are spelled with joiners: Arabic and its like, Mongolian, the Indic
ones from Devanagari to Javanese."""
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u1aaf\ua9e0-\uaa7f]")
"""Blocks of the scripts that part words by a space without width: Thai, Lao, Burmese, Khmer."""
_MONGOLIAN = re.compile("[\u1820-\u18aa]")
_HAN = re.compile(
    "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)  # whose forms in names are told apart by selectors
_LAST_VARIANT = "\U000e013f"
"""The Ideographic Variation Database has some fifty variants of the character with most; with all
240 selectors each could carry a byte that nobody sees."""
_FORMED = re.compile(
    "[\u1000-\u109f\uaa60-\uaa7f\ua840-\ua877\u2200-\u22ff\u2a00-\u2aff\u3001\u3002]"
)
"""What has a second form of its own: Burmese letters, Phags-pa, signs of mathematics, 、 and 。."""
_PICTURE = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe"
    "\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
    "\U0001fc00-\U0001fffd]"
)
"""Extended_Pictographic of Unicode's emoji-data.txt, by the blocks that hold it, and the colours
of skin."""
_FLAGS = tuple(
    "".join(chr(0xE0000 + ord(letter)) for letter in place) + "\U000e007f"
    for place in ("gbeng", "gbsct", "gbwls")
)
"""The tags of the flags in Unicode's emoji-sequences.txt. Any others would be hidden letters."""
_BLACK_FLAG = "\U0001f3f4"


def is_clean(text: str) -> bool:
    """Whether `text` has nothing that could be invisible; where it has, `clean` looks closer."""
    if text.isascii() and text.isprintable():
        return True
    # Of most texts little is not plain ASCII, and only that is worth the large expression.
    for at in range(0, len(text), _PIECE):
        raw = text[at : at + _PIECE].encode("utf-8", "surrogatepass").translate(None, _PLAIN)
        if raw and _SUSPECT.search(raw.decode("utf-8", "surrogatepass")):
            return False
    return True


def clean(text: str) -> str:
    """`text` without what is invisible. To clean it twice is to clean it once."""
    if is_clean(text):
        return text
    kept: list[str] = []
    done = 0
    for at in range(0, len(text), _PIECE):
        for found in _SUSPECT.finditer(text, at, at + _PIECE):
            here = found.start()
            if here < done:
                continue
            if here > done:
                kept.append(text[done:here])
            stays, done = _stays(kept, text, here)
            if stays:
                kept.append(stays)
    if not done:
        return text
    kept.append(text[done:])
    return "".join(kept)


def escaped(text: str) -> str:
    """`text` with all that `clean` would take out of it spelled as JSON does, so that it is seen:
    for what somebody judges by, and is done with every letter that it has. To clean it changes
    nothing."""
    if is_clean(text):
        return text
    kept: list[str] = []
    done = 0
    for found in _SUSPECT.finditer(text):
        here = found.start()
        if here < done:
            continue
        if here > done:
            kept.append(text[done:here])
        stays, done = _stays(kept, text, here)
        gone = text[here:done]
        kept.append(stays if stays == gone else "".join(map(_spelled, gone)))
    kept.append(text[done:])
    return "".join(kept)


def _spelled(one: str) -> str:
    units = one.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def bare(text: str) -> str:
    """`text` without any of it, even where a name is spelled so: for comparing, not for showing."""
    if text.isascii() and text.isprintable():
        return text
    return _SUSPECT.sub(lambda found: " " if found[0] in _BREAKS else "", text)


def clean_json(value: Any) -> Any:
    """`value` (JSON) with every text in it cleaned, names of fields, too."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list | tuple):
        return [clean_json(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {clean(name): clean_json(part) for name, part in fields.items()}
    return value


def _stays(kept: list[str], text: str, at: int) -> tuple[str, int]:
    """What stays of the suspect at `at`, behind what was `kept`, and where the text goes on."""
    one, following = text[at], text[at + 1 : at + 2]
    before = kept[-1][-1] if kept else ""
    if one in _BREAKS:
        return ("\r" if one + following == "\r\n" else " "), at + 1
    if "\U000e0020" <= one <= "\U000e007f":
        for tags in _FLAGS if before == _BLACK_FLAG else ():
            if text.startswith(tags, at):
                return tags, at + len(tags)
        return "", at + 1
    return (one if before and _spells(one, kept, before, following) else ""), at + 1


def _spells(one: str, kept: list[str], before: str, following: str) -> bool:
    """Whether a script or an emoji is spelled with `one` in this place."""
    match one:
        case "\u200c":
            return _is_letter(before, _JOINING)
        case "\u200d":
            return _is_letter(before, _JOINING) or (
                _PICTURE.match(following) is not None and _is_picture(kept)
            )
        case "\u200b":
            return _is_letter(before, _UNSPACED) and _is_letter(following, _UNSPACED)
        case "\u180b" | "\u180c" | "\u180d" | "\u180e" | "\u180f":
            return _MONGOLIAN.match(before) is not None
        case "\ufe0e" | "\ufe0f":
            # A digit is the base of a key's cap alone: elsewhere it would part a number unseen.
            return _PICTURE.match(before) is not None or (
                before in "0123456789#*" and following == "\u20e3"
            )
        case "\u2800":
            return "\u2801" <= before <= "\u28ff"
        case "\u2d7f":
            return "\u2d30" <= before <= "\u2d6f"
        case "\U0001107f":
            return "\U00011000" <= before <= "\U00011075"
        case "\U00016fe4":
            return "\U00018b00" <= before <= "\U00018cff"
        case "\U00013441" | "\U00013442":
            return "\U00013000" <= before <= "\U0001343f"
        case _ if "\ufe00" <= one <= "\ufe02":
            return _HAN.match(before) is not None or (
                one == "\ufe00" and _FORMED.match(before) is not None
            )
        case _ if "\U000e0100" <= one <= _LAST_VARIANT:
            return _HAN.match(before) is not None
        case _ if "\U00013430" <= one <= "\U0001343f":
            return "\U00013000" <= before <= "\U0001342f"
        case _:
            return False


def _is_letter(one: str, script: re.Pattern[str]) -> bool:
    """Whether it is a letter or a mark of `script`: behind a joiner no second one stands."""
    return script.match(one) is not None and unicodedata.category(one)[0] in "LM"


def _is_picture(kept: list[str]) -> bool:
    """Whether what was kept ends with a picture, in whatever style."""
    end = "".join(kept[-2:])[-2:].rstrip("\ufe0e\ufe0f")
    return _PICTURE.match(end[-1:]) is not None
