from __future__ import annotations

import hashlib
import json
import shutil
from array import array
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pytest

from aircall_mcp.errors import SpecError
from aircall_mcp.search.company import company_of
from aircall_mcp.search.model import (
    FILE,
    LEVELS,
    VALUE_STEPS,
    ZERO,
    Model,
    Refusal,
    Settings,
    Table,
    begins_of,
    key_of,
    load,
    unpacked,
)
from aircall_mcp.search.repair import mended
from aircall_mcp.search.training import train
from aircall_mcp.search.training.quantise import table_of, vocabulary_of
from aircall_mcp.search.words import (
    FEATURES,
    LONGEST_TEXT,
    MOST_WORDS,
    Lexicon,
    concepts_of,
    features_of,
    words_of,
)

LEXICON = Lexicon.of({"delete": ["delete", "lösch*", "get_rid_of"], "tape": ["*aufnahme*"]})


def features_in(text: str, lexicon: Lexicon) -> dict[str, int]:
    words = words_of(text)
    return features_of(words, concepts_of(words, lexicon))


def small_model(weights: Sequence[Sequence[int]], levels: Sequence[int] = ()) -> Model:
    """Three intents and "several", one row a list; the first row is their leaning."""
    settings = Settings(scale=0.5, sharpness=2.0, sure=0.5, clear=0.1)
    count = len(weights) - 1
    rows = sorted(
        (key_of(f"w:word{n}"), row, level)
        for n, row, level in zip(
            range(1, count + 1), weights[1:], levels or [0] * count, strict=True
        )
    )
    halves = b"".join(
        bytes(
            (one + ZERO) | (two + ZERO) << 4 for one, two in zip(row[::2], row[1::2], strict=True)
        )
        for _, row, _ in rows
    )
    keys = array("I", [key for key, _, _ in rows])
    table = Table(
        keys,
        begins_of(keys),
        bytes([VALUE_STEPS] * count),
        bytes(level for _, _, level in rows),
        array("b", [row[3] for _, row, _ in rows]),
        halves,
        0.25,
    )
    words = vocabulary_of(
        [("en", ["delete"]), ("en", ["delete", "once"]), ("fr", ["delete"])],
        {"en": "English", "fr": "French"},
        {1: 3.0, 2: 2.0, 3: 1.0},
    )
    refusals = {"fly": Refusal("It cannot fly.", ())}
    company = json.dumps(company_of([["one", "two"]])).encode()
    return Model(
        ["one", "two", "!fly"], LEXICON, refusals, company, settings, words, weights[0], table
    )


def test_scores_are_the_sum_of_the_rows_over_their_length_and_the_leaning() -> None:
    model = small_model([[2, 0, -2, 1], [5, -8, 7, 2], [-3, 4, -7, 3]], levels=[0, 3])
    rows = model.rows_of({"w:word1": 0, "w:word2": 1, "w:unknown": 2})
    length = 2**0.5
    assert rows.keys() == {0, 1}
    marks, several = model.scores(rows)
    assert marks == pytest.approx(
        [0.5 * (5 - 24) / length + 2, 0.5 * (-8 + 32) / length, 0.5 * (7 - 56) / length - 2]
    )
    assert several == pytest.approx(0.25 * (2 + 3) / length + 1)
    assert [model.says(rows, n)[1] for n in range(3)] == [-24, 32, -56]


@pytest.mark.parametrize("count", [1, 16, 17, 18, 68, 69, 1000])
@pytest.mark.parametrize("weight", [-8, 7])
@pytest.mark.parametrize("level", [0, LEVELS - 1])
def test_lanes_never_carry_into_each_other(count: int, weight: int, level: int) -> None:
    model = small_model([[0, 0, 0, 0], *[[weight, 0, weight, 0]] * count], [level] * count)
    rows = model.rows_of({f"w:word{n}": n for n in range(1, count + 1)})
    expected = 0.5 * weight * 2**level * count / count**0.5
    assert model.scores(rows)[0] == pytest.approx([expected, 0, expected])


def test_weights_are_halved_to_what_changes_them_least() -> None:
    np = pytest.importorskip("numpy")
    weights = [[0.7, -0.1, 0.35, 0.02], [70.0, -80.0, 10.0, -0.5]]
    unit, table = table_of(["w:word1", "w:word2"], [1.0, 2.0], np.array(weights, np.float32))
    model = small_model([[0] * 4] * 3)
    model = Model(
        model.intents, LEXICON, {}, b"{}", Settings(unit, 2.0, 0.5, 0.1), model.vocabulary,
        [0.0] * 4, table,
    )  # fmt: skip
    rows = [row for (row,) in model.rows_of({"w:word1": 0, "w:word2": 1}).values()]
    assert [round(table.values[row] / VALUE_STEPS, 1) for row in rows] == [1.0, 2.0]
    for row, meant in zip(rows, weights, strict=True):
        stored = [unit * model.says({0: [row]}, n)[0] for n in range(3)]
        assert stored == pytest.approx(meant[:3], abs=max(map(abs, meant)) / 7), row
        assert table.unit * table.several[row] == pytest.approx(meant[3], abs=0.005)


