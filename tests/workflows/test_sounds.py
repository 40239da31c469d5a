"""Names by ear, by short form and without vowels; words of other languages in any form."""

from __future__ import annotations

import pytest

from aircall_mcp.workflows.inflection import bases
from aircall_mcp.workflows.meant import Named
from aircall_mcp.workflows.names import Names
from aircall_mcp.workflows.numerals import numbered
from aircall_mcp.workflows.short_names import called, cousins
from aircall_mcp.workflows.sounds import bones, sound

PEOPLE = [
    Named(1, "Yuliya Schmitt"),
    Named(2, "محمد الحسن"),
    Named(3, "Wietske van der Berg"),
    Named(4, "José Luis Navarro", emails=("jl@navarro.example",)),
    Named(5, "Thomas Becker"),
    Named(6, "Tom Baker"),
    Named(7, "Annalena Fischer"),
    Named(8, "Chen Li"),
    Named(9, "Hans-Peter MacTavish"),
    Named(10, "Fiona McTavish"),
    Named(11, "Geoffrey Tan"),
    Named(12, "Jeffrey Tan"),
    Named(13, "Maria Silva"),
    Named(14, "Maria da Silva"),
    Named(15, ""),
    Named(16, "Matthew Stone"),
    Named(17, "Matthew Stowe"),
    Named(18, "田中 美咲"),
    Named(19, "Erik Andersson", phones=("+441614960120",)),
    Named(20, "Erik Anderson", phones=("+441614960121",)),
    Named(21, "Erika Andersson"),
    Named(22, "王伟"),
]


@pytest.mark.parametrize(
    ("said", "id_"),
    [
        ("Julia Schmid", 1),
        ("Mohammed Al-Hassan", 2),
        ("Mohamed Alhasan", 2),
        ("Wietske Vanderberg", 3),
        ("Pepe Navarro", 4),
        ("navarro.example", 4),
        ("https://www.navarro.example/", 4),
        ("Anna-Lena Fischer", 7),
        ("Anna Lena Fischer", 7),
        ("our customer Herr Prof. Fischer", 7),
        ("HP McTavish", 9),
        ("Geoff Tan", 11),
        ("Jeff Tan", 12),
        ("Maria Silva", 13),
        ("Matt Stone", 16),
        ("田中さん", 18),
    ],
)
def test_one_is_found_however_the_name_is_written(said: str, id_: int) -> None:
    found = Names(PEOPLE).find(said).one
    assert found is not None
    assert found.id == id_


@pytest.mark.parametrize(
    ("said", "ids"),
    [
        ("Thomas Baker", {5, 6}),
        ("Tom Becker", {5, 6}),
        ("McTavish", {9, 10}),
        ("Erik A", {19, 20, 21}),
        ("+44 161 496 012", {19, 20}),
    ],
)
def test_who_is_as_near_is_asked_back(said: str, ids: set[int]) -> None:
    found = Names(PEOPLE).find(said)
    assert found.one is None
    assert {one.id for one in found.fits} == ids


def test_a_name_that_another_person_may_bear_is_never_taken_for_sure() -> None:
    assert Names(PEOPLE).find("Chan Lee").one is None


def test_who_was_dropped_is_found_by_nothing() -> None:
    names = Names(PEOPLE)
    for one in PEOPLE[1:3]:
        names.drop(one.kind, one.id)
    for said in ("Mohammed Al-Hassan", "Vanderberg", "van der Berg"):
        assert names.find(said).fits == ()


def test_one_word_of_a_name_does_not_stand_for_two() -> None:
    assert Names(PEOPLE).find("王芳").one is None


def test_what_holds_no_word_means_nobody() -> None:
    assert Names(PEOPLE).find("\u2728").fits == ()


def test_what_sounds_alike_is_alike() -> None:
    for alike in ("meier mayer maier meyer", "schmid schmidt schmitt", "sokolov sokolow"):
        assert len({sound(one) for one in alike.split()}) == 1
    for other in ("maria mario", "becker baker", "wang fang", "connolly connelly"):
        assert len({sound(one) for one in other.split()}) == 2
    assert bones("mohammed") == bones("muhammad") == "mhmd"


