"""Ranking by words alone, of operations that no model learned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aircall_mcp.offer import Registry
from aircall_mcp.search.lexical import Lexical
from aircall_mcp.search.words import Lexicon


@pytest.mark.parametrize("order", [1, -1])
def test_a_word_is_worth_what_it_is_where_it_says_most(registry: Registry, order: int) -> None:
    one = replace(registry.ids["ping"], title="", summary="", utterances=())
    named = replace(one, id="list_walruses", utterances=("show every walruses",))
    summed = replace(one, id="list_seals", summary="Seals and walruses.", utterances=("walruses",))
    said = replace(one, id="list_otters", utterances=("walruses",))
    lexical = Lexical([named, summed, said][::order], Lexicon.of({}), lambda _: 1.0)
    found = lexical.rank(["walruses"], [])
    assert found["list_walruses"] == pytest.approx(1.0)
    assert sorted(found, key=found.__getitem__, reverse=True) == [
        "list_walruses", "list_seals", "list_otters"]  # fmt: skip
