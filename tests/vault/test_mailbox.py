from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aircall_mcp.accounts import Memory
from aircall_mcp.errors import CredentialError, StoreError
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.vault.envelope import Damaged
from aircall_mcp.vault.mailbox import Mailbox, Sealer, mailbox_of

from ..mail import mailbox
from ..vaults import vault_at


@given(st.binary(max_size=4096), st.binary(max_size=64))
def test_what_is_put_in_comes_out_as_it_was(plain: bytes, place: bytes) -> None:
    box = mailbox()
    assert box.open(Sealer(box.public).seal(plain, place), place) == plain


def test_the_same_twice_looks_different_and_each_sealer_has_a_key_of_its_own() -> None:
    box = mailbox()
    sealer = Sealer(box.public)
    sealed = [one.seal(b"same", b"p") for one in (sealer, sealer, Sealer(box.public))]
    assert len(set(sealed)) == 3
    assert sealed[0][:33] == sealed[1][:33] != sealed[2][:33]


def test_every_flipped_bit_every_cut_and_every_other_place_is_noticed() -> None:
    box = mailbox()
    sealed = Sealer(box.public).seal(b"a text", b"event 1")
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged):
            box.open(bytes(changed), b"event 1")
    for length in range(len(sealed)):
        with pytest.raises(Damaged):
            box.open(sealed[:length], b"event 1")
    with pytest.raises(Damaged):
        box.open(sealed, b"event 2")


def test_another_key_opens_nothing_and_marks_differently() -> None:
    box = mailbox()
    other = Mailbox(Secret(base64.b64encode(os.urandom(32)).decode()))
    with pytest.raises(Damaged):
        other.open(Sealer(box.public).seal(b"x", b""), b"")
    assert other.mark("33199001234") != box.mark("33199001234") == mailbox().mark("33199001234")
    assert len(box.mark("33199001234")) == 16


@pytest.mark.parametrize("public", [bytes(32), b"\x01" + bytes(31), b"short"])
def test_a_public_key_that_agrees_on_nothing_secret_is_refused(public: bytes) -> None:
    with pytest.raises((StoreError, ValueError)):
        Sealer(public)


def test_it_lies_in_the_vault_and_is_made_once(home: Path) -> None:
    vault = vault_at(home, {})
    assert mailbox_of(vault) is None
    with pytest.raises(CredentialError):
        mailbox_of(vault, make=True)
    vault.create("file")
    made = mailbox_of(vault, make=True)
    again = mailbox_of(vault_at(home, {}), make=True)
    assert made is not None
    assert again is not None
    assert made.public == again.public


def test_who_made_it_first_wins() -> None:
    shelf = Memory()
    first = mailbox_of(shelf, make=True)
    assert first is not None
    assert shelf.write("", "mailbox", {"key": Secret("x")}, expected=0) is None
    second = mailbox_of(shelf, make=True)
    assert second is not None
    assert first.public == second.public
