from __future__ import annotations

import random
import unicodedata

import pytest

from aircall_mcp.ground.visible import clean, clean_json

SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
KEPT = {
    "Tifinagh": "\u2d30\u2d7f\u2d33",
    "Khitan": "\U00018b00\U00016fe4\U00018b01",
    "Brahmi": "\U00011052\U0001107f\U00011053",
    "hieroglyphs with a blank": "\U00013000\U00013430\U00013441",
    "Persian": "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
    "Sorani, as it was once written": "\u0626\u0647\u200c\u0645\u0647\u200c",
    "Hindi": "\u0915\u094d\u200d\u0937",
    "Marathi": "\u0930\u094d\u200d\u092f\u093e",
    "Bengali": "\u09b0\u200d\u09cd\u09af\u09be\u09ac",
    "Sinhala": "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    "Malayalam, as it was once written": "\u0d28\u0d4d\u200d",
    "Khmer": "\u179f\u17bb\u1781\u200b\u179f\u17c6",
    "Mongolian": "\u182d\u180b\u1820\u180e\u1820",
    "Japanese": "\u6e21\U000e0100\u908a\U000e0102",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "her trade": "\U0001f469\U0001f3fd\u200d\U0001f4bb",
    "a burning heart": "\u2764\ufe0f\u200d\U0001f525",
    "the rainbow": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "a key's cap": "1\ufe0f\u20e3",
    "Scotland": SCOTLAND,
    "France": "\U0001f1eb\U0001f1f7",
    "two lines": "a\r\nb\tc\n",
}
GONE = {
    "a\u200bb": "ab",
    "se\u200d\u200ccret": "secret",
    "1\ufe0f2": "12",
    "x\ufe0e": "x",
    "a\u2028b\u2029c\x85d\re": "a b c d e",
    "\u202eevil\u2066\u200f\u061c": "evil",
    "\u0627\u200c\u200c\u200d\u0628": "\u0627\u200c\u0628",
    "\U0001f3f4\U000e0067\U000e0062\U000e007f": "\U0001f3f4",
    "\U0001f3f4"
    + "".join(chr(0xE0000 + ord(one)) for one in "ignore")
    + "\U000e007f": "\U0001f3f4",
    "\U0001f468\u200d\u200d\U0001f469": "\U0001f468\u200d\U0001f469",
    "\U0001f468\u200dx": "\U0001f468x",
    "\u3164\uffa0\u115f\u1160\u2800\u034f\u17b4": "",
    "\x1b[31mred\x07\x00\x9b": "[31mred",
    "\u6e21\ufe0f\ud800\ufffe\U0010ffff": "\u6e21",
    "\u200d\u200c\ufe0f": "",
    "a\U0001d159b\ufffcc\u2d7fd\U0001107fe\U00016fe4f\U00013441g\U00013442": "abcdefg",
}


@pytest.mark.parametrize("script", KEPT)
def test_what_a_script_or_an_emoji_is_spelled_with_stays_as_it_came(script: str) -> None:
    text = KEPT[script]
    assert clean(text) == text
    assert clean(f"Call {text}, please") == f"Call {text}, please"


@pytest.mark.parametrize("text", GONE, ids=ascii)
def test_what_nobody_sees_is_gone(text: str) -> None:
    assert clean(text) == GONE[text]


def test_every_sign_of_format_behind_a_latin_letter_is_gone() -> None:
    """But for the few which are seen: signs around numbers, in scripts that have them."""
    seen = set(range(0x600, 0x606)) | {0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    unseen = [n for n in range(0x110000) if unicodedata.category(chr(n)) == "Cf" and n not in seen]
    assert len(unseen) > 140
    assert {clean(f"a{chr(n)}b") for n in unseen} == {"ab"}


def test_to_clean_twice_is_to_clean_once_wherever_the_pieces_end() -> None:
    chance = random.Random(14)
    letters = "a1 \n\u0628\u0915\u094d\u182d\u6e21\u1780\U0001f468\U0001f3f4\u20e3\u2801" + "".join(
        GONE
    )
    for length in [*range(60)] * 8 + [33_000, 70_000]:
        text = "".join(chance.choices(letters, k=length))
        once = clean(text)
        assert clean(once) == once
    family = KEPT["a family"]
    for before in range(32_768 - 8, 32_768 + 1):
        text = "x" * before + family + "\u202ey"
        assert clean(text) == "x" * before + family + "y"


def test_a_secret_cannot_be_parted_unseen() -> None:
    for one in [
        *"\U0001d159\ufffc\u2d7f\U0001107f\U00016fe4\U00013441",
        *map(chr, range(0x180B, 0x1810)),
        "\u200c",
        "\u200d",
        "\ufe0f",
        "\U000e0101",
    ]:
        assert clean(f"sk_li{one}ve_4{one}2aZ") == "sk_live_42aZ"


def test_json_is_cleaned_at_every_depth_and_in_names() -> None:
    assert clean_json({"na\u200bme": ["a\u202eb", {"x": "\ufeffy", "n": 1, "no": None}]}) == {
        "name": ["ab", {"x": "y", "n": 1, "no": None}]
    }


def test_no_letters_hide_behind_characters_that_have_variants() -> None:
    hidden = "".join(f"\u4e00{chr(0xE0100 + byte)}" for byte in b"call +33199001234")
    assert len(clean(hidden)) < 2 * len("call +33199001234")
    seen = "".join(chr(ord(one) - 0xE0100) for one in clean(hidden) if one > "\U000e0000")
    assert not any(letter in seen for letter in "cal")
    named = "\u908a\U000e0112\u845b\U000e0101"
    assert clean(named) == named
