from __future__ import annotations

from pathlib import Path

import pytest

from aircall_mcp import spec
from aircall_mcp.errors import SpecError
from aircall_mcp.offer.tools import INSTRUCTIONS
from aircall_mcp.search import Index
from aircall_mcp.search.model import load
from aircall_mcp.search.reading import Reader
from aircall_mcp.search.training.plain import MOST, POLITELY, SELDOM, Grammar
from aircall_mcp.search.training.sources import Sources, read_sources
from aircall_mcp.search.words import NAME

from .meant import serves

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sources() -> Sources:
    return read_sources(ROOT / "tool_specs")


@pytest.fixture(scope="module")
def index() -> Index:
    return Index(spec.load().operations)


def phrases(pattern: str, **words: str) -> list[str]:
    return Grammar("xx.toml", words, {"name": "Ana|Bo"}).phrases(pattern)


def test_a_pattern_says_each_of_its_choices() -> None:
    said = phrases("(ring|call) {who}( now|)", who="Ana|Bo")
    assert len(said) == len(set(said)) == 8
    assert {"ring Ana", "call Bo now"} <= set(said)


def test_a_choice_may_hold_another_and_words_may_hold_words() -> None:
    said = phrases("{do} (the (big|small) |)team", do="make|{drop}", drop="delete|remove")
    assert {line.split()[0] for line in said} == {"make", "delete", "remove"}
    assert {line.split(maxsplit=1)[1] for line in said} == {
        "team", "the big team", "the small team",
    }  # fmt: skip


def test_the_parts_of_a_bag_come_in_any_order() -> None:
    assert set(phrases("~ calls, (list|all)")) == {
        "calls list", "list calls", "calls all", "all calls",
    }  # fmt: skip


def test_some_phrases_are_polite_and_some_names_stand_for_all() -> None:
    said = Grammar("xx.toml", {"polite": "please"}, {"name": "Ana|Bo"}).phrases("ring ({name}|him)")
    assert any(line.startswith("please ring") for line in said) == (len(said) >= POLITELY)
    wide = "|".join(f"w{n}" for n in range(60))
    said = Grammar("xx.toml", {"polite": "please"}, {"name": "Ana|Bo"}).phrases(
        f"({wide}) {{name}}"
    )
    assert sum(line.startswith("please ") for line in said) == len(said) // POLITELY
    assert 0 < sum(NAME in line for line in said) < len(said) / 2


def test_some_are_said_again_in_a_story_and_with_a_tail() -> None:
    words = {"story": "we moved,", "tail": ", thanks"}
    said = Grammar("xx.toml", words, {}).phrases(f"({'|'.join(f'w{n}' for n in range(60))}) it")
    alone = {line.removeprefix("we moved, ").removesuffix(", thanks") for line in said}
    assert len(alone) == 60
    assert alone <= {*said}
    assert sum(line.startswith("we moved, ") for line in said) == 60 // SELDOM
    assert sum(line.endswith(", thanks") for line in said) == 60 // SELDOM
    bag = Grammar("xx.toml", words, {}).phrases("~ calls, list, all, missed, today")
    assert all("moved" not in line and "thanks" not in line for line in bag)


def test_the_same_phrases_come_in_every_run_and_never_too_many() -> None:
    wide = "|".join(f"w{n}" for n in range(500))
    assert len(phrases("({wide}) {wide}", wide=wide)) == MOST
    assert phrases("({wide}) {wide}", wide=wide) == phrases("({wide}) {wide}", wide=wide)


@pytest.mark.parametrize("pattern", ["(a|b", "a|b)c", "{nothing}", "((a)"])
def test_a_pattern_that_does_not_fit_is_named_with_its_file(pattern: str) -> None:
    with pytest.raises(SpecError, match=r"xx\.toml"):
        phrases(pattern)


