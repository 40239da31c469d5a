"""Nobody else waits for a person who is asked for something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aircall_mcp.ground.secrets import Secret
from aircall_mcp.storage.lock import Lock
from aircall_mcp.vault import Kind, Vault

from ..vaults import PHRASE, WORKS, again, value, vault_at


@pytest.fixture
def asked() -> list[bool]:
    return []


@pytest.fixture
def vault(home: Path, asked: list[bool]) -> Vault:
    vault_at(home, {}, ask=lambda _new: Secret(PHRASE)).create("passphrase")

    def ask(new: bool) -> Secret:
        asked.append(new)
        lock = Lock(home / "vault.lock")
        assert lock.take(), "asked while others wait"
        lock.release()
        return Secret(PHRASE)

    return vault_at(home, {}, ask=ask)


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_with_a_vault(vault: Vault, asked: list[bool], work: Callable[[Vault], object]) -> None:
    work(vault)
    assert asked[0] is False


def test_while_it_is_examined(vault: Vault, asked: list[bool]) -> None:
    assert vault.check() == []
    assert asked == [False]


def test_while_it_is_made(vault: Vault, asked: list[bool]) -> None:
    vault.create("passphrase", replace=True)
    assert asked == [True]


def test_for_a_new_key_elsewhere(home: Path, vault: Vault, asked: list[bool]) -> None:
    vault.rotate("file")
    assert again(home).status().kind == "file"
    vault.rotate("passphrase")
    assert again(home).status().kind == "passphrase"
    assert asked == [False, True]


@pytest.mark.parametrize("kind", ["file", "passphrase"])
def test_whoever_is_too_late_is_asked_again(home: Path, kind: Kind) -> None:
    """The key is changed while the person types the old one."""
    words = {False: Secret(PHRASE), True: Secret(f"{PHRASE}, and more")}
    other = vault_at(home, {}, ask=words.__getitem__)
    vault_at(home, {}, ask=lambda _new: Secret(PHRASE)).create("passphrase")
    typed = iter([Secret(PHRASE), words[True]])

    def late(_new: bool) -> Secret:
        phrase = next(typed)
        if phrase == words[False]:
            other.rotate(kind)
        return phrase

    vault = vault_at(home, {}, ask=late)
    assert vault.write("company", "account", value(1))
    assert vault.check() == []
