"""What the search is worth on voices it has never heard, held against the figures on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from aircall_mcp import spec
from aircall_mcp.search import train
from aircall_mcp.search.trial import Tally, tried

SOURCES = Path(__file__).parents[2] / "tool_specs"
RECORDED = Path(__file__).with_name("recorded.json")

SLACK = 0.01
"""How far a figure may fall behind the record: rounding differs between machines."""

BETTER_LOW = ("false confidence", "false refusal")


@pytest.fixture(scope="module")
def sources() -> train.Sources:
    return train.read_sources(SOURCES)


def test_the_committed_model_was_made_from_these_sources() -> None:
    assert train.main(["--check"]) == 0


def test_every_operation_in_force_is_spoken_for_in_every_voice(sources: train.Sources) -> None:
    wanted = {
        o.id for o in spec.load().operations
        if not o.ours and not (o.retired and o.retired.replacement)
    }  # fmt: skip
    for voice in {example.voice for example in sources.examples} - {train.OWN}:
        spoken = {example.intent for example in sources.examples if example.voice == voice}
        assert wanted <= spoken
        assert {f"!{name}" for name in sources.refusals} <= spoken


def test_no_sentence_stands_for_two_intents(sources: train.Sources) -> None:
    meant: dict[str, str] = {}
    for example in sources.examples:
        if example.voice != train.OWN:
            assert meant.setdefault(example.text.lower(), example.intent) == example.intent


def test_refusals_are_spoken_for_by_several_hundred_phrases(sources: train.Sources) -> None:
    assert sum(e.intent.startswith("!") for e in sources.examples) > 2_000


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_voices_never_heard_are_served_as_well_as_on_record(sources: train.Sources) -> None:
    recorded = cast("dict[str, dict[str, float]]", json.loads(RECORDED.read_text("utf-8")))
    tallies: dict[str, Tally] = tried(train.Solution(sources), spec.load().operations)
    worse = [
        f"{group}: {name} was {before}, is {tallies[group].figures()[name]}"
        for group, figures in recorded.items()
        for name, before in figures.items()
        if (tallies[group].figures()[name] - before) * (-1 if name in BETTER_LOW else 1) < -SLACK
    ]
    assert not worse, "\n".join(worse)