def test_sixty_operations_and_more_are_said_plainly_in_every_language(sources: Sources) -> None:
    spoken: dict[str, set[str]] = {}
    for example in sources.examples:
        if example.plain:
            spoken.setdefault(example.language, set()).add(example.intent)
    assert set(spoken) == set(sources.languages)
    shared = {name for name in spoken["en"] if all(name in said for said in spoken.values())}
    plain = {name for name in shared if not name.startswith("!")}
    assert len(plain) >= 60
    assert {"!no_object", "!undo", "!team_chat", "!other_programs"} <= shared
    page = (ROOT / "docs" / "search.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in plain)


def test_the_texts_name_the_languages_that_were_taught(sources: Sources) -> None:
    names = load().vocabulary.names
    assert set(names) == set(sources.languages.values())
    assert all(name in INSTRUCTIONS.replace("\n", " ") for name in names)
    search = next(o for o in spec.load().operations if o.ours and o.id == "search")
    assert all(code in search.summary for code in sources.languages)


PLAIN = [
    ("passer un appel", "start_outbound_call"),
    ("Anruf tätigen", "start_outbound_call"),
    ("hacer una llamada", "start_outbound_call"),
    ("fazer uma chamada", "start_outbound_call"),
    ("fare una telefonata", "start_outbound_call"),
    ("iemand bellen", "start_outbound_call"),
    ("call Maya", "start_outbound_call"),
    ("call +33199001234", "start_outbound_call"),
    ("buscar un contacto", "search_contacts"),
    ("crear un contacto", "create_contact"),
    ("liga para a Maya", "start_outbound_call"),
    ("texto a Maya", "send_message_in_conversation"),
    ("text the whole crew", "send_group_message_in_conversation"),
    ("who is free", "list_user_availabilities"),
    ("wer ist gerade frei", "list_user_availabilities"),
    ("appels manqués", "search_calls"),
    ("missed calls no voicemail", "search_calls"),
    ("calls list per_page order", "list_calls"),
    ("zendesk ticket 88231 attach call transcript", "get_call_transcription"),
    ("pipedrive deal lost tag call aircall", "add_call_tags"),
    ("if they disagree, tag it", "add_call_tags"),
    ("neue SMS", "list_messages"),
    ("what happened today", "read_events"),
    ("missed calls into slack", "forward_events"),
]


@pytest.mark.parametrize(("said", "meant"), PLAIN)
def test_the_plainest_words_are_enough(index: Index, said: str, meant: str) -> None:
    ranking = index.rank(said)
    assert serves(ranking.matches[0].operation, [meant])
    assert ranking.confident


@pytest.mark.parametrize(
    "said",
    [
        "удали контакт 812", "連絡先を削除 812", "позвони Ивану на +79161234567",
        "zadzwoń do Anny Kowalskiej", "hívd fel Annát",
        "blorptang the fizzgig", "asdkj qwoei", "lorem ipsum dolor sit amet 812",
    ],
)  # fmt: skip
def test_words_that_nobody_taught_are_not_guessed_at_whatever_id_stands_by(
    index: Index, said: str
) -> None:
    ranking = index.rank(said)
    assert not ranking.confident
    assert "English" in ranking.hint
    assert "Dutch" in ranking.hint


@pytest.mark.parametrize(
    "said",
    ["delete it", "start", "next page", "do that again", "supprime-le", "mach weiter", "borra eso",
     "cancellalo", "apaga isso", "doe het", "change this please", "show me"],
)  # fmt: skip
def test_an_act_without_a_thing_is_asked_back(index: Index, said: str) -> None:
    ranking = index.rank(said)
    assert not ranking.confident
    assert "Which thing?" in ranking.hint


@pytest.mark.parametrize(
    "said",
    ["restore the recording we deleted", "bring back the contact we deleted", "undo that",
     "restaurar el contacto borrado", "die gelöschte Aufnahme wiederherstellen",
     "restaure l'enregistrement que nous avons supprimé"],
)  # fmt: skip
def test_undoing_is_not_doing(index: Index, said: str) -> None:
    ranking = index.rank(said, 10)
    assert not ranking.confident
    assert not [m for m in ranking.matches if m.operation.effect == "delete" and m.score > 0]


@pytest.mark.parametrize(
    "said",
    ["book a flight", "order a pizza", "post a message in the #sales slack channel",
     "create a jira ticket", "open a zendesk ticket", "close ticket 88231", "play some music"],
)  # fmt: skip
def test_what_is_asked_of_other_programs_is_not_done_here(index: Index, said: str) -> None:
    assert not index.rank(said).confident


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("calls from Markus", ["calls", "from", NAME]),
        ("calls from marrkus", ["calls", "from", "marrkus"]),
        ("appels de Geertje", ["appels", "de", NAME]),
        ("show the recrodings of Hrvoje", ["show", "the", "recordings", "of", NAME]),
        ("zeig mir die Anurfe", ["zeig", "mir", "die", "anrufe"]),
        ("zeig mir die Anrufe von Hrvoje", ["zeig", "mir", "die", "anrufe", "von", NAME]),
    ],
)
def test_a_name_is_no_slip_and_a_slip_in_a_german_noun_is_no_name(
    said: str, meant: list[str]
) -> None:
    assert list(Reader(load(), spec.load().operations).read(said).words) == meant


def test_a_name_near_to_a_word_of_another_language_stays_one(index: Index) -> None:
    """ "Markus" is a slip away from "marks", which a call gets in a review."""
    for said in ("Anrufe von Markus", "calls from Markus", "gesprekken van Markus"):
        assert serves(index.rank(said).matches[0].operation, ["search_calls"]), said


def test_a_name_need_not_be_known(index: Index) -> None:
    for name in ("Okonkwo", "Hrvoje Kovačević", "Thuy Nguyen"):
        assert index.rank(f"call {name}").confident
        assert index.rank(f"appelle {name}").confident


@pytest.mark.parametrize(
    "said",
    [pattern.format(thing) for thing in ("contact", "tag", "team", "recording", "webhook", "user")
     for pattern in ("show the {}", "find a {}", "what about the {}", "{} 812")],
)  # fmt: skip
def test_nothing_deletes_unless_something_asks_for_it(index: Index, said: str) -> None:
    assert "delete" not in {m.operation.effect for m in index.rank(said, 10).matches if m.score > 0}


def test_what_is_far_behind_the_first_is_left_out(index: Index) -> None:
    assert len(index.rank("create a new contact", 10).matches) < 10
    for said, _ in PLAIN:
        scores = [match.score for match in index.rank(said, 10).matches]
        assert scores[-1] >= 0.0019 * scores[0]