def test_a_word_is_known_in_the_languages_it_was_used_in() -> None:
    model = small_model([[0, 0, 0, 0]])
    assert model.vocabulary.names == ("English", "French")
    assert [model.languages(word) for word in ("delete", "once", "never")] == [0b11, 0b01, 0]
    assert model.rarity("delete") == pytest.approx(1.0)
    assert model.rarity("once") is None
    assert model.rarity("never") is None


def test_a_model_survives_its_file() -> None:
    model = small_model([[2, 0, -2, 0], [5, -8, 7, 7]], levels=[2])
    again = unpacked(model.packed("hash"))
    rows = model.rows_of({"w:word1": 0})
    assert again.rows_of({"w:word1": 0}) == rows
    assert again.scores(rows) == model.scores(rows)
    for words in ("whole", "starts", "within"):
        assert getattr(again.lexicon, words) == getattr(model.lexicon, words)
    assert again.company == model.company == {"one": {"one": 1, "two": 1}, "two": {"two": 1}}
    assert again.refusals == model.refusals
    assert again.settings == model.settings
    assert again.languages("delete") == model.languages("delete")
    assert again.rarity("delete") == model.rarity("delete")


def test_the_mapped_model_says_what_its_bytes_say() -> None:
    mapped = load()
    read = unpacked(files("aircall_mcp").joinpath("_compiled", FILE).read_bytes())
    for text in _SAID:
        heard = mapped.rows_of(features_in(text, mapped.lexicon))
        assert heard == read.rows_of(features_in(text, read.lexicon))
        assert mapped.scores(heard) == read.scores(heard)
        assert all(mapped.says(heard, n) == read.says(heard, n) for n in range(20))


@pytest.mark.parametrize("cut", [0, 10, -1])
def test_a_broken_file_says_what_to_do(cut: int) -> None:
    packed = small_model([[0, 0, 0, 0]]).packed("hash")
    with pytest.raises(SpecError) as caught:
        unpacked(packed[:cut])
    assert "make search-model" in caught.value.hint


def test_the_shipped_model_is_five_megabytes_at_most() -> None:
    assert len(files("aircall_mcp").joinpath("_compiled", FILE).read_bytes()) <= 5_000_000


def test_the_shipped_model_is_small_and_explains_every_refusal() -> None:
    model = load()
    refused = [intent[1:] for intent in model.intents if intent.startswith("!")]
    assert set(refused) == set(model.refusals)
    assert all(refusal.explanation.endswith(".") for refusal in model.refusals.values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Löschen, bitte!", ["loschen", "bitte"]),
        ("l'appel n° 812", ["l", "appel", "n", "xid"]),
        ("call +33 1 99 00 12 34 now", ["call", "xphone", "now"]),
        ("mail anna@acme.com via https://x.io/a?b=c", ["mail", "xmail", "via", "xurl"]),
        ("don't getCallSummary", ["do", "not", "get", "call", "summary"]),
        ("at 10:30 or 9 am", ["at", "xtime", "or", "xtime"]),
    ],
)
def test_values_become_what_they_are(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_long_text_is_cut() -> None:
    assert len(words_of("word " * LONGEST_TEXT)) == MOST_WORDS


def test_concepts_are_found_by_word_start_phrase_and_part_of_a_compound() -> None:
    for text in ("delete", "gelöscht löschen", "get rid of"):
        assert "c:delete" in features_in(text, LEXICON)
    features = features_in("lösche die Gesprächsaufnahme", LEXICON)
    assert features["d:delete+tape"] == 0


@pytest.mark.parametrize("typo", ["delte", "deelte", "delett", "dleete", "deleete"])
def test_one_slip_is_mended(typo: str) -> None:
    words = mended([typo], lambda word: word == "delete", lambda word: float(word == "delete"))
    assert words == ["delete"]


def test_known_short_and_foreign_words_are_left_alone() -> None:
    words = ["cat", "delete", "über", "a1b2c3"]
    assert mended(words, lambda word: word == "delete", lambda _: 0.0) == words


_SAID = (
    "Call +33 1 99 00 12 34 from Maya's line at 10:30, please",
    "delete the recording of call 812 and don't tag it",
    "Lösche die Gesprächsaufnahme von gestern",
    "crée un contact pour anna@acme.com",
    "envía un SMS a los agentes de guardia",
    "chi ha perso più chiamate oggi?",
    "exclui o webhook https://x.io/a?b=c",
    "zet mijn beschikbaarheid op niet storen",
    "A2P getCallSummary 10DLC 911",
)


def test_features_do_not_change_without_their_number() -> None:
    """The shipped model was learned from these. Raise `FEATURES` with them, and train anew."""
    found = [sorted(features_in(text, load().lexicon)) for text in _SAID]
    digest = hashlib.sha256(repr(found).encode()).hexdigest()
    assert (FEATURES, digest[:16]) == (2, "f7a58293f7425fef")


def test_a_changed_sentence_makes_the_model_stale(tmp_path: Path) -> None:
    sources = tmp_path / "tool_specs"
    shutil.copytree(Path(__file__).parents[2] / "tool_specs", sources,
                    ignore=shutil.ignore_patterns("lint"))  # fmt: skip
    assert train.main(["--check", "--sources", str(sources)]) == 0
    voice = sources / "utterances" / "owner.toml"
    voice.write_text(voice.read_text("utf-8").replace("call", "cal", 1), "utf-8")
    assert train.main(["--check", "--sources", str(sources)]) == 1
