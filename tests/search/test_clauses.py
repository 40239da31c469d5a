"""Where a sentence falls apart, however what parts it is written."""

from __future__ import annotations

import pytest

from aircall_mcp.search.clauses import clauses_of

PARTING = (
    "before", "bevor", "avant", "antes de", "antes que", "prima di", "prima che", "voordat",
    "after", "once", "nachdem", "sobald", "après avoir", "après que", "después de", "dopo che",
    "depois de", "nadat", "zodra", "and", "then", "after that", "as well as", "also", "plus", "but",
    "so", "if so", "et", "puis", "ensuite", "après", "und", "dann", "danach", "y", "luego",
    "después", "e", "ed", "poi", "dopo", "depois", "en", "daarna",
)  # fmt: skip
SIGNS = (";", ":", "\n", "→", "->", ", ", ". ", "! ", "? ", " \u2013 ", " \u2014 ", " - ")


@pytest.mark.parametrize("word", PARTING)
def test_a_word_parts_a_sentence_in_any_letters(word: str) -> None:
    odd = word.replace("s", "\u017f").replace("i", "\u0131")  # the pattern takes these for s and i
    for written in (word, word.upper(), word.title(), odd):
        for text in (f"call Ana {written} tag it", f"call Ana ({written}) tag it"):
            assert [place for _, place in clauses_of(text)] == [0, pytest.approx(1, abs=1.5)], text


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_parts_a_sentence(sign: str) -> None:
    assert len(clauses_of(f"call Ana{sign}tag the call")) == 2


@pytest.mark.parametrize("text", ["", "call Ana", "call Andy someday", "list calls/numbers of 3.5"])
def test_what_has_none_of_them_is_one(text: str) -> None:
    assert clauses_of(text) == []
