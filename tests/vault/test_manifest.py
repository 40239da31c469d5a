from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aircall_mcp.errors import CredentialError
from aircall_mcp.vault.envelope import Key, canonical
from aircall_mcp.vault.manifest import Head, Manifest, Row

KEY = Key(bytes(range(32)))
HEAD = Head("a vault", "file", "", KEY.id, "check", 7)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
ROWS = st.lists(
    st.builds(Row, TEXTS, st.sampled_from(["account", "webhook"]), st.integers(0, 2**62), TEXTS),
    max_size=8,
)


def spelt(rows: list[Row]) -> bytes:
    """The text of the format, spelt all at once as the first release did."""
    there = {row.place: row for row in rows}
    about = ["a vault", "file", "", KEY.id, "check", 7]
    listed = [
        [row.owner, row.field, row.generation, row.digest]
        for row in (there[place] for place in sorted(there))
    ]
    return canonical(["manifest", about, listed])


@given(ROWS, ROWS, TEXTS)
def test_it_vouches_for_the_text_of_the_format_however_it_came_about(
    first: list[Row], more: list[Row], gone: str
) -> None:
    manifest = Manifest(first)
    assert manifest.vouched(HEAD, KEY).manifest == KEY.mac(spelt(first))
    for row in more:
        manifest = manifest.put(row)
    assert manifest.vouched(HEAD, KEY).manifest == KEY.mac(spelt([*first, *more]))
    left = [row for row in [*first, *more] if row.owner != gone]
    assert manifest.without(gone).vouched(HEAD, KEY).manifest == KEY.mac(spelt(left))
    assert manifest.owners("account") == tuple(
        sorted({row.owner for row in [*first, *more] if row.field == "account"})
    )


@given(ROWS, st.builds(Row, TEXTS, st.just("account"), st.integers(0, 9), TEXTS))
def test_one_that_was_made_of_another_leaves_that_as_it_was(rows: list[Row], row: Row) -> None:
    before = Manifest(rows)
    vouched, listed, owners = before.vouched(HEAD, KEY), list(before), before.owners("account")
    before.put(row).without(row.owner)
    assert (before.vouched(HEAD, KEY), list(before)) == (vouched, listed)
    assert before.owners("account") == owners


def test_who_is_there_is_known_of_each_state_by_itself() -> None:
    states = [Manifest()]
    for owner in ("b", "a"):
        assert owner not in states[-1].owners("account")
        states.append(states[-1].put(Row(owner, "account", 1, "aa")))
    states.append(states[-1].without("b"))
    assert [state.owners("account") for state in states] == [(), ("b",), ("a", "b"), ("a",)]


def test_any_other_row_or_head_is_refused() -> None:
    row = Row("company", "account", 3, "aa")
    head = Manifest([row]).vouched(HEAD, KEY)
    Manifest([row]).verify(head, KEY)
    others = [
        Manifest(), Manifest([row, Row("other", "account", 3, "aa")]),
        Manifest([Row("company", "account", 4, "aa")]), Manifest([Row("company", "x", 3, "aa")]),
        Manifest([Row("company", "account", 3, "ab")]),
    ]  # fmt: skip
    for other in others:
        with pytest.raises(CredentialError, match="damaged"):
            other.verify(head, KEY)
    with pytest.raises(CredentialError, match="damaged"):
        Manifest([row]).verify(Head("a vault", "file", "", KEY.id, "check", 8, head.manifest), KEY)
