"""Phrases in any form of their words, and nothing that only looks like them."""

from __future__ import annotations

import pytest

from aircall_mcp.workflows.phrases import Hit, hits


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("cancel my account", ["I want to cancel my account, please."]),
        ("cancel my account", ["So I CANCELLED my account."]),
        ("cancel my account", ["I'm thinking of canceling my accounts"]),
        ("cancelling my account", ["can you cancel my account"]),
        ("cancel my account", ["I would like to cancel", "my account today"]),
        ("cancel my account", ["I'd like to cancel", "Mhm.", "my account."]),
        ("cancel my account", ["to cancel, um, my my account"]),
        ("cancel my account", ["cancel, you know, my account"]),
        ("cancel my account", ["cancelling both of our accounts"]),
        ("do not call me", ["Please don't call me again"]),
        ("don't call me", ["please do not call me again"]),
        ("cannot log in", ["I can't login"]),
        ("can't log in", ["we can not log in"]),
        ("I am not happy", ["I\u2019m not happy at all"]),
        ("the account is closed", ["but the account's closed"]),
        ("it is broken", ["It's broken."]),
        ("twenty-four hours", ["within 24 hours"]),
        ("24 hours", ["in twenty four hours"]),
        ("one hundred and fifty dollars", ["that is 150 dollars"]),
        ("50%", ["fifty percent off"]),
        ("two weeks", ["in 2 weeks"]),
        ("1,500", ["one thousand five hundred"]),
        ("first invoice", ["my 1st invoice"]),
        ("e-mail address", ["your email address"]),
        ("sign up", ["the sign-up page"]),
        ("three p.m.", ["at 3pm, please"]),
        ("fifty dollars", ["it is $50 a month"]),
        ("100 euros", ["that's a hundred euros"]),
        ("1.5 hours", ["one point five hours"]),
        ("order number 4521", ["order number four five two one"]),
        ("4521", ["forty-five twenty-one"]),
        ("a grey cheque", ["a gray check"]),
        ("pay the bill", ["I paid the bills"]),
        ("went to the store", ["going to the stores"]),
        ("apologise", ["we apologize for that"]),
        ("caf\u00e9 cr\u00e8me", ["un cafe creme"]),
        ("r\u00e9silier mon contrat", ["Je veux resilier mon contrat"]),
    ],
)
def test_it_was_said(phrase: str, said: list[str]) -> None:
    assert hits(said, [phrase])


@pytest.mark.parametrize(
    ("language", "phrase", "said"),
    [
        ("de-DE", "Vertrag kündigen", ["Ich habe den Vertrag letzte Woche gekündigt"]),
        ("de", "falsche Rechnung", ["schon wieder falsche Rechnungen"]),
        ("fr", "rembourser mes frais", ["vous avez remboursé nos frais"]),
        ("es-ES", "cancelar mi pedido", ["Cancelé el pedido", "cancelamos nuestro pedido"]),
        ("de-AT", "mich zurückrufen", ["wollten Sie mich zurückrufen"]),
        ("de", "zurückrufen", ["Rufen Sie mich bitte zurück."]),
        ("nl", "opzeggen", ["ik zeg het op"]),
        ("fr", "annuler mon abonnement", ["j'annule mon abonnement"]),
        ("es", "llamar mañana", ["llámame mañana"]),
        ("es", "cancelar mi cuenta", ["cancelaré mi cuenta"]),
        ("it", "inviare la fattura", ["inviatemi la fattura"]),
        ("pt-BR", "cancelar meu plano", ["quero cancelar o seu plano"]),
    ],
)
def test_it_was_said_in_another_language(language: str, phrase: str, said: list[str]) -> None:
    assert hits(said, [phrase], language)
    assert not hits(["guten Tag", "bonjour", "hola"], [phrase], language)


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("cancel my account", ["please cancel my appointment"]),
        ("cancel my account", ["I want to cancel the order on my account"]),
        ("cancel my account", ["my account was cancelled"]),
        ("cancel my account", ["I want to cancel. My account number is 12."]),
        ("cancel my account", ["cancel my accounting course"]),
        ("cancel my account", ["cancel", "No problem at all, let me look.", "my account"]),
        ("do not call me", ["do call me"]),
        ("new", ["any news?"]),
        ("24 hours", ["twenty hours"]),
        ("numb", ["my number"]),
        ("refund", ["I found it"]),
        ("custom", ["a customer"]),
        ("", ["anything"]),
        ("the thing", ["this"]),
        ("cancel my account", ["Cancel. My account."]),
        ("tracking number works", ["the tracking number never works"]),
        ("order 452", ["order four five two one"]),
        ("it costs extra", ["it costs nothing extra"]),
    ],
)
def test_it_was_not_said(phrase: str, said: list[str]) -> None:
    assert hits(said, [phrase]) == []


def test_every_place_is_told_with_its_lines() -> None:
    said = ["Cancel my account.", "Why?", "I said cancel", "my account, and refund me."]
    assert hits(said, ["cancel my account", "refund"]) == [Hit(0, 0, 0), Hit(0, 2, 3), Hit(1, 3, 3)]


@pytest.mark.parametrize(
    ("said", "phrase"),
    [
        ("Our parcel hasn't arrived yet.", "parcel has arrived"),
        ("Is it the service? Or the price?", "the service or the price"),
        ("I want to speak to your manager.", "speak to his manager"),
    ],
)
def test_a_negation_or_another_sentence_parts_and_whose_it_is_counts(
    said: str, phrase: str
) -> None:
    assert hits([said], [phrase]) == []