def test_short_names_lead_both_ways() -> None:
    assert "pepe" in called("jose")
    assert "jose" in called("pepe")
    assert "alexander" in called("sascha")
    assert "lee" in cousins("li")


@pytest.mark.parametrize(
    ("language", "said", "wanted"),
    [
        ("de", "zuruckgerufen", "zuruckrufen"),
        ("de", "abgeschickt", "abschicken"),
        ("de-DE", "kam", "kommen"),
        ("de", "storniert", "stornieren"),
        ("fr", "resilie", "resilier"),
        ("fr", "recu", "recevoir"),
        ("es", "devuelto", "devolver"),
        ("it", "disdetto", "disdire"),
        ("nl", "gekregen", "krijgen"),
        ("pt", "pagou", "pagar"),
    ],
)
def test_an_irregular_form_is_one_of_its_verb(language: str, said: str, wanted: str) -> None:
    assert bases(said, language) & bases(wanted, language)


@pytest.mark.parametrize(
    ("language", "noun", "verb"),
    [("fr", "paiement", "payer"), ("es", "cancelacion", "cancelar"), ("de", "zahlung", "zahlen")],
)
def test_what_doing_is_called_is_another_word(language: str, noun: str, verb: str) -> None:
    assert not bases(noun, language) & bases(verb, language)


@pytest.mark.parametrize(
    ("language", "said", "value"),
    [
        ("de", "einundzwanzig", "21"),
        ("de", "zweihundertfunfzig", "250"),
        ("de", "zweitausendfunfzig", "2050"),
        ("nl", "duizend", "1000"),
        ("fr", "mille deux cents", "1200"),
        ("es", "dos mil trescientos", "2300"),
        ("fr", "quatre vingt dix sept", "97"),
        ("fr", "deux cent cinquante", "250"),
        ("es", "treinta y dos", "32"),
        ("it", "ventuno", "21"),
        ("nl", "eenentwintig", "21"),
        ("pt", "cento e trinta", "130"),
        ("fr", "un", "un"),
    ],
)
def test_numbers_are_numbers_in_other_languages(language: str, said: str, value: str) -> None:
    words = said.split()
    assert [*numbered(words, language)] == [(0, len(words), value)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("佐藤健二", ("Kenji Sato", "sato kenji", "Satou")),
        ("田中 美咲", ("Misaki Tanaka", "田中さん")),
        ("鈴木さくら", ("Sakura Suzuki",)),
        ("大野 徹", ("Tooru Oono", "Ono Toru")),
        ("김민수", ("Min-su Kim", "Kim Minsoo")),
        ("이지은", ("Lee Ji-eun", "jieun yi")),
        ("Yūki Itō", ("Itou Yuki", "Yuuki Ito")),
        ("Abdul Rahman Khan", ("Abdurrahman Khan",)),
        ("Müller & Söhne GmbH", ("Mueller und Soehne",)),
        ("\u05d9\u05d5\u05e1\u05d9 \u05db\u05d4\u05df", ("Yossi Cohen",)),
        ("Caoimhe Kelly", ("Keeva",)),
    ],
)
def test_a_name_is_found_as_it_is_read(name: str, said: tuple[str, ...]) -> None:
    known = Names([Named(1, name, "contact"), Named(2, "Ken Jansen", "contact")])
    assert [one for one in said if known.find(one).one != Named(1, name, "contact")] == []


def test_who_is_asked_for_in_their_script_is_not_who_is_read_alike() -> None:
    known = Names([Named(1, "田中 美咲", "contact"), Named(2, "Hiroshi Tanaka", "user")])
    assert known.find("田中さん").one == Named(1, "田中 美咲", "contact")
    assert {one.id for one in known.find("Tanaka").fits} == {1, 2}
